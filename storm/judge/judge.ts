// The independent judge of a store: reads its files and says whether log, keys and usage agree as 3-storage promises. Imports nothing
// of src/ or store/ (a test holds that), writes nothing, takes no lock: nobody may change the store meanwhile.

import type { JudgedAnchor } from './chain.ts'
import { judgeChain } from './chain.ts'
import type { JudgedKeys, StoredFiles } from './files.ts'
import { judgeKeys, judgeUsage, readFiles } from './files.ts'
import type { JudgedRecord } from './records.ts'
import { digestOf, splitLines } from './records.ts'

export interface Judgement {
  readonly isWhole: boolean
  readonly records: number
  /** The first wrong or missing record; null when the chain is whole. */
  readonly firstBad: number | null
  readonly wrong: readonly string[]
  readonly wrongKeys: readonly string[]
  /** What a death may leave and the next change puts right. */
  readonly notes: readonly string[]
}

export function judgeStore(keysPath: string): Judgement {
  return judgeFiles(readFiles(keysPath))
}

export function judgeFiles({ keys: keyBytes, usage: usageBytes, log }: StoredFiles): Judgement {
  const keys = judgeKeys(keyBytes)
  const usage = judgeUsage(usageBytes)
  const wrong = [...keys.wrong]
  const notes: string[] = []
  const anchors: JudgedAnchor[] = [keys.anchor]
  if (typeof usage === 'string') notes.push(usage)
  else if (usage !== null) anchors.push(usage)
  const { lines, torn } = linesOf(log, wrong)
  if (torn > 0) notes.push(`the last line, of ${torn} bytes, is not finished`)
  const chain = judgeChain(lines, anchors)
  if (chain.wrong !== null) wrong.push(chain.wrong)
  const wrongKeys = chain.firstBad === null ? compareKeys(chain.records, keys, wrong, notes) : []
  const isWhole = wrong.length === 0 && wrongKeys.length === 0
  return { isWhole, records: lines.length, firstBad: chain.firstBad, wrong, wrongKeys, notes }
}

/** The whole lines of all segments. A segment is named by its first record, and only the last may end in the middle of a line. */
function linesOf(log: StoredFiles['log'], wrong: string[]): { lines: Buffer[]; torn: number } {
  const all: Buffer[] = []
  let torn = 0
  for (const [index, { firstSeq, bytes }] of log.entries()) {
    const { lines, rest } = splitLines(bytes)
    if (firstSeq !== null && firstSeq !== all.length + 1) wrong.push(`segment ${firstSeq} stands where seq ${all.length + 1} belongs`)
    if (rest.length > 0 && index < log.length - 1) wrong.push(`segment ${firstSeq} ends in the middle of a line`)
    torn = rest.length
    for (const line of lines) all.push(line)
  }
  return { lines: all, torn }
}

const listOf = ({ after }: JudgedRecord, name: string): readonly unknown[] => {
  const list = after?.[name]
  return Array.isArray(list) ? list : []
}

/** Holds the digests on the log against the lines of keys.json; answers the ids of the keys that differ. */
function compareKeys(records: readonly JudgedRecord[], { anchor, lines }: JudgedKeys, wrong: string[], notes: string[]): string[] {
  const undone = new Set(records.flatMap((record) => listOf(record, 'rolledBack')))
  const changes = records.filter(({ base, seq }) => base !== null && !undone.has(seq))
  const unfinished = changes.filter(({ seq }) => seq > anchor.seq)
  const stray = unfinished.find(({ base }) => base !== anchor.seq)
  if (stray !== undefined)
    wrong.push(`the change of seq ${stray.seq}, based on seq ${stray.base}, is not in keys.json, anchored at seq ${anchor.seq}`)
  else if (unfinished.length > 0) notes.push(`a commit of ${unfinished.length} records died half-way`)
  const accepted = records.findLast(({ action }) => action === 'audit.accept-loss')
  const from = accepted?.seq ?? 0
  const digests = new Map<string, string | null>()
  for (const { seq, keyId, digest } of changes) if (seq > from && seq <= anchor.seq) digests.set(keyId as string, digest)
  if (accepted !== undefined && digests.size === 0 && accepted.after?.['digest'] !== digestOf([...lines.values()].join('\n')))
    wrong.push(`the keys are others than those that were accepted at seq ${accepted.seq}`)
  const named: string[] = []
  for (const [id, line] of lines) {
    const digest = digests.get(id)
    if (digest === undefined ? accepted === undefined : digest !== digestOf(line)) named.push(id)
  }
  for (const [id, digest] of digests) if (digest !== null && !lines.has(id)) named.push(id)
  return named
}
