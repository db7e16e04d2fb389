// Records of verifications on the log: put there by one function of the database, and kept for later while the log is broken.

import type { Entry, Head } from '../../src/domain/audit.ts'
import { chainLines } from '../../src/domain/audit.ts'
import type { Disagreement } from '../../src/domain/disagreement.ts'
import { brokenLog } from '../../src/domain/disagreement.ts'
import type { Warn } from '../../src/domain/ports.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { placesOf } from './audit-port.ts'
import type { Queryable } from './connection.ts'

/** Records that are chained and sent at once: other work of this process has its turn in between. */
const MAX_RECORDS = 200
/** Records that wait for a broken log to be accepted; older ones are forgotten. */
const MAX_OWED = 10_000

/** Appends records behind the locked head. Throws AUDIT_BROKEN, with nothing written, where the log does not end as the head says. */
export async function noteRecords(tx: Queryable, locked: Head, entries: readonly Entry[], name: string): Promise<void> {
  let head = locked
  for (let from = 0; from < entries.length; from += MAX_RECORDS) {
    const made = chainLines(head, entries.slice(from, from + MAX_RECORDS))
    const lines = made.lines.split('\n').slice(0, -1)
    const [found] = await tx.query<{ last_seq: number; is_agreed: boolean }>('SELECT * FROM keywright.note($1)', [lines])
    if (found?.is_agreed !== true) throw brokenLog(disagreementOf(found?.last_seq ?? 0, head.seq), placesOf(name))
    head = made.head
  }
}

function disagreementOf(seq: number, vouched: number): Disagreement {
  if (seq === 0) return { kind: 'log-missing', vouched, by: 'keys' }
  if (seq > vouched) return { kind: 'store-older', seq, vouched }
  return seq < vouched ? { kind: 'log-cut', seq, vouched, by: 'keys' } : { kind: 'log-is-another', seq, by: 'keys' }
}

export const isBrokenLog = (error: unknown): error is KeywrightError => error instanceof KeywrightError && error.code === 'AUDIT_BROKEN'

/** What the log could not take yet. */
export interface Owing {
  readonly isEmpty: () => boolean
  /** A try of a flush begins: what it is to put on the log before its own records. */
  readonly begin: () => readonly Entry[]
  /** Told before its commit what the try leaves out and why, or that it left none. */
  readonly leave: (entries: readonly Entry[], why: KeywrightError | null) => void
  /** A flush was committed, by the last try that began, whoever's answer was lost: what that left out is owed from here on. */
  readonly settle: () => void
  /** Tells of a broken log, once. */
  readonly tell: (why: KeywrightError) => void
}

export function createOwing(warn: Warn): Owing {
  let owed: readonly Entry[] = []
  let left: { readonly entries: readonly Entry[]; readonly why: KeywrightError | null } | null = null
  let told = ''

  const tell = ({ code, message, hint }: KeywrightError): void => {
    if (message !== told) warn({ code, message: hint === undefined ? message : `${message}; ${hint}` })
    told = message
  }

  return {
    isEmpty: () => owed.length === 0,
    begin() {
      left = null
      return owed
    },
    leave(entries, why) {
      left = { entries, why }
    },
    settle() {
      if (left === null) return
      const { entries, why } = left
      left = null
      owed = entries.slice(-MAX_OWED)
      if (why === null) told = ''
      else tell(why)
    },
    tell,
  }
}
