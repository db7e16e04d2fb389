// The terminal app as a person feels it: its first frame, each key press at 100,000 keys, what it costs at rest, and a log of 1,000,000 records.

import { setTimeout as after } from 'node:timers/promises'
import { measureKey } from '../../test/robot/measure-key.ts'
import type { Terminal } from '../../test/robot/terminal.ts'
import type { Bench, Row } from '../bench.ts'
import { assert } from '../bench.ts'
import { readFloor } from '../floors.ts'
import type { Finding } from '../measure.ts'
import { alone, atMost, quantile, race, timeAgainst } from '../measure.ts'
import { buildFloor, cursorName, namesShown, openApp, pressed, processorMs, residentMB, totalShown } from '../screen.ts'
import type { BuiltStore } from '../stores.ts'
import { filesOf } from './audit.ts'

async function firstFrame(bench: Bench): Promise<readonly Finding[]> {
  const { path } = bench.store(bench.size(1000, 20))
  const openFloor = await buildFloor(bench.folder)
  let terminal: Terminal
  const drawn = (open: () => Terminal, text: string) => ({
    count: 1,
    run: async () => {
      terminal = open()
      await terminal.until(text)
    },
    after: () => terminal.close(),
  })
  const product = drawn(() => openApp(path), 'service ')
  const table = drawn(() => openFloor('ink-table'), 'h 19')
  const rows = drawn(() => openFloor('rows'), 'h 19')
  const times = await race({ product, table, rows }, { rounds: bench.rounds, warmups: Math.min(1, bench.warmups) })
  const finding = (name: string, against: readonly number[], goal: Finding['goal']): Finding =>
    timeAgainst({
      what: `from the start until a key is drawn, against a table of 20 × 8 ${name}`,
      product: times.product,
      against: ['Ink', against],
      unit: 'ms',
      goal,
    })
  return [finding('by ink-table', times.table, atMost(1.3)), finding('as one text a row', times.rows, null)]
}

const FEW_KEYS = 50
const REVOKED_KEYS = 10
/** Moves of a round to the top of the list's view and beyond, and as many back. */
const MOVES = 12
const PAGES = 8
const REST_MS = 10_000

interface App {
  readonly terminal: Terminal
  /** Half pages up in a long list, or to and fro in one that has no more. */
  readonly pages: readonly string[]
  readonly times: Record<Kind, number[]>
  /** Of each move. */
  readonly kilobytes: number[]
}

type Kind = 'moving' | 'paging' | 'filtering' | 'sorting'

/** What a round of each kind presses; answers milliseconds of each press. */
const KINDS: Readonly<Record<Kind, (app: App) => Promise<number[]>>> = {
  async moving({ terminal, kilobytes }) {
    await terminal.press('G', 'ctrl-u', 'ctrl-u')
    const times: number[] = []
    for (const key of [...Array(MOVES).fill('k'), ...Array(MOVES).fill('j')]) {
      await terminal.settled()
      const before = terminal.written()
      times.push(await pressed(terminal, key, cursorName))
      kilobytes.push((terminal.written() - before) / 1000)
    }
    return times
  },
  async paging({ terminal, pages }) {
    const times: number[] = []
    for (let made = 0; made < PAGES; made++) times.push(await pressed(terminal, pages[made % pages.length] as string, cursorName))
    return times
  },
  async filtering({ terminal }) {
    await terminal.press('/')
    const times = [await pressed(terminal, '1', totalShown), await pressed(terminal, '2', totalShown)]
    for (const status of ['status:active', 'status:revoked']) {
      await terminal.press('esc', '/')
      await terminal.type(status.slice(0, -1))
      times.push(await pressed(terminal, status.at(-1) as string, totalShown))
    }
    await terminal.press('esc')
    return times
  },
  // The filters between have displaced the order that is asked for.
  sorting: async ({ terminal }) => [await pressed(terminal, 's', namesShown)],
}

async function startApp(bench: Bench, keys: number, pages: readonly string[]): Promise<App> {
  const store = bench.store(keys)
  const manager = await bench.library.ApiKeyManager.open({ store: store.path })
  await manager.revokeApiKeys({ ids: store.ids.slice(0, REVOKED_KEYS) }, { reason: 'for the filter' })
  await manager.close()
  const terminal = openApp(store.path)
  await terminal.until((frame) => totalShown(frame) !== undefined)
  // To the column of names, which the list is sorted by.
  await terminal.press('l')
  return { terminal, pages, times: { moving: [], paging: [], filtering: [], sorting: [] }, kilobytes: [] }
}

/** What an app takes of a processor, and writes, while nothing happens. */
async function restOf(terminal: Terminal, forMs: number): Promise<{ usedPercent: number; writtenKB: number }> {
  await terminal.settled()
  const before = { atMs: performance.now(), usedMs: processorMs(terminal.pid), written: terminal.written() }
  await after(forMs)
  const usedPercent = (100 * (processorMs(terminal.pid) - before.usedMs)) / (performance.now() - before.atMs)
  return { usedPercent, writtenKB: (terminal.written() - before.written) / 1000 }
}

async function keyPresses(bench: Bench): Promise<readonly Finding[]> {
  const many = bench.size(100_000, 200)
  const big = await startApp(bench, many, ['ctrl-u'])
  const firstMB = residentMB(big.terminal.pid)
  const small = await startApp(bench, FEW_KEYS, ['ctrl-d', 'ctrl-d', 'ctrl-u', 'ctrl-u'])
  /** 95 of 100 presses of each round were faster. */
  const rounds = { big: [] as Record<Kind, number>[], small: [] as Record<Kind, number>[] }
  for (let round = -Math.min(1, bench.warmups); round < bench.rounds; round++) {
    for (const [name, app] of Object.entries({ big, small }) as ['big' | 'small', App][]) {
      const slow = {} as Record<Kind, number>
      for (const kind of Object.keys(KINDS) as Kind[]) {
        const times = await KINDS[kind](app)
        if (round >= 0) app.times[kind].push(...times)
        slow[kind] = quantile(
          times.toSorted((a, b) => a - b),
          0.95,
        )
      }
      if (round >= 0) rounds[name].push(slow)
    }
  }
  const memoryMB = residentMB(big.terminal.pid)
  const rest = await restOf(big.terminal, bench.size(REST_MS, 100))
  for (const { terminal } of [big, small]) await terminal.close()
  const ofKind = (kind: Kind, ms: number): Finding[] => [
    alone(`${kind}, ${many} keys: key to screen, p95`, 'ms', big.times[kind], atMost(ms), 'p95'),
    timeAgainst({
      what: `${kind}, p95 of a round`,
      product: rounds.big.map((slow) => slow[kind]),
      against: [`${FEW_KEYS} keys`, rounds.small.map((slow) => slow[kind])],
      unit: 'ms',
      goal: kind === 'moving' || kind === 'paging' ? atMost(1.3) : null,
    }),
  ]
  return [
    ...ofKind('moving', 50),
    ...ofKind('paging', 50),
    ...ofKind('filtering', 50),
    ...ofKind('sorting', 200),
    alone('written for a cursor move, half of them scroll, p95', 'kB', big.kilobytes, atMost(4), 'p95'),
    alone(`processor at rest, of one core, in ${REST_MS / 1000} s`, '%', [rest.usedPercent], atMost(1)),
    alone('written at rest', 'kB', [rest.writtenKB], null),
    alone(`resident memory when the list stands, ${many} keys`, 'MB', [firstMB], atMost(350)),
    alone(`resident memory after all these presses, ${many} keys`, 'MB', [memoryMB], atMost(350)),
  ]
}

const isRecordShown = (frame: readonly string[]): boolean => frame.some((line) => /^> *\d+ /.test(line))
/** Of which no record has one. */
const ABSENT = '~'

/** One visit to the audit screen: from its key to its first record, and from a search to the word that it found nothing. */
async function visitAudit({ path }: BuiltStore): Promise<{ first: number; search: number }> {
  const terminal = openApp(path)
  await terminal.until((frame) => totalShown(frame) !== undefined)
  const first = await measureKey(terminal, '4', isRecordShown)
  await terminal.press('/')
  const search = await measureKey(terminal, ABSENT, (frame) => frame.some((line) => line.includes(`no record fits /${ABSENT}`)))
  await terminal.close()
  return { first, search }
}

async function auditScreen(bench: Bench): Promise<readonly Finding[]> {
  const count = bench.size(1_000_000, 1000)
  const store = bench.store(bench.size(1000, 20), count)
  const files = filesOf(store)
  const times = { first: [] as number[], search: [] as number[], read: [] as number[] }
  for (let round = -Math.min(1, bench.warmups); round < bench.rounds; round++) {
    const begin = performance.now()
    assert(readFloor(files) > 0, 'the floor read nothing')
    const read = performance.now() - begin
    const { first, search } = await visitAudit(store)
    if (round < 0) continue
    times.first.push(first)
    times.search.push(search)
    times.read.push(read)
  }
  return [
    alone(`audit screen on ${count} records: key to first record`, 'ms', times.first, atMost(200)),
    timeAgainst({
      what: 'a search that finds nothing, until the screen says so',
      product: times.search,
      against: ['one read', times.read],
      unit: 'ms',
      goal: atMost(2),
    }),
  ]
}

const revokedShown = (frame: readonly string[]): number => frame.filter((line) => /^[ >] .*revoked .*service \d/.test(line)).length

/** From the end of a revocation in this process until it is seen in the app. */
async function revokedElsewhere(bench: Bench): Promise<readonly Finding[]> {
  const store = bench.store(bench.size(1000, 20))
  const manager = await bench.library.ApiKeyManager.open({ store: store.path })
  const terminal = openApp(store.path)
  await terminal.until((frame) => totalShown(frame) !== undefined)
  const shown = terminal.frame().flatMap((line) => /^[ >] .*active .*?service (\d+)/.exec(line)?.[1] ?? [])
  const times: number[] = []
  for (const index of shown.slice(0, bench.rounds)) {
    await terminal.settled()
    const before = revokedShown(terminal.frame())
    await manager.revokeApiKey(store.ids[Number(index)] as string, { reason: 'for the screen' })
    const begin = performance.now()
    await terminal.until((frame) => revokedShown(frame) > before)
    times.push(performance.now() - begin)
  }
  await manager.close()
  await terminal.close()
  return [alone('revoked in another process: until the screen says so, slowest', 'ms', times, atMost(500), 'worst')]
}

export const terminalRows: readonly Row[] = [
  { name: 'first-frame', about: 'the terminal app on 1,000 keys, 120 × 40, against a bundled Ink program', run: firstFrame },
  { name: 'key-press', about: 'a key to the screen, 120 × 40, at 100,000 keys against the same app at 50', run: keyPresses },
  { name: 'revoked-elsewhere', about: 'a key revoked in another process, on the screen of the app', run: revokedElsewhere },
  { name: 'audit-screen', about: 'the audit screen on 1,000,000 records', run: auditScreen },
]
