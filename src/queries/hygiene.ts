// What the Hygiene screen asks: findings with the keys they are about, worst first. Pure answers.

import type { Reader } from '../commands/command.ts'
import { hygiene, MAX_FINDINGS } from '../commands/hygiene.ts'
import type { Finding, Mend } from '../domain/hygiene.ts'
import { RULES } from '../domain/hygiene.ts'
import type { ListedKey } from '../domain/key.ts'
import { DEFAULT_SORT, MAX_PAGE } from '../domain/selection.ts'

/** A finding with what a person knows the key by, why it matters, and what mends it. */
export interface FindingRow extends Finding {
  readonly name: string | null
  readonly shortId: string
  readonly key: ListedKey
  readonly why: string
  readonly mend: Mend
}

export async function findingRows(reader: Reader): Promise<FindingRow[]> {
  const { findings } = await hygiene.answer({}, reader)
  const ids = [...new Set(findings.slice(0, MAX_FINDINGS).map(({ keyId }) => keyId))]
  const keys = new Map<string, ListedKey>()
  for (let from = 0; from < ids.length; from += MAX_PAGE) {
    const filter = { ids: ids.slice(from, from + MAX_PAGE) }
    const { rows } = await reader.store.keyWindow({
      filter,
      sort: DEFAULT_SORT,
      at: reader.at,
      span: { around: 'first', before: 0, after: MAX_PAGE },
    })
    for (const { item } of rows) keys.set(item.id, item)
  }
  return findings.flatMap((finding) => {
    const key = keys.get(finding.keyId)
    if (key === undefined) return []
    const { why, mend } = RULES[finding.rule]
    return [{ ...finding, key, name: key.name, shortId: key.secrets[0]?.shortId ?? '', why, mend }]
  })
}
