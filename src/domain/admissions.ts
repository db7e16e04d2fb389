// Admissions: what each process admitted in a limit, as it is kept for the others. Joined when old, never to an earlier time.

/** Calls that one process admitted in one limit, the last of them at `at` (milliseconds since 1970). */
export interface Admission {
  readonly seq: number
  readonly at: number
  readonly count: number
  readonly by: string
}

/** How fine an old admission's time is kept, as a part of its window; newer ones stay single until every process has seen them. */
const SUB_WINDOWS = 32
const SETTLED_MS = 10_000
/** Who admitted what is joined: old enough that everyone has seen it one by one; or joined before that, to save space. */
export const SETTLED = ''
const CROWD = '*'
const MAX_ADMISSIONS = 128

/**
 * Adds admissions to those kept for one limit, forgets what left the window and joins old neighbours, never to an earlier
 * time. One from a clock that was ahead counts as of now, so that a step back locks nobody out for longer than a window.
 */
export function keepAdmissions(kept: readonly Admission[], added: readonly Admission[], windowMs: number, now: number): Admission[] {
  const joined: Admission[] = []
  const all = [...kept, ...added]
    .filter(({ at }) => at + windowMs > now)
    .map((one) => (one.at > now ? { ...one, at: now } : one))
    .sort((a, b) => a.at - b.at)
  const subWindowMs = windowMs / SUB_WINDOWS
  for (const one of all) {
    const last = joined.at(-1)
    const isJoinable =
      last !== undefined && one.at <= now - SETTLED_MS && Math.floor(last.at / subWindowMs) === Math.floor(one.at / subWindowMs)
    if (isJoinable) joined[joined.length - 1] = join(last, one, SETTLED)
    else joined.push(one)
  }
  while (joined.length > MAX_ADMISSIONS) joined.splice(0, 2, join(joined[0] as Admission, joined[1] as Admission, CROWD))
  return joined
}

const join = (older: Admission, newer: Admission, by: string): Admission => ({
  seq: Math.max(older.seq, newer.seq),
  at: newer.at,
  count: older.count + newer.count,
  by,
})
