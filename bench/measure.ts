// Rounds and medians: contenders run in turn, round by round, so that whatever else the machine does befalls all of them alike.

export interface Summary {
  readonly median: number
  readonly lower: number
  readonly upper: number
  readonly samples: number
}

/** The quantile of sorted values, between neighbours in proportion. */
export function quantile(sorted: ArrayLike<number>, part: number): number {
  const place = (sorted.length - 1) * part
  const below = sorted[Math.floor(place)] as number
  const above = sorted[Math.ceil(place)] as number
  return below + (above - below) * (place - Math.floor(place))
}

export function summaryOf(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b)
  return { median: quantile(sorted, 0.5), lower: quantile(sorted, 0.25), upper: quantile(sorted, 0.75), samples: values.length }
}

export interface Contender {
  /** Units of work in one round: calls, changes, records. */
  readonly count: number
  /** Before and after the timed part. */
  readonly before?: (round: number) => unknown
  readonly run: (round: number) => unknown
  readonly after?: (round: number) => unknown
}

export interface RaceOptions {
  readonly rounds: number
  readonly warmups: number
  /** Which garbage is collected before each timed part, so that nobody pays for the one before. */
  readonly garbage?: 'minor' | 'major'
}

/** Milliseconds per unit of each contender, a value for each round. Who begins changes with the round. */
export async function race<N extends string>(
  contenders: Readonly<Record<N, Contender>>,
  options: RaceOptions,
): Promise<Record<N, number[]>> {
  const names = Object.keys(contenders) as N[]
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<N, number[]>
  for (let round = -options.warmups; round < options.rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(turn + round + options.warmups) % names.length] as N
      const { count, before, run, after } = contenders[name]
      await before?.(round)
      globalThis.gc?.({ type: options.garbage ?? 'minor', execution: 'sync' })
      const begin = performance.now()
      await run(round)
      const elapsed = performance.now() - begin
      await after?.(round)
      if (round >= 0) times[name].push(elapsed / count)
    }
  }
  return times
}

/** Met where the value (a ratio, where there is one to compare with) is on the right side of it. */
export interface Goal {
  readonly bound: 'at least' | 'at most'
  readonly value: number
}

export const atLeast = (value: number): Goal => ({ bound: 'at least', value })
export const atMost = (value: number): Goal => ({ bound: 'at most', value })

/** `×` is a plain number. */
export type Unit = 'µs' | 'ms' | '/s' | 'kB' | 'MB' | '%' | '×'

export interface Figure {
  readonly name: string
  readonly unit: Unit
  readonly summary: Summary
}

export interface Finding {
  readonly what: string
  /** Of a finding that is one point of a curve: for how many keys it holds. */
  readonly keys?: number
  readonly product: Figure
  readonly against: Figure | null
  readonly ratio: Summary | null
  /** Null: shown for comparison only. */
  readonly goal: Goal | null
  readonly isMet: boolean | null
}

const meets = (goal: Goal | null, value: number): boolean | null =>
  goal === null ? null : goal.bound === 'at least' ? value >= goal.value : value <= goal.value

const SCALES: Readonly<Record<Unit, number>> = { µs: 1000, ms: 1, '/s': 1, kB: 1, MB: 1, '%': 1, '×': 1 }

export function figure(name: string, unit: Unit, values: readonly number[]): Figure {
  return { name, unit, summary: summaryOf(values.map((value) => value * SCALES[unit])) }
}

interface Comparison {
  readonly what: string
  readonly keys?: number
  /** Milliseconds per unit of work, round by round. */
  readonly product: readonly number[]
  readonly against: readonly [name: string, times: readonly number[]]
  readonly unit?: 'µs' | 'ms'
  readonly goal: Goal | null
}

function compared(
  ratioOf: (product: number, against: number) => number,
  { what, keys, product, against, unit = 'µs', goal }: Comparison,
): Finding {
  const [name, times] = against
  const ratio = summaryOf(product.map((time, round) => ratioOf(time, times[round] as number)))
  return {
    what,
    ...(keys === undefined ? {} : { keys }),
    product: figure('Keywright', unit, product),
    against: figure(name, unit, times),
    ratio,
    goal,
    isMet: meets(goal, ratio.median),
  }
}

/** How many times as fast as the other: more is better. */
export const speedAgainst = (comparison: Comparison): Finding => compared((product, against) => against / product, comparison)

/** How many times as long as the other: less is better. */
export const timeAgainst = (comparison: Comparison): Finding => compared((product, against) => product / against, comparison)

/** A figure that stands alone, judged by its median, by what 95 of 100 stay below, or by its worst round. */
export function alone(
  what: string,
  unit: Unit,
  values: readonly number[],
  goal: Goal | null,
  judged: 'median' | 'p95' | 'worst' = 'median',
): Finding {
  const product = figure('Keywright', unit, values)
  const part = { median: 0.5, p95: 0.95, worst: 1 }[judged]
  const value =
    SCALES[unit] *
    quantile(
      values.toSorted((a, b) => a - b),
      part,
    )
  const shown =
    judged === 'median'
      ? product
      : { ...product, summary: { ...product.summary, median: value, upper: Math.max(value, product.summary.upper) } }
  return { what, product: shown, against: null, ratio: null, goal, isMet: meets(goal, value) }
}
