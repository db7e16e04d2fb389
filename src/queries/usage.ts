// What the Usage screen asks: a glance at usage with the names of the busiest keys. Pure answers.

import type { Reader } from '../commands/command.ts'
import type { UsageSelector } from '../domain/ports.ts'
import { DEFAULT_SORT } from '../domain/selection.ts'
import type { Overview } from '../domain/stats.ts'
import type { UsageWindow } from '../domain/usage.ts'

/** A key of a glance with what a person knows it by. */
export interface NamedCalls {
  readonly keyId: string
  readonly name: string | null
  readonly userId: string
  readonly shortId: string
  readonly accepted: number
  readonly rateLimited: number
}

/** Usage at a glance. `named`: the busiest keys, then those of the most limited ones that are not among them. */
export interface Glance extends Overview {
  readonly named: readonly NamedCalls[]
}

export async function glance(
  { store, at }: Pick<Reader, 'store' | 'at'>,
  query: { selector: UsageSelector; window: UsageWindow },
): Promise<Glance> {
  const overview = await store.usage.overview(query.selector, query.window, at)
  const calls = [...new Map([...overview.limited, ...overview.busiest].map((one) => [one.keyId, one])).values()]
  const span = { around: 'first', before: 0, after: calls.length } as const
  const { rows } = await store.keyWindow({ filter: { ids: calls.map(({ keyId }) => keyId) }, sort: DEFAULT_SORT, span, at })
  const keys = new Map(rows.map(({ item }) => [item.id, item]))
  const named = calls
    .toSorted((a, b) => b.accepted - a.accepted)
    .map((one) => {
      const key = keys.get(one.keyId)
      return { ...one, name: key?.name ?? null, userId: key?.userId ?? '', shortId: key?.secrets[0]?.shortId ?? '' }
    })
  return { ...overview, named }
}
