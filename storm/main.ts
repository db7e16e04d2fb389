// npm run storm: each row in a process of its own, its trials as a table or, with --json, as one document. Fails when a trial fails.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { loadAverage, machineOf } from '../bench/report.ts'
import type { RowResult } from './report.ts'
import { isFailed, tableOf } from './report.ts'
import { ROWS } from './rows/index.ts'
import type { Bounds, Row } from './storm.ts'
import { createStorm } from './storm.ts'

const ROW_SECONDS = 300
const SHORT_ROW_SECONDS = 60
/** What one trial of each line may still take when the row's time is up, before its process is ended. */
const LAST_TRIAL_SECONDS = 30
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

const USAGE = `npm run storm -- [--only NAME]... [--seed TEXT] [--seconds N] [--count N] [--short] [--json] [--folder PATH]

  --only NAME    only this row; may be given more than once
  --seed TEXT    the same text, the same trials; without it another one each time, which is printed
  --seconds N    no row begins another trial after so long, which its lines share; each tries one (default: ${ROW_SECONDS})
  --count N      no line of the table tries more
  --short        a small form of each row
  --json         one JSON document
  --folder PATH  where stores are made (default: the system's folder for temporary files)

rows: ${ROWS.map(({ name }) => name).join(', ')}
`

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    seed: { type: 'string', default: Date.now().toString(36) },
    seconds: { type: 'string' },
    count: { type: 'string', default: String(Number.MAX_SAFE_INTEGER) },
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    folder: { type: 'string', default: tmpdir() },
    help: { type: 'boolean', default: false },
    // How a row's own process is told what to try.
    row: { type: 'boolean', default: false },
  },
})
const seconds = Number(flags.seconds ?? (flags.short ? SHORT_ROW_SECONDS : ROW_SECONDS))
const bounds: Bounds = { seconds, count: Number(flags.count) }

/** One row, here. */
async function runRow(row: Row): Promise<RowResult> {
  const { name, about, run } = row
  const storm = createStorm(row, flags.seed, flags.short, flags.folder, bounds)
  const begun = performance.now()
  let broken: string | null = null
  try {
    await run(storm)
  } catch (error) {
    broken = error instanceof Error ? (error.stack ?? error.message) : String(error)
  }
  return { name, about, findings: storm.findings(), broken, seconds: (performance.now() - begun) / 1000 }
}

let running: number | null = null

/** Ends a row's process and all that it started: they are one group. */
function endGroup(): void {
  if (running === null) return
  try {
    process.kill(-running, 'SIGKILL')
  } catch {
    // The group has ended.
  }
  running = null
}

async function spawnRow({ name, about, lines = 1 }: Row, folder: string): Promise<RowResult> {
  const args = [import.meta.filename, '--row', '--only', name, '--folder', folder, '--seed', flags.seed]
  const given = ['--seconds', String(seconds), '--count', flags.count, ...(flags.short ? ['--short'] : [])]
  const child = spawn(process.execPath, [...args, ...given], { stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  running = child.pid ?? null
  const timer = setTimeout(endGroup, (bounds.seconds + LAST_TRIAL_SECONDS * lines) * 1000)
  const output = text(child.stdout)
  await once(child, 'exit')
  clearTimeout(timer)
  endGroup()
  try {
    return JSON.parse(await output) as RowResult
  } catch {
    return { name, about, findings: [], broken: `its process ended with ${child.exitCode ?? child.signalCode}`, seconds: 0 }
  }
}

async function runAll(rows: readonly Row[]): Promise<void> {
  const say = (line: string): void => void (flags.json ? process.stderr : process.stdout).write(`${line}\n`)
  // The real path: that is what system calls name.
  const folder = mkdtempSync(join(realpathSync(flags.folder), 'keywright-storm-'))
  const interrupted = (): never => {
    endGroup()
    rmSync(folder, { recursive: true, force: true })
    process.exit(130)
  }
  for (const signal of SIGNALS) process.once(signal, interrupted)
  try {
    const machine = machineOf(flags.folder)
    const { processor, cores, system, node, fileSystem } = machine
    say(
      `${processor}, ${cores} cores, ${system}, Node ${node}, ${flags.folder} on file system ${fileSystem}, load ${loadAverage().join(' ')}`,
    )
    say(`seed ${flags.seed}: npm run storm -- --seed ${flags.seed}`)
    const results: RowResult[] = []
    for (const row of rows) {
      if (process.stderr.isTTY) process.stderr.write(`${row.name} …\n`)
      results.push(await spawnRow(row, folder))
    }
    if (flags.json) process.stdout.write(`${JSON.stringify({ machine, seed: flags.seed, isShort: flags.short, rows: results }, null, 2)}\n`)
    else process.stdout.write(`\n${tableOf(results)}`)
    if (results.some(isFailed)) process.exitCode = 1
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupted)
    rmSync(folder, { recursive: true, force: true })
  }
}

const chosen = ROWS.filter(({ name }) => flags.only.length === 0 || flags.only.includes(name))
const unknown = flags.only.filter((name) => !ROWS.some((row) => row.name === name))
const isBounded = bounds.seconds > 0 && bounds.count > 0
if (flags.help || unknown.length > 0 || !isBounded) {
  if (unknown.length > 0) process.stderr.write(`there is no row ${unknown.join(', ')}\n\n`)
  if (!isBounded) process.stderr.write('--seconds and --count are numbers above 0\n\n')
  process[flags.help ? 'stdout' : 'stderr'].write(USAGE)
  process.exitCode = flags.help ? 0 : 2
} else if (flags.row) process.stdout.write(JSON.stringify(await runRow(chosen[0] as Row)), () => process.exit())
else await runAll(chosen)
