// How a log and its store may fail to agree: what was found, what goes on meanwhile, and what mends it. Only words: nothing is decided here.

import type { LineProblem } from './audit.ts'
import { KeywrightError } from './refusal.ts'

/** The file that says which record the log must hold. */
type Voucher = 'keys' | 'usage'

/** Why a log and a store don't belong together. `seq`: where it was found; `vouched`: the seq that should be there. */
export type Disagreement =
  | { readonly kind: 'log-missing'; readonly vouched: number; readonly by: Voucher }
  | { readonly kind: 'log-cut'; readonly seq: number; readonly vouched: number; readonly by: Voucher }
  | { readonly kind: 'log-begins-late'; readonly seq: number }
  | { readonly kind: 'log-is-another'; readonly seq: number; readonly by: Voucher }
  /** `before`: the seq of the record behind the line; null at the end. */
  | { readonly kind: 'line-garbled'; readonly before: number | null; readonly problem: LineProblem }
  | { readonly kind: 'records-apart'; readonly seq: number }
  | { readonly kind: 'store-missing'; readonly seq: number }
  | { readonly kind: 'store-older'; readonly seq: number; readonly vouched: number }
  | { readonly kind: 'store-much-older'; readonly records: number }
  | { readonly kind: 'change-not-redoable'; readonly seq: number; readonly keyId: string }

/** The files of a store, as an operator knows them. */
export interface StorePlaces {
  readonly keys: string
  readonly usage: string
  readonly log: string
}

interface Words<D> {
  readonly found: (disagreement: D, places: StorePlaces) => string
  /** What goes on all the same. */
  readonly safe: string
  readonly remedy: (places: StorePlaces) => string
}

const AS_BEFORE = 'keys are verified and listed as before'
const BY_OLD_COPY = 'keys are verified by that copy: one that was revoked since is accepted'

const WORDS: { readonly [K in Disagreement['kind']]: Words<Extract<Disagreement, { kind: K }>> } = {
  'log-missing': {
    found: ({ vouched, by }, places) => `the audit log ${places.log} is missing, ${places[by]} vouches for records up to seq ${vouched}`,
    safe: AS_BEFORE,
    remedy: () => 'put the log back from a backup',
  },
  'log-cut': {
    found: ({ seq, vouched, by }, places) =>
      `the audit log ${places.log} ends at seq ${seq}, ${places[by]} vouches for seq ${vouched}: its end was cut off, or it is an older copy`,
    safe: AS_BEFORE,
    remedy: () => 'put the newest copy of the log back from a backup',
  },
  'log-begins-late': {
    found: ({ seq }, { log }) => `the audit log ${log} begins at seq ${seq}, what was before it is missing`,
    safe: AS_BEFORE,
    remedy: () => 'put what is missing back from a backup',
  },
  'log-is-another': {
    found: ({ seq, by }, places) =>
      `seq ${seq} of the audit log ${places.log} is not the record that ${places[by]} vouches for: one of them was edited, or is of another time`,
    safe: AS_BEFORE,
    remedy: () => 'put both back from one and the same backup',
  },
  'line-garbled': {
    found: ({ before, problem }, { log }) =>
      `the line ${before === null ? 'at the end' : `before seq ${before}`} of the audit log ${log} ${problem}: it was edited or overwritten`,
    safe: AS_BEFORE,
    remedy: () => 'put the log back from a backup',
  },
  'records-apart': {
    found: ({ seq }, { log }) => `seq ${seq} of the audit log ${log} does not follow the record before it: one was removed or edited`,
    safe: AS_BEFORE,
    remedy: () => 'put the log back from a backup',
  },
  'store-missing': {
    found: ({ seq }, { keys, log }) => `the store ${keys} is missing or empty, its audit log ${log} holds changes up to seq ${seq}`,
    safe: 'no key is lost by waiting, and none is accepted',
    remedy: ({ keys }) => `put the newest copy of ${keys} back from a backup`,
  },
  'store-older': {
    found: ({ seq, vouched }, { keys, log }) =>
      `the store ${keys} is an older copy: it knows of changes up to seq ${vouched}, its audit log ${log} holds changes up to seq ${seq}`,
    safe: BY_OLD_COPY,
    remedy: ({ keys }) => `put the newest copy of ${keys} back from a backup`,
  },
  'store-much-older': {
    found: ({ records }, { keys, log }) => `the store ${keys} is an older copy: its audit log ${log} is more than ${records} records ahead`,
    safe: BY_OLD_COPY,
    remedy: ({ keys }) => `put the newest copy of ${keys} back from a backup`,
  },
  'change-not-redoable': {
    found: ({ seq, keyId }, { keys }) =>
      `the change of seq ${seq} died half-way and can't be redone: key ${keyId} in ${keys} is not as it was before`,
    safe: AS_BEFORE,
    remedy: ({ keys }) => `put ${keys} back as it was, from a backup`,
  },
}

const REWRITE_ROWS = 'write the rows anew from the lines with: keywright audit accept-loss --reason R'

/** Rows of a database that contradict the lines of keys that they lie beside. Found by a proof only: it refuses nothing. */
export const ROWS_APART = {
  note: `keys are verified by their lines, and a secret without its row is unknown; lists, counts and changes of many keys by a filter go by the rows, and may leave a key out or take another in: name keys by their ids meanwhile, and ${REWRITE_ROWS}`,
  remedy: REWRITE_ROWS,
} as const

/** What was found with the counts' anchor in the place of the store's. */
export function byUsage(disagreement: Disagreement): Disagreement {
  return 'by' in disagreement ? { ...disagreement, by: 'usage' } : disagreement
}

/** The error that refuses every change until an operator has looked. */
export function brokenLog(disagreement: Disagreement, places: StorePlaces): KeywrightError {
  const { found, safe, remedy } = WORDS[disagreement.kind] as Words<Disagreement>
  return new KeywrightError('AUDIT_BROKEN', `${found(disagreement, places)}; ${safe}; no change is possible`, {
    hint: `${remedy(places)}, then run: keywright audit verify; where there is none, go on as it is: keywright audit accept-loss --reason R`,
  })
}
