// What a row of the storm is and what it is given: seeded randomness, folders, and trials that are counted and bounded.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { seededRandom } from '../test/store/place.ts'

/** The worst, the median or whatever else a row has measured. */
export interface Figure {
  readonly what: string
  readonly value: number
  readonly unit: string
}

/** One line of the table. */
export interface Finding {
  readonly what: string
  readonly tried: number
  readonly failed: number
  /** The first of what failed, each with its case. */
  readonly failures: readonly string[]
  readonly figures: readonly Figure[]
  /** Why less was tried than there is; null when all was. */
  readonly leftOut: string | null
}

/** Says what is wrong with a trial; the first word counts the trial as failed, further ones are kept beside it. */
export type Wrong = (what: string) => void

/** The trials of one line of the table. */
export interface Trials {
  /** Makes all trials, so many at a time, until the line's bound in count or in time is met; one in any case. */
  readonly each: <T>(cases: Iterable<T>, trial: (one: T, wrong: Wrong) => unknown, options?: EachOptions<T>) => Promise<void>
  readonly measured: (what: string, value: number, unit: string) => void
  readonly leaveOut: (why: string) => void
}

interface EachOptions<T> {
  readonly name?: (one: T) => string
  readonly atOnce?: number
  /** False for the few that judge what others left: no bound cuts them off. */
  readonly isBounded?: boolean
}

export interface Bounds {
  readonly seconds: number
  readonly count: number
}

export interface Storm {
  readonly seed: string
  /** A small form for npm test. */
  readonly isShort: boolean
  /** The first in a whole run, the second in a short one. */
  readonly size: (whole: number, short: number) => number
  readonly random: () => number
  readonly below: (most: number) => number
  /** In another order, the same for the same seed; so that what a bound cuts off is a fair sample. */
  readonly shuffled: <T>(all: readonly T[]) => T[]
  /** The folder of the whole run, which all rows share. */
  readonly folder: string
  readonly newFolder: () => string
  readonly trials: (what: string) => Trials
  readonly findings: () => readonly Finding[]
}

export interface Row {
  readonly name: string
  /** The row of 8-measures that it tries. */
  readonly about: string
  /** How many lines of its table are bounded, 1 when it says nothing: they share its time. */
  readonly lines?: number
  readonly run: (storm: Storm) => Promise<void>
}

/** More say no more. */
const MOST_FAILURES = 5
const FOLDER_MODE = 0o700

export function createStorm(row: Row, seed: string, isShort: boolean, folder: string, { seconds, count }: Bounds): Storm {
  const random = seededRandom(`${seed} ${row.name}`)
  const below = (most: number): number => Math.floor(random() * most)
  const end = performance.now() + seconds * 1000
  const lines: (() => Finding)[] = []
  let waiting = row.lines ?? 1
  let folders = 0

  /** When a line that begins now has had its share; what it leaves falls to those that wait. */
  const shareEnd = (): number => {
    const now = performance.now()
    if (waiting === 0) throw new Error('the row has more bounded lines than it says')
    return now + Math.max(0, end - now) / waiting--
  }

  const trials = (what: string): Trials => {
    const failures: string[] = []
    const figures: Figure[] = []
    let [tried, failed] = [0, 0]
    let leftOut: string | null = null
    let due: number | null = null
    lines.push(() => ({ what, tried, failed, failures, figures, leftOut }))
    const one = async <T>(value: T, trial: (one: T, wrong: Wrong) => unknown, name: string): Promise<void> => {
      let isFailed = false
      const wrong: Wrong = (problem) => {
        if (!isFailed) failed++
        isFailed = true
        if (failures.length < MOST_FAILURES) failures.push(name === '' ? problem : `${name}: ${problem}`)
      }
      tried++
      try {
        await trial(value, wrong)
      } catch (error) {
        wrong(error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 3).join(' ') : String(error))
      }
    }
    return {
      async each(cases, trial, { name = () => '', atOnce = 1, isBounded = true } = {}) {
        const queue = Iterator.from(cases)
        if (isBounded) due ??= shareEnd()
        const worker = async (): Promise<void> => {
          for (let next = queue.next(); next.done !== true; next = queue.next()) {
            if (due !== null && tried > 0 && (tried >= count || performance.now() > due)) {
              leftOut ??= tried >= count ? `the bound of ${count} trials` : `the bound of ${seconds} s`
              return
            }
            await one(next.value, trial, name(next.value))
          }
        }
        await Promise.all(Array.from({ length: atOnce }, worker))
      },
      measured: (figure, value, unit) => void figures.push({ what: figure, value, unit }),
      leaveOut: (why) => {
        leftOut = why
        if (due === null) waiting--
      },
    }
  }

  return {
    seed,
    isShort,
    folder,
    size: (whole, short) => (isShort ? short : whole),
    random,
    below,
    shuffled(all) {
      const order = [...all]
      for (let at = order.length - 1; at > 0; at--) {
        const other = below(at + 1)
        const held = order[at] as (typeof order)[number]
        order[at] = order[other] as (typeof order)[number]
        order[other] = held
      }
      return order
    },
    newFolder() {
      const path = join(folder, `${row.name}-${++folders}`)
      mkdirSync(path, { mode: FOLDER_MODE })
      return path
    },
    trials,
    findings: () => lines.map((line) => line()),
  }
}

/** The numbers from 0 up. */
export function* upTo(count: number): Generator<number> {
  for (let number = 0; number < count; number++) yield number
}

/** The middle and the largest of what was measured, as figures of a line. */
export function measureSpread(trials: Trials, what: string, values: readonly number[], unit: string): void {
  if (values.length === 0) return
  const sorted = values.toSorted((a, b) => a - b)
  trials.measured(`${what}: median`, sorted[Math.floor(sorted.length / 2)] as number, unit)
  trials.measured('worst', sorted.at(-1) as number, unit)
}
