// The y axis: round ticks that hold the peak, counts in few characters, and where a value stands. Counts only: zero and above.

const MANTISSAS = [1, 1.5, 2, 2.5, 3, 4, 5, 10] as const
const FEWEST_INTERVALS = 2
const MOST_INTERVALS = 4
const SUFFIXES = ['', 'k', 'M', 'G', 'T', 'P', 'E'] as const

export interface Scale {
  /** The value at the top of the plot. */
  readonly top: number
  /** Evenly spaced, from zero to the top. */
  readonly ticks: readonly number[]
}

/** The smallest round step, a whole number, that reaches the value. */
function roundStep(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(Math.max(1, value)))
  const mantissa = MANTISSAS.find((one) => one * unit >= value && Number.isInteger(one * unit)) ?? 10
  return mantissa * unit
}

/** A scale of two to four steps, as many as `mostIntervals` lets, whose top is as little above the peak as may be. */
export function scaleFor(peak: number, mostIntervals: number): Scale {
  const most = Math.min(MOST_INTERVALS, Math.max(FEWEST_INTERVALS, mostIntervals))
  let best = { step: roundStep(peak / FEWEST_INTERVALS), intervals: FEWEST_INTERVALS }
  for (let intervals = FEWEST_INTERVALS + 1; intervals <= most; intervals++) {
    const step = roundStep(peak / intervals)
    if (step * intervals <= best.step * best.intervals) best = { step, intervals }
  }
  return {
    top: best.step * best.intervals,
    ticks: Array.from({ length: best.intervals + 1 }, (_, index) => index * best.step),
  }
}

/** A count in at most five characters: 250, 1k, 1.5M. Exact for round numbers, else to two decimals. */
export function shortCount(count: number): string {
  let power = 0
  while (power < SUFFIXES.length - 1 && count >= 1000 ** (power + 1)) power++
  return `${Number((count / 1000 ** power).toFixed(2))}${SUFFIXES[power]}`
}

/** The height of a value in steps from the floor; anything above zero stands at least `least` steps high. */
export function levelOf(value: number, top: number, steps: number, least: number): number {
  return value === 0 ? 0 : Math.min(steps, Math.max(least, Math.round((value / top) * steps)))
}
