// Which processes are seen: for two minutes after their last writing, never too many.

import { expect, test } from 'vitest'
import { othersSeen, withPresence } from '../../src/domain/presence.ts'
import { MINUTE_MS } from '../../src/domain/time.ts'
import { NOON } from '../store/harness.ts'

test('a process is seen by others for two minutes after it has written, and never by itself', () => {
  const written = withPresence(withPresence({}, 'a', NOON), 'b', NOON + 1)
  const seenBy = (self: string, at: number) => othersSeen(written, self, at)
  expect([seenBy('a', NOON), seenBy('b', NOON), seenBy('c', NOON)]).toEqual([1, 1, 2])
  expect([seenBy('c', NOON + 2 * MINUTE_MS - 1), seenBy('c', NOON + 2 * MINUTE_MS), seenBy('c', NOON + 2 * MINUTE_MS + 1)]).toEqual([
    2, 1, 0,
  ])
})

test('who has not written for two minutes is forgotten, and so is a time that a wrong clock has left', () => {
  const processes = { gone: NOON - 2 * MINUTE_MS, here: NOON - 5, ahead: NOON + 60 * MINUTE_MS, self: NOON - 9 }
  expect(withPresence(processes, 'self', NOON)).toEqual({ here: NOON - 5, self: NOON })
})

test('of more than 64 processes the latest are kept', () => {
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`p${index}`, NOON - index]))
  const kept = withPresence(many, 'self', NOON)
  expect([Object.keys(kept).length, 'p62' in kept, 'p63' in kept, kept['self']]).toEqual([64, true, false, NOON])
})
