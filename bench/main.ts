// npm run bench: each row in a process of its own, its findings as a table or, with --json, as one document. Never a duration as a failure.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import type { Row } from './bench.ts'
import { createBench } from './bench.ts'
import { drawCurve } from './curves.ts'
import type { Chosen } from './library.ts'
import { chooseLibrary, loadLibrary, ROOT } from './library.ts'
import { INSTALL, missingPeers, Skipped } from './peers.ts'
import type { Machine, RowResult } from './report.ts'
import { loadAverage, machineOf, tableOf } from './report.ts'
import { ROWS } from './rows/index.ts'

const USAGE = `npm run bench -- [--only NAME]... [--short] [--json] [--draw] [--folder PATH]

  --only NAME    only this row; may be given more than once
  --short        a tiny form of each row that checks answers and measures nothing
  --json         one JSON document
  --draw         draws the curves of the rows growth and change, where they are measured, into docs/
  --folder PATH  where stores are built: on the disk that is to be measured (default: the system's folder for temporary files)

rows: ${ROWS.map(({ name }) => name).join(', ')}
`

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    draw: { type: 'boolean', default: false },
    folder: { type: 'string', default: tmpdir() },
    help: { type: 'boolean', default: false },
    // How a row's own process is told what to measure.
    library: { type: 'string' },
  },
})

/** One row, here. */
async function runRow(row: Row, library: string): Promise<RowResult> {
  const { name, about } = row
  try {
    const bench = createBench(flags.short, flags.folder, await loadLibrary(library), library)
    const findings = await row.run(bench)
    return { name, about, findings: flags.short ? [] : findings, skipped: null, failed: null }
  } catch (error) {
    if (error instanceof Skipped) return { name, about, findings: [], skipped: error.message, failed: null }
    return { name, about, findings: [], skipped: null, failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
}

/** One row in a process of its own, so that none runs on another's heap and compiled code. */
async function spawnRow({ name, about }: Row, folder: string, library: string): Promise<RowResult> {
  const args = ['--expose-gc', import.meta.filename, '--only', name, '--folder', folder, '--library', library]
  const child = spawn(process.execPath, [...args, ...(flags.short ? ['--short'] : [])], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [output] = await Promise.all([text(child.stdout), once(child, 'exit')])
  try {
    return JSON.parse(output) as RowResult
  } catch {
    return { name, about, findings: [], skipped: null, failed: `its process ended with ${child.exitCode ?? child.signalCode}` }
  }
}

const CURVES: Readonly<Record<string, string>> = {
  growth: 'One verification as the number of keys grows',
  change: 'One durable change as the number of keys grows',
}

function draw(results: readonly RowResult[], { processor, cores, node }: Machine): void {
  const caption = `median and quartiles; ${processor}, ${cores} cores, Node ${node}, ${new Date().toISOString().slice(0, 10)}`
  for (const { name, findings } of results) {
    const title = CURVES[name]
    const picture = title === undefined ? null : drawCurve({ title, caption, findings })
    if (picture !== null) writeFileSync(join(ROOT, 'docs', `${name}.svg`), picture)
  }
}

async function runAll(rows: readonly Row[], { path, why }: Chosen): Promise<void> {
  const say = (line: string): void => void (flags.json ? process.stderr : process.stdout).write(`${line}\n`)
  const folder = mkdtempSync(join(flags.folder, 'keywright-bench-'))
  const interrupted = (): never => {
    rmSync(folder, { recursive: true, force: true })
    process.exit(130)
  }
  process.once('SIGINT', interrupted)
  try {
    const machine = machineOf(flags.folder)
    const before = loadAverage()
    const { processor, cores, memoryGB, system, node, fileSystem } = machine
    say(
      `${processor}, ${cores} cores, ${memoryGB} GB, ${system}, Node ${node}, ${flags.folder} on file system ${fileSystem}, load ${before.join(' ')}`,
    )
    say(`measured: ${path} (${why}); cores and deciders without a public door from src`)
    const missing = missingPeers()
    if (missing.length > 0) say(`rows with peers are left out: ${missing.join(', ')} not installed; install them with: ${INSTALL}`)
    const results: RowResult[] = []
    for (const row of rows) {
      if (process.stderr.isTTY) process.stderr.write(`${row.name} …\n`)
      results.push(await spawnRow(row, folder, path))
    }
    if (flags.draw) draw(results, machine)
    const load = { before, after: loadAverage() }
    if (flags.json)
      process.stdout.write(
        `${JSON.stringify({ machine, load, library: path, isShort: flags.short, missingPeers: missing, rows: results }, null, 2)}\n`,
      )
    else process.stdout.write(`\n${tableOf(results)}\nload after ${load.after.join(' ')}\n`)
    if (results.some(({ failed }) => failed !== null)) process.exitCode = 1
  } finally {
    process.off('SIGINT', interrupted)
    rmSync(folder, { recursive: true, force: true })
  }
}

const chosen = ROWS.filter(({ name }) => flags.only.length === 0 || flags.only.includes(name))
const unknown = flags.only.filter((name) => !ROWS.some((row) => row.name === name))
if (flags.help || unknown.length > 0) {
  if (unknown.length > 0) process.stderr.write(`there is no row ${unknown.join(', ')}\n\n`)
  process[flags.help ? 'stdout' : 'stderr'].write(USAGE)
  process.exitCode = flags.help ? 0 : 2
} else if (flags.library === undefined) await runAll(chosen, chooseLibrary(!flags.short))
else {
  const result = JSON.stringify(await runRow(chosen[0] as Row, flags.library))
  process.stdout.write(result, () => process.exit())
}
