// The terminal app, and the floor that is held against it, in a real terminal: opened, pressed, and weighed by /proc. Judges nothing.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { BUNDLED } from '../build/bundling.ts'
import { measureKey } from '../test/robot/measure-key.ts'
import type { Terminal } from '../test/robot/terminal.ts'
import { openTerminal } from '../test/robot/terminal.ts'
import { ROOT } from './library.ts'
import { Skipped } from './peers.ts'

const APP = join(ROOT, 'dist/main.js')
const SIZE = { columns: 120, rows: 40 } as const
/** Of the counts in /proc/PID/stat: one in a hundred of a second, on every Linux. */
const TICK_MS = 10

function open(args: readonly string[]): Terminal {
  return openTerminal({ command: process.execPath, args, ...SIZE, env: { NODE_ENV: 'production' } })
}

/** The app on a store, from its spawn on. */
export function openApp(store: string): Terminal {
  if (!existsSync(APP)) throw new Skipped('dist/main.js is not built')
  return open([APP, '--store', store])
}

/** Bundles the floor's program as dist is; answers what opens it. */
export async function buildFloor(folder: string): Promise<(table: 'ink-table' | 'rows') => Terminal> {
  const outdir = join(folder, 'floor-table')
  await build({
    ...BUNDLED,
    absWorkingDir: ROOT,
    entryPoints: ['bench/floor-table.tsx'],
    outdir,
    outExtension: { '.js': '.mjs' },
  })
  return (table) => open([join(outdir, 'floor-table.mjs'), table])
}

type Read = (frame: readonly string[]) => string | undefined

/** The name of the key that the cursor is on. */
export const cursorName: Read = (frame) => /^>.*?(service \d+)/m.exec(frame.join('\n'))?.[1]

/** The names of all keys that are seen. */
export const namesShown: Read = (frame) => frame.flatMap((line) => /^[ >] .*?(service \d+)/.exec(line)?.[1] ?? []).join()

/** How many keys the filter selects. */
export const totalShown: Read = (frame) => /\d of ([\d,]+)/.exec(frame[1] ?? '')?.[1]

/** Milliseconds from a key until what is read of the frame has become something else. */
export async function pressed(app: Terminal, key: string, read: Read): Promise<number> {
  await app.settled()
  const before = read(app.frame())
  return measureKey(app, key, (frame) => {
    const now = read(frame)
    return now !== undefined && now !== before
  })
}

/** Milliseconds of a processor that a process used so far, all its threads together. */
export function processorMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // Behind the name in parentheses, which may hold anything: state is the third field, user and system time the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

export function residentMB(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes) / 1024
}
