// What signed checkpoints say of a log, proven with the public key alone. Reads them within a bound; never writes.

import type { KeyObject } from 'node:crypto'
import { closeSync, fstatSync, openSync } from 'node:fs'
import type { Anchor } from '../../src/domain/audit.ts'
import type { AuditReport } from '../../src/domain/audit-check.ts'
import type { Expected } from '../../src/domain/audit-expected.ts'
import { parseNotes } from '../../src/domain/checkpoint.ts'
import { errnoOf, faultAt } from '../faults.ts'
import { readAt } from './parts.ts'
import { isSignedWith } from './signed-note.ts'

/** The newest checkpoints that are proven: some 70,000, which is eight years of one an hour. */
const MAX_CHECKPOINT_BYTES = 16 * 1024 * 1024
const MAX_LISTED = 1000

/** Read before the log, which may only grow meanwhile. */
export interface SignedCheckpoints {
  /** What the log must hold. */
  readonly expected: readonly Expected[]
  /** Of which logs, by what said so first. */
  readonly origins: ReadonlyMap<string, string>
  readonly problems: readonly string[]
  readonly notes: readonly string[]
}

export function readCheckpoints(path: string, publicKey: KeyObject): SignedCheckpoints {
  const { bytes, isWhole } = readEndOf(path)
  const { notes: all, rest } = parseNotes(bytes)
  // Where only the end is read, it begins in the middle of a note.
  const signed = isWhole ? all : all.slice(1)
  const expected: Expected[] = []
  const problems: string[] = []
  const origins = new Map<string, string>()
  for (const [index, note] of signed.entries()) {
    const by = `checkpoint ${index + 1}${isWhole ? '' : ' of the newest'} in ${path}`
    const { checkpoint } = note
    if (checkpoint === null) problems.push(`${by} is none: it was garbled`)
    else if (isSignedWith(note, publicKey)) {
      expected.push({ by, anchor: checkpoint })
      if (!origins.has(checkpoint.origin)) origins.set(checkpoint.origin, by)
    } else problems.push(`${by}, for seq ${checkpoint.seq}, is not signed with that key`)
  }
  const notes: string[] = []
  if (signed.length === 0) problems.push(`there is no checkpoint in ${path}: no record is signed`)
  if (!isWhole) notes.push(`only the newest ${signed.length} checkpoints were proven`)
  if (rest > 0) notes.push(`the last ${rest} bytes of ${path} are no finished checkpoint; the next one takes their place`)
  return { expected, origins, problems, notes }
}

function readEndOf(path: string): { readonly bytes: Buffer; readonly isWhole: boolean } {
  let descriptor: number | null = null
  try {
    descriptor = openSync(path, 'r')
    const { size } = fstatSync(descriptor)
    const length = Math.min(size, MAX_CHECKPOINT_BYTES)
    return { bytes: readAt(descriptor, Buffer.allocUnsafe(length), size - length), isWhole: length === size }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { bytes: Buffer.alloc(0), isWhole: true }
    throw faultAt('AUDIT_UNAVAILABLE', 'reading the checkpoints of the audit log', path, error)
  } finally {
    if (descriptor !== null) closeSync(descriptor)
  }
}

/** The report with what the checkpoints say beside the log itself. `head`: the log's last record; `origin`: its name in them. */
export function withCheckpoints(report: AuditReport, signed: SignedCheckpoints, head: Anchor, origin: string): AuditReport {
  const { expected, origins, notes } = signed
  const foreign = [...origins].flatMap(([name, by]) => (name === origin ? [] : [`${by} is of another log: ${name} is not ${origin}`]))
  // Where there are no records there is nothing to be signed.
  const problems = head.seq === 0 && expected.length === 0 ? [] : [...signed.problems, ...foreign]
  const lastSigned = expected.reduce((last, { anchor }) => Math.max(last, anchor.seq), 0)
  const unsigned = head.seq - lastSigned
  const more = problems.length > MAX_LISTED ? [`${problems.length - MAX_LISTED} more checkpoints with problems are not listed`] : []
  return {
    ...report,
    ok: report.ok && problems.length === 0,
    problems: [...report.problems, ...problems.slice(0, MAX_LISTED).map((problem) => ({ problem }))],
    notes: [
      ...report.notes,
      ...notes,
      ...more,
      ...(expected.length > 0 && unsigned > 0 ? [`${unsigned} records behind seq ${lastSigned} are not signed yet`] : []),
    ],
  }
}
