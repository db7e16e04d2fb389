// What is told: the machine, a table of findings, or both as one JSON document.

import { statfsSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'
import type { Figure, Finding, Summary } from './measure.ts'

export interface RowResult {
  readonly name: string
  readonly about: string
  readonly findings: readonly Finding[]
  /** Why the row was left out. */
  readonly skipped: string | null
  /** What was wrong: an answer, not a duration. */
  readonly failed: string | null
}

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGB: number
  readonly system: string
  readonly folder: string
  /** The kind of file system as the system numbers it. */
  readonly fileSystem: string
  readonly node: string
}

export function machineOf(folder: string): Machine {
  return {
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    folder,
    fileSystem: `0x${statfsSync(folder).type.toString(16)}`,
    node: process.version,
  }
}

export const loadAverage = (): number[] => loadavg().map((load) => Math.round(load * 100) / 100)

const digits = (value: number): string => (value >= 1000 ? value.toFixed(0) : value >= 100 ? value.toFixed(1) : value.toPrecision(3))
const shownFigure = ({ unit, summary }: Figure): string => (unit === '×' ? digits(summary.median) : `${digits(summary.median)} ${unit}`)
const shownRatio = ({ median, lower, upper }: Summary): string => `${digits(median)} (${digits(lower)}–${digits(upper)})`

const HEADINGS = ['what', 'Keywright', 'floor or peer', 'ratio (quartiles)', 'goal', '']

function cellsOf({ what, product, against, ratio, goal, isMet }: Finding): string[] {
  return [
    what,
    shownFigure(product),
    against === null ? '–' : `${shownFigure(against)} ${against.name}`,
    ratio === null ? shownRatio(product.summary) : shownRatio(ratio),
    goal === null ? '' : `${goal.bound === 'at least' ? '≥' : '≤'} ${goal.value}`,
    isMet === null ? '' : isMet ? 'met' : 'MISSED',
  ]
}

export function tableOf(results: readonly RowResult[]): string {
  const blocks = results.map(({ name, about, findings, skipped, failed }) => {
    const heading = `${name}: ${about}`
    if (failed !== null) return [heading, [`  FAILED: ${failed}`]] as const
    if (skipped !== null) return [heading, [`  left out: ${skipped}`]] as const
    return [heading, findings.length === 0 ? ['  the answers are right'] : findings.map(cellsOf)] as const
  })
  const rows = [HEADINGS, ...blocks.flatMap(([, lines]) => lines.filter((line) => Array.isArray(line)))]
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const drawn = (cells: readonly string[]): string =>
    `  ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd()
  const lines = blocks.flatMap(([heading, body]) => ['', heading, ...body.map((line) => (typeof line === 'string' ? line : drawn(line)))])
  return [...(rows.length > 1 ? [drawn(HEADINGS)] : []), ...lines, ''].join('\n')
}
