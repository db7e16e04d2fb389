// What the storm tells: a table of what was tried, how often, what failed and what was worst; the failures below it.

import type { Figure, Finding } from './storm.ts'

export interface RowResult {
  readonly name: string
  readonly about: string
  readonly findings: readonly Finding[]
  /** Why the row could not end by itself. */
  readonly broken: string | null
  readonly seconds: number
}

const HEADINGS = ['what was tried', 'tried', 'failed', 'worst case']

const digits = (value: number): string =>
  Number.isInteger(value) ? value.toLocaleString('en-US') : value >= 100 ? value.toFixed(0) : value.toPrecision(3)
const shown = ({ what, value, unit }: Figure): string => `${what} ${digits(value)}${unit === '' ? '' : ` ${unit}`}`

const cellsOf = ({ what, tried, failed, figures, leftOut }: Finding): string[] => [
  what,
  digits(tried),
  digits(failed),
  [...figures.map(shown), ...(leftOut === null ? [] : [`(${tried === 0 ? 'left out' : 'not all'}: ${leftOut})`])].join(', '),
]

/** A line that tried nothing and does not say why has failed too. */
export function isFailed({ broken, findings }: RowResult): boolean {
  return (
    broken !== null ||
    findings.length === 0 ||
    findings.some(({ tried, failed, leftOut }) => failed > 0 || (tried === 0 && leftOut === null))
  )
}

export function tableOf(results: readonly RowResult[]): string {
  const table = [HEADINGS, ...results.flatMap(({ findings }) => findings.map(cellsOf))]
  const widths = HEADINGS.map((_, column) => Math.max(...table.map((cells) => cells[column]?.length ?? 0)))
  const drawn = (cells: readonly string[]): string =>
    `  ${cells.map((cell, column) => (column === 1 || column === 2 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0))).join('  ')}`.trimEnd()
  return [drawn(HEADINGS), ...results.flatMap((result) => linesOf(result, drawn)), ''].join('\n')
}

function linesOf({ name, about, findings, broken, seconds }: RowResult, drawn: (cells: readonly string[]) => string): string[] {
  const lines = findings.flatMap((finding) => [drawn(cellsOf(finding)), ...finding.failures.map((failure) => `    FAILED ${failure}`)])
  return ['', `${name}: ${about} (${digits(Math.round(seconds))} s)`, ...lines, ...(broken === null ? [] : [`    BROKEN ${broken}`])]
}
