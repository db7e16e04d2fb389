// Beginnings: opening a big store until its first verdict, and one verification as a whole process.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench, Row } from '../bench.ts'
import { assert } from '../bench.ts'
import { openFloor } from '../floors.ts'
import { ROOT } from '../library.ts'
import type { Finding } from '../measure.ts'
import { atMost, race, timeAgainst } from '../measure.ts'
import { Skipped } from '../peers.ts'
import { SCOPE } from '../stores.ts'

async function open(bench: Bench): Promise<readonly Finding[]> {
  const store = bench.store(bench.size(100_000, 200))
  let close = async (): Promise<void> => undefined
  const openAndVerify = async (): Promise<void> => {
    const manager = await bench.library.ApiKeyManager.open({ store: store.path })
    const verdict = await manager.validateApiKey(store.tokens.at(-1), { requiredScope: SCOPE, peek: true })
    assert(verdict.valid, `the first verdict was ${verdict.code}`)
    close = () => manager.close()
  }
  const parse = (): void => {
    const { keys } = openFloor(store.path)
    assert(keys.length === store.ids.length, 'the floor read another store')
  }
  const product = { count: 1, run: openAndVerify, after: () => close() }
  const times = await race({ product, floor: { count: 1, run: parse } }, { ...bench, garbage: 'major' })
  const against = ['readFileSync + JSON.parse', times.floor] as const
  return [
    timeAgainst({
      what: `open until the first verdict, ${store.ids.length} keys`,
      product: times.product,
      against,
      unit: 'ms',
      goal: atMost(2),
    }),
  ]
}

const RUNS_PER_ROUND = 5

async function commandLine(bench: Bench): Promise<readonly Finding[]> {
  const door = join(ROOT, 'dist/main.js')
  if (!existsSync(door)) throw new Skipped('dist/main.js is not built')
  const store = bench.store(bench.size(1000, 20))
  const count = bench.size(RUNS_PER_ROUND, 1)
  const run = (args: readonly string[], input: string): string => {
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { input, encoding: 'utf8' })
    assert(status === 0, `${args.join(' ')} ended with ${status}: ${stderr}`)
    return stdout
  }
  const validate = (extra: readonly string[]) => (): void => {
    for (let made = 0; made < count; made++) {
      const token = store.tokens[Math.floor(Math.random() * store.tokens.length)] as string
      const verdict: unknown = JSON.parse(run([door, 'validate', '--store', store.path, '--json', ...extra], token))
      assert(typeof verdict === 'object' && verdict !== null && 'valid' in verdict && verdict.valid === true, 'the verdict is not VALID')
    }
  }
  const nothing = (): void => {
    for (let made = 0; made < count; made++) run(['-e', '0'], '')
  }
  const times = await race(
    { product: { count, run: validate([]) }, peek: { count, run: validate(['--peek']) }, floor: { count, run: nothing } },
    { rounds: bench.rounds, warmups: Math.min(1, bench.warmups) },
  )
  const against = ['node -e 0', times.floor] as const
  return [
    timeAgainst({ what: 'keywright validate', product: times.product, against, unit: 'ms', goal: atMost(1.5) }),
    timeAgainst({ what: 'keywright validate --peek', product: times.peek, against, unit: 'ms', goal: null }),
  ]
}

export const openRows: readonly Row[] = [
  { name: 'open', about: 'opening a store of 100,000 keys until the first verdict', run: open },
  { name: 'command-line', about: 'keywright validate on 1,000 keys, the whole process', run: commandLine },
]
