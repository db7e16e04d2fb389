// One durable change at three sizes of the store, many changes at once, and a bulk change.

import { readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { JSONFile } from 'lowdb/node'
import type { Bench, Row } from '../bench.ts'
import { assert } from '../bench.ts'
import { changeFloor, openFloor } from '../floors.ts'
import type { ApiKeyManager } from '../library.ts'
import type { Contender, Finding } from '../measure.ts'
import { atLeast, atMost, race, speedAgainst, timeAgainst } from '../measure.ts'
import type { BuiltStore } from '../stores.ts'
import { userOf } from '../stores.ts'

let edits = 0

async function edit(manager: ApiKeyManager, id: string): Promise<void> {
  const name = `edited ${edits++}`
  const key = await manager.updateApiKey(id, { name })
  if (key.name !== name) throw new Error(`key ${id} was not changed`)
}

/** One change after the other, of a key somewhere in the file. */
function changes(manager: ApiKeyManager, ids: readonly string[], count: number): Contender {
  const run = async (): Promise<void> => {
    for (let made = 0; made < count; made++) await edit(manager, ids[Math.floor(Math.random() * ids.length)] as string)
  }
  return { count, run }
}

/** The last whole line of a log. */
function lastLine(path: string): Buffer {
  const bytes = readFileSync(path)
  return bytes.subarray(bytes.lastIndexOf('\n', bytes.length - 2) + 1)
}

async function closeProven(manager: ApiKeyManager): Promise<void> {
  const { ok, problems } = await manager.verifyAudit()
  assert(ok, `the store does not prove itself: ${JSON.stringify(problems.slice(0, 3))}`)
  await manager.close()
}

const SIZES = [1000, 10_000, 100_000]
const LARGEST = 100_000

async function changeAt(bench: Bench, keys: number): Promise<readonly Finding[]> {
  const store = bench.store(keys)
  const manager = await bench.library.ApiKeyManager.open({ store: store.path })
  const [id = ''] = store.ids
  await edit(manager, id)
  const floor = changeFloor(join(dirname(store.path), 'floor'), lastLine(store.log), readFileSync(store.path))
  const count = Math.min(20, bench.size(LARGEST / keys, 2))
  const runFloor = (): void => {
    for (let made = 0; made < count; made++) floor.change()
  }
  const contenders: Record<string, Contender> = { product: changes(manager, store.ids, count), floor: { count, run: runFloor } }
  if (keys === LARGEST) contenders['lowdb'] = lowdbWrite(store)
  const times = await race(contenders, bench)
  floor.close()
  await closeProven(manager)
  const product = times['product'] as number[]
  const size = (await stat(store.path)).size / 1e6
  const what = `updateApiKey, ${keys} keys, ${size.toFixed(1)} MB`
  const found = [timeAgainst({ what, keys, product, against: ['floor', times['floor'] as number[]], unit: 'ms', goal: atMost(2) })]
  if (times['lowdb'] === undefined) return found
  return [...found, timeAgainst({ what, product, against: ['lowdb, unsynced', times['lowdb']], unit: 'ms', goal: atMost(0.5) })]
}

function lowdbWrite(store: BuiltStore): Contender {
  const document = openFloor(store.path)
  const file = new JSONFile<typeof document>(join(dirname(store.path), 'lowdb.json'))
  return { count: 1, run: () => file.write(document) }
}

async function change(bench: Bench): Promise<readonly Finding[]> {
  const found: Finding[] = []
  for (const keys of bench.isShort ? [50] : SIZES) found.push(...(await changeAt(bench, keys)))
  return found
}

const OWNED = 1000

/** Ends another owner's keys in each round; single changes are of the last owner, whose keys are never ended. */
async function raceRevocations(bench: Bench, keys: number, rounds: number) {
  const store = bench.store(keys)
  const manager = await bench.library.ApiKeyManager.open({ store: store.path })
  const owners = [...new Set(store.ids.map((_, index) => userOf(index)))]
  const revoke = async (round: number): Promise<void> => {
    const { results } = await manager.revokeApiKeys({ userId: owners[round] as string }, { reason: 'the owner has left' })
    assert(results.length === OWNED && results.every(({ ok }) => ok), `${results.length} keys were revoked`)
  }
  const single = changes(manager, store.ids.slice(-OWNED), bench.size(10, 1))
  const times = await race({ bulk: { count: 1, run: revoke }, single }, { rounds, warmups: 0 })
  await closeProven(manager)
  return times
}

async function bulkRevoke(bench: Bench): Promise<readonly Finding[]> {
  // Another store first, so that no round begins cold.
  if (!bench.isShort) await raceRevocations(bench, 10_000, bench.warmups)
  const times = await raceRevocations(bench, bench.size(10_000, 2000), bench.size(9, 1))
  const what = 'revokeApiKeys, 1,000 keys of 10,000'
  return [timeAgainst({ what, product: times.bulk, against: ['one change', times.single], unit: 'ms', goal: atMost(3) })]
}

const TOGETHER = 128

async function groupCommit(bench: Bench): Promise<readonly Finding[]> {
  const store = bench.store(bench.size(1000, 200))
  const manager = await bench.library.ApiKeyManager.open({ store: store.path })
  const ids = store.ids.slice(0, bench.size(TOGETHER, 8))
  const together = (): Promise<unknown> => Promise.all(ids.map((id) => edit(manager, id)))
  const inTurn = async (): Promise<void> => {
    for (const id of ids) await edit(manager, id)
  }
  const times = await race({ together: { count: ids.length, run: together }, inTurn: { count: ids.length, run: inTurn } }, bench)
  await closeProven(manager)
  const against = ['one after the other', times.inTurn] as const
  return [speedAgainst({ what: `${ids.length} changes waiting at once`, product: times.together, against, unit: 'ms', goal: atLeast(10) })]
}

export const changeRows: readonly Row[] = [
  { name: 'change', about: 'one durable change: record synced, store synced, renamed, folder synced', run: change },
  { name: 'bulk-revoke', about: 'revoking 1,000 keys of an owner in one command', run: bulkRevoke },
  { name: 'group-commit', about: 'changes that wait together in one process, 1,000 keys', run: groupCommit },
]
