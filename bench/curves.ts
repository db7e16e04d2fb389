// Growth as pictures: a figure and its floor over the number of keys, both axes logarithmic, so that a straight line is a power.

import type { Finding, Summary } from './measure.ts'

const WIDTH = 720
const HEIGHT = 380
const LEFT = 76
const RIGHT = 150
const TOP = 56
const BOTTOM = 62
const RADIUS = 4
const WHISKER = 5
const LABEL_HEIGHT = 18

/** Light and dark: GitHub shows a picture on the reader's own background. */
const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #57606a }
  .title { font-size: 15px; font-weight: 600; fill: #1f2328 }
  .grid { stroke: #d0d7de; stroke-width: 1 }
  .ours { stroke: #0969da; fill: #0969da } .floor { stroke: #8c959f; fill: #8c959f }
  path { fill: none; stroke-width: 2 } .floor .way { stroke-dasharray: 5 4 }
  text.ours, text.floor { stroke: none; font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1 } .title { fill: #f0f6fc } .grid { stroke: #3d444d }
    .ours { stroke: #4493f8; fill: #4493f8 } .floor { stroke: #9198a1; fill: #9198a1 }
  }`

export interface Curve {
  readonly title: string
  /** What was measured where, for the line below. */
  readonly caption: string
  readonly findings: readonly Finding[]
}

interface Point {
  readonly keys: number
  readonly summary: Summary
}

interface Scale {
  readonly from: number
  readonly to: number
}

/** Whole decades around values. */
function decades(values: readonly number[]): Scale {
  return {
    from: Math.floor(Math.log10(Math.min(...values))),
    to: Math.max(Math.ceil(Math.log10(Math.max(...values))), 1 + Math.floor(Math.log10(Math.min(...values)))),
  }
}

const round = (value: number): number => Math.round(value * 10) / 10
const escaped = (text: string): string => text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
const told = (value: number): string => (value >= 1 ? value.toLocaleString('en-US') : String(value))

/** The picture of findings that tell their number of keys and what they are compared with; null where fewer than two do. */
export function drawCurve({ title, caption, findings }: Curve): string | null {
  const measured = findings.flatMap(({ keys, product, against }) =>
    keys === undefined || against === null ? [] : [{ keys, product, against }],
  )
  if (measured.length < 2) return null
  const lines = [
    { name: 'Keywright', style: 'ours', points: measured.map(({ keys, product }): Point => ({ keys, summary: product.summary })) },
    {
      name: measured[0]?.against.name ?? '',
      style: 'floor',
      points: measured.map(({ keys, against }): Point => ({ keys, summary: against.summary })),
    },
  ]
  const across = decades(measured.map(({ keys }) => keys))
  const up = decades(lines.flatMap(({ points }) => points.flatMap(({ summary }) => [summary.lower, summary.upper])))
  const x = (keys: number): number => round(LEFT + ((Math.log10(keys) - across.from) / (across.to - across.from)) * (WIDTH - LEFT - RIGHT))
  const y = (value: number): number =>
    round(HEIGHT - BOTTOM - ((Math.log10(value) - up.from) / (up.to - up.from)) * (HEIGHT - TOP - BOTTOM))
  const unit = measured[0]?.product.unit ?? ''
  const parts: string[] = []
  for (let power = across.from; power <= across.to; power++) {
    const at = x(10 ** power)
    parts.push(`<line class="grid" x1="${at}" y1="${TOP}" x2="${at}" y2="${HEIGHT - BOTTOM}"/>`)
    parts.push(`<text x="${at}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${told(10 ** power)}</text>`)
  }
  for (let power = up.from; power <= up.to; power++) {
    const at = y(10 ** power)
    parts.push(`<line class="grid" x1="${LEFT}" y1="${at}" x2="${WIDTH - RIGHT}" y2="${at}"/>`)
    parts.push(`<text x="${LEFT - 8}" y="${at + 4}" text-anchor="end">${told(Number((10 ** power).toPrecision(1)))} ${unit}</text>`)
  }
  parts.push(`<text x="${WIDTH - RIGHT}" y="${HEIGHT - BOTTOM + 38}" text-anchor="end">keys</text>`)
  for (const { name, style, points } of lines) {
    const way = points.map(({ keys, summary }, index) => `${index === 0 ? 'M' : 'L'}${x(keys)} ${y(summary.median)}`).join(' ')
    const marks = points.map(({ keys, summary: { median, lower, upper } }) => {
      const at = x(keys)
      const whisker = `<path d="M${at} ${y(lower)}V${y(upper)}M${at - WHISKER} ${y(lower)}h${2 * WHISKER}M${at - WHISKER} ${y(upper)}h${2 * WHISKER}"/>`
      return `${whisker}<circle cx="${at}" cy="${y(median)}" r="${RADIUS}"><title>${escaped(name)}, ${told(keys)} keys: ${median.toPrecision(3)} ${unit}</title></circle>`
    })
    parts.push(`<g class="${style}"><path class="way" d="${way}"/>${marks.join('')}</g>`)
    const last = points.at(-1) as Point
    // Where lines end near each other their names stand apart, the one that takes longer above.
    const isUpper = last.summary.median === Math.max(...lines.map((line) => line.points.at(-1)?.summary.median ?? 0))
    const ends = lines.map((line) => y(line.points.at(-1)?.summary.median ?? 1))
    const apart = Math.max(0, LABEL_HEIGHT - Math.abs((ends[0] ?? 0) - (ends[1] ?? 0))) / 2
    const at = y(last.summary.median) + 4 + (isUpper ? -apart : apart)
    parts.push(`<text class="${style}" x="${x(last.keys) + 12}" y="${round(at)}">${escaped(name)}</text>`)
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-label="${escaped(title)}">
<style>${STYLE}
</style>
<text class="title" x="${LEFT}" y="26">${escaped(title)}</text>
${parts.join('\n')}
<text x="${LEFT}" y="${HEIGHT - 10}">${escaped(caption)}</text>
</svg>
`
}
