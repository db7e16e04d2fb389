// What the log proves, as texts: its head, the report of a verification, an accepted loss. Draws stored text harmless.

import type { Anchor } from '../domain/audit.ts'
import type { AuditReport } from '../domain/audit-check.ts'
import type { AcceptedLoss, SignedAnchor } from '../domain/ports.ts'
import { displayText } from '../domain/text.ts'

/** An anchor as `audit verify --expect` takes it, or its signed note. */
export function anchorText(head: Anchor | SignedAnchor): string {
  return 'note' in head ? head.note : `${head.seq}:${head.hash}\n`
}

export function reportText({ ok, records, firstBad, problems, notes }: AuditReport): string {
  const where = ({ seq, keyId }: AuditReport['problems'][number]): string =>
    seq !== undefined ? `seq ${seq} ` : keyId !== undefined ? `key ${keyId} ` : ''
  const head = ok
    ? `ok: ${records} records, the log and the store agree\n`
    : `NOT OK: ${records} records${firstBad === null ? '' : `, the first wrong one is seq ${firstBad}`}\n`
  return [
    head,
    ...problems.map((one) => `  ${displayText(`${where(one)}${one.problem}`)}\n`),
    ...notes.map((note) => `  note: ${displayText(note)}\n`),
  ].join('')
}

export function lossText({ lostFrom, lostTo, seq }: AcceptedLoss): string {
  return `accepted at seq ${seq}: ${lostFrom === null ? 'no record is known to be lost' : `lost is seq ${lostFrom} to ${lostTo}`}\n`
}
