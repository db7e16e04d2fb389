// What becomes of the demo's keys: one line for each kind of life, and the edits that happen on the way. Data only.

import type { ChangeCommand } from '../commands/command.ts'
import { disable, enable } from '../commands/disable.ts'
import { graceEnd, graceExtend } from '../commands/grace.ts'
import { revoke } from '../commands/revoke.ts'
import { rotate } from '../commands/rotate.ts'
import { scopeAdd, scopeRemove, scopeSet } from '../commands/scope.ts'
import { update } from '../commands/update.ts'
import type { OwnerKind } from './cast.ts'
import type { Range } from './chance.ts'
import type { Shape } from './rhythm.ts'

/** Days are counted back from the moment in which the demo is opened, but for `expiresInDays` and `startsInDays`. */
export interface Fate {
  readonly count: number
  readonly ofWhom: readonly OwnerKind[]
  readonly ageDays: Range
  /** Calls a minute in a busy hour. */
  readonly pace: Range
  readonly shapes: readonly Shape[]
  /** Absent: some keys have no end, some end within a year. */
  readonly expiresInDays?: Range
  readonly startsInDays?: Range
  /** The last change of all. */
  readonly finale?: { readonly command: ChangeCommand; readonly daysAgo: Range; readonly graceDays?: number }
  readonly stopsDaysAgo?: Range
  /** How long after a rotation the last caller has the new secret. */
  readonly handoverDays?: number
  /** Calls a minute that go on with what does not work any more. */
  readonly strayPerMinute?: number
  /** Calls a minute that ask for a scope that the key does not have. */
  readonly mistakesPerMinute?: number
  /** Granted far more than is used. */
  readonly isBroad?: true
  /** Instead of those of its kind. */
  readonly limits?: readonly string[]
  readonly isOfLeaver?: true
}

const ANYBODY = ['person', 'service', 'partner'] as const
const MACHINE_LIKE = ['service', 'service', 'partner'] as const
const LONG: Range = [40, 190]
const NEVER: Range = [0, 0]
const SELDOM: Range = [0.01, 0.2]

export const FATES: Readonly<Record<string, Fate>> = {
  busy: { count: 24, ofWhom: MACHINE_LIKE, ageDays: LONG, pace: [40, 1000], shapes: ['shop', 'shop', 'machine', 'office'] },
  batch: { count: 6, ofWhom: ['service'], ageDays: LONG, pace: [5, 60], shapes: ['night'] },
  office: { count: 64, ofWhom: ANYBODY, ageDays: [3, 190], pace: [0.03, 1], shapes: ['office'] },
  mistaken: { count: 3, ofWhom: ['service'], ageDays: LONG, pace: [8, 30], shapes: ['shop'], mistakesPerMinute: 12 },
  rare: { count: 42, ofWhom: ANYBODY, ageDays: [10, 190], pace: [0.003, 0.02], shapes: ['office'] },
  broad: { count: 16, ofWhom: ANYBODY, ageDays: [95, 190], pace: [0.03, 1], shapes: ['office'], isBroad: true },
  greedy: { count: 5, ofWhom: ['partner'], ageDays: LONG, pace: [70, 110], shapes: ['machine'], limits: ['60/m'] },
  jumpy: { count: 3, ofWhom: ['partner'], ageDays: LONG, pace: [40, 90], shapes: ['shop'], limits: ['burst=5/s', '300/m'] },
  unused: { count: 20, ofWhom: ANYBODY, ageDays: [8, 180], pace: NEVER, shapes: ['office'] },
  idle: { count: 20, ofWhom: ANYBODY, ageDays: [165, 194], pace: [0.2, 2], shapes: ['office'], stopsDaysAgo: [92, 150] },
  expiring: { count: 16, ofWhom: ANYBODY, ageDays: [50, 170], pace: [0.1, 20], shapes: ['office', 'shop'], expiresInDays: [0.3, 6.8] },
  expired: { count: 19, ofWhom: ANYBODY, ageDays: [110, 190], pace: SELDOM, shapes: ['office'], expiresInDays: [-100, -1] },
  overdue: {
    ...{ count: 3, ofWhom: ['partner'], ageDays: [95, 180], pace: [2, 12], shapes: ['shop'] },
    ...{ expiresInDays: [-5, -0.2], strayPerMinute: 2 },
  },
  pending: {
    ...{ count: 6, ofWhom: ['service', 'partner'], ageDays: [0.5, 6], pace: [1, 10], shapes: ['shop'] },
    ...{ startsInDays: [0.5, 20], expiresInDays: [60, 340] },
  },
  paused: {
    ...{ count: 9, ofWhom: ANYBODY, ageDays: [60, 190], pace: SELDOM, shapes: ['office'] },
    finale: { command: disable, daysAgo: [1, 50] },
  },
  blocked: {
    ...{ count: 3, ofWhom: ['partner'], ageDays: [60, 190], pace: [3, 20], shapes: ['machine'], strayPerMinute: 3 },
    finale: { command: disable, daysAgo: [0.1, 3] },
  },
  draining: {
    ...{ count: 6, ofWhom: MACHINE_LIKE, ageDays: LONG, pace: [20, 120], shapes: ['shop'], handoverDays: 6 },
    finale: { command: rotate, daysAgo: [1.5, 3.5], graceDays: 8 },
  },
  'safe to end': {
    ...{ count: 4, ofWhom: ['service'], ageDays: LONG, pace: [10, 60], shapes: ['shop'], handoverDays: 1 },
    finale: { command: rotate, daysAgo: [4, 6], graceDays: 14 },
  },
  'just rotated': {
    ...{ count: 4, ofWhom: ['service'], ageDays: LONG, pace: [10, 60], shapes: ['machine'], handoverDays: 2 },
    finale: { command: rotate, daysAgo: [0.1, 0.7], graceDays: 3 },
  },
  'retired but tried': {
    ...{ count: 3, ofWhom: MACHINE_LIKE, ageDays: LONG, pace: [15, 50], shapes: ['shop'], handoverDays: 2, strayPerMinute: 12 },
    finale: { command: rotate, daysAgo: [4, 12], graceDays: 2 },
  },
  revoked: {
    ...{ count: 15, ofWhom: ANYBODY, ageDays: [150, 190], pace: SELDOM, shapes: ['office'] },
    finale: { command: revoke, daysAgo: [2, 140] },
  },
  leaked: {
    ...{ count: 3, ofWhom: ['service', 'person'], ageDays: [60, 190], pace: [1, 8], shapes: ['shop'], strayPerMinute: 1 },
    finale: { command: revoke, daysAgo: [0.2, 6] },
  },
  left: { count: 6, ofWhom: ['person'], ageDays: [60, 190], pace: SELDOM, shapes: ['office'], isOfLeaver: true },
  /** Purged since: only the log still knows of them. */
  gone: {
    ...{ count: 7, ofWhom: ANYBODY, ageDays: [191, 195], pace: NEVER, shapes: ['office'] },
    finale: { command: revoke, daysAgo: [170, 185] },
  },
}

export const LEFT_DAYS_AGO = 33
export const PURGE = { daysAgo: 15, olderThan: '150d' } as const

/** One step of an edit, so many days after its beginning. Words in capitals stand for what is found when it is planned. */
interface EditStep {
  readonly command: ChangeCommand
  readonly afterDays: number
  readonly texts: Readonly<Record<string, string>>
}

const step = (command: ChangeCommand, afterDays: number, texts: EditStep['texts'] = {}): EditStep => ({ command, afterDays, texts })

/** How long an edit may take, its grace included. */
export const EDIT_DAYS = 6

export const EDITS: readonly (readonly EditStep[])[] = [
  [step(scopeAdd, 0, { scopes: 'EXTRA' })],
  [step(scopeAdd, 0, { scopes: 'EXTRA' }), step(scopeRemove, 2, { scopes: 'EXTRA' })],
  [step(scopeAdd, 0, { scopes: 'EXTRA' }), step(scopeSet, 1, { scopes: 'GRANTED' })],
  [step(update, 0, { tags: 'TAG' })],
  [step(update, 0, { metadata: 'ticket=SEC-2041' })],
  [step(update, 0, { name: 'NAME, renewed' })],
  [step(disable, 0, { reason: 'rotation drill' }), step(enable, 0.1, { reason: 'the drill is over' })],
  [step(rotate, 0, { graceSeconds: '1d' })],
  [step(rotate, 0, { graceSeconds: '3d' }), step(graceEnd, 1)],
  [step(rotate, 0, { graceSeconds: '1d' }), step(graceExtend, 0.8, { until: 'END' })],
]
