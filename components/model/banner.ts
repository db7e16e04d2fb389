// What is wrong with the store, and what to do: as many rows as it takes to say it whole, up to a bound.

import type { Row } from '../parts/row.ts'
import { row } from '../parts/row.ts'
import { wrapped } from '../parts/text.ts'
import type { State } from './state.ts'

/** Rows that a banner takes at most. */
const MAX_ROWS = 5

type Troubled = Pick<State, 'size' | 'pulse' | 'trouble'>

export function bannerRows({ size, pulse, trouble }: Troubled): Row[] {
  const fault = pulse?.trouble ?? trouble?.error ?? null
  if (fault === null) return []
  const width = Math.max(20, size.columns - 2)
  const [first = '', ...more] = wrapped(`${fault.code} ${fault.message}`, width)
  const said = [row(['bad', ` ${fault.code}`], first.slice(fault.code.length)), ...more.map((line) => row(` ${line}`))]
  const advice = wrapped(fault.hint ?? 'what is shown is what was known before', width).map((line) => row(['dim', ` ${line}`]))
  return [...said, ...advice].slice(0, MAX_ROWS)
}
