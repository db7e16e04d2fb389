// Many processes and one store: changes at once with readers throughout, kills without end, the lock's holder dead, revocations elsewhere.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { KeyView } from '../../src/domain/key.ts'
import { ApiKeyManager } from '../../src/index.ts'
import { storeIn, withManager } from '../../test/crash/scenarios.ts'
import { placeAt } from '../../test/store/place.ts'
import type { Child } from '../../test/store/processes.ts'
import { startProcess } from '../../test/store/processes.ts'
import { judged } from '../aftermath.ts'
import type { Row, Storm, Trials, Wrong } from '../storm.ts'
import { measureSpread, upTo } from '../storm.ts'

const changeStore = new URL('../../test/race/change-store.ts', import.meta.url)
const holdLock = new URL('../../test/store/hold-lock.ts', import.meta.url)
const verifyTokens = new URL('../../test/race/verify-tokens.ts', import.meta.url)

interface Version {
  readonly audit: { readonly seq: number }
  readonly keys: readonly { readonly scopes: readonly string[] }[]
}

/** N processes make M changes each; who reads meanwhile sees whole versions only, each further on than the last. */
async function tryMany(storm: Storm, processes: number, changes: number, wrong: Wrong): Promise<number> {
  const folder = storm.newFolder()
  const ids: string[] = []
  await withManager(folder, async (manager) => {
    for (const number of upTo(processes)) ids.push((await manager.generateApiKey({ userId: `u${number}` })).key.id)
  })
  const children = Array.from(upTo(processes), (number) =>
    startProcess(changeStore, { args: [storeIn(folder), `p${number}`, String(changes), ...storm.shuffled(ids)] }),
  )
  for (const child of children) await child.line()
  for (const child of children) child.say('go')
  let isDone = false
  const done = Promise.all(children.map((child) => child.done())).finally(() => {
    isDone = true
  })
  let reads = 0
  for (let last = 0; !isDone; await nextTurn()) {
    const { audit, keys } = JSON.parse(readFileSync(storeIn(folder), 'utf8')) as Version
    const scopes = keys.reduce((sum, key) => sum + key.scopes.length, 0)
    if (audit.seq < last) wrong(`a reader saw seq ${audit.seq} after seq ${last}`)
    if (scopes !== audit.seq - processes) wrong(`a reader saw ${scopes} changes at seq ${audit.seq}`)
    last = audit.seq
    reads++
  }
  await done
  const { keys } = JSON.parse(readFileSync(storeIn(folder), 'utf8')) as Version
  const made = new Set(keys.flatMap(({ scopes }) => scopes)).size
  const recorded = placeAt(folder)
    .records()
    .filter(({ action }) => action === 'key.scope.add').length
  if (made !== processes * changes || recorded !== made)
    wrong(`${processes * changes} were acknowledged, ${made} are on file and ${recorded} on the log`)
  judged(folder, 'in the end').forEach(wrong)
  return reads
}

async function manyProcesses(storm: Storm): Promise<void> {
  const [processes, changes] = [storm.size(8, 3), storm.size(200, 10)]
  const trials = storm.trials(`${processes} processes × ${changes} changes, readers throughout: lost, doubled or torn`)
  let reads = 0
  await trials.each(upTo(storm.size(3, 1)), async (_, wrong) => {
    reads += await tryMany(storm, processes, changes, wrong)
  })
  trials.measured('reads', reads, '')
}

/** What 8-measures promises. The short form, beside other tests, judges no duration. */
const MOST_WAIT_MS = 100
const MOST_DELAY_MS = 250

async function holders(storm: Storm): Promise<void> {
  const trials = storm.trials('the lock’s holder killed while a change waits')
  const folder = storm.newFolder()
  const waits: number[] = []
  await withManager(folder, async (manager) => {
    const { key } = await manager.generateApiKey({ userId: 'ann' })
    await trials.each(upTo(storm.size(100, 3)), async (number, wrong) => {
      const child = startProcess(holdLock, { args: [join(folder, 'keys.lock')] })
      await child.line()
      const change = manager.updateApiKey(key.id, { name: `${number}` })
      await nextTurn()
      const killedAt = performance.now()
      child.kill()
      if ((await change).name !== `${number}`) wrong('the change was not made')
      const wait = performance.now() - killedAt
      waits.push(wait)
      if (wait > MOST_WAIT_MS && !storm.isShort) wrong(`it waited ${wait.toFixed(0)} ms`)
    })
  })
  measureSpread(trials, 'the wait', waits, 'ms')
  const after = storm.trials('the store after that')
  await after.each([folder], (path, wrong) => judged(path, 'in the end').forEach(wrong), { isBounded: false })
}

interface Revoking {
  readonly storm: Storm
  readonly trials: Trials
  readonly manager: ApiKeyManager
  /** Runs verify-tokens.ts. */
  readonly child: Child
}

/** Revokes one key after the other that another process verifies without a pause, and measures when it is refused there. */
export async function revokeEach(
  { storm, trials, manager, child }: Revoking,
  made: readonly { readonly key: { readonly id: string } }[],
): Promise<void> {
  const delays: number[] = []
  await trials.each(made, async ({ key }, wrong) => {
    if ((await child.line()) !== 'valid') wrong('the key was not valid before')
    await manager.revokeApiKey(key.id, { reason: 'leaked' })
    const revokedAt = Date.now()
    const [code, refusedAt] = (await child.line()).split(' ')
    if (code !== 'REVOKED') wrong(`it answered ${code}`)
    const delay = Math.max(0, Number(refusedAt) - revokedAt)
    delays.push(delay)
    if (delay > MOST_DELAY_MS && !storm.isShort) wrong(`it was refused after ${delay} ms`)
  })
  child.kill()
  measureSpread(trials, 'refused elsewhere', delays, 'ms')
}

async function revocations(storm: Storm): Promise<void> {
  const trials = storm.trials('a revocation, refused in a process that verifies without a pause')
  const folder = storm.newFolder()
  await withManager(folder, async (manager) => {
    const rounds = Array.from(upTo(storm.size(200, 3)))
    const made = await Promise.all(rounds.map(() => manager.generateApiKey({ userId: 'ann' })))
    const child = startProcess(verifyTokens, { args: [storeIn(folder), ...made.map(({ token }) => token)] })
    await revokeEach({ storm, trials, manager, child }, made)
  })
}

/** What the workers of a reign of kills were told, by name of worker or id of key. */
export interface Told {
  readonly counts: Map<string, number>
  readonly made: Set<string>
  readonly revokedUpTo: Map<string, number>
}

export const stormWorker = new URL('../../test/crash/storm-worker.ts', import.meta.url)

/** Starts a worker and kills it after some acknowledgements, wherever it then is. */
export async function reign(storm: Storm, store: string, name: string, env: Readonly<Record<string, string>>, told: Told): Promise<void> {
  const child = startProcess(stormWorker, { args: [store, name], env })
  for (let hear = 1 + storm.below(20); hear > 0; hear--) await child.line()
  for (let turns = storm.below(8); turns > 0; turns--) await nextTurn()
  child.kill()
  await child.ended
  for (const line of child.lines) {
    const [what, id = '', number] = line.split(' ')
    if (what === 'count' || what === 'begun') told.counts.set(id, Math.max(Number(number), told.counts.get(id) ?? 0))
    else if (what === 'made') told.made.add(id)
    else if (what === 'revoked') told.revokedUpTo.set(name, Number(id))
  }
}

export function checkTold(keys: ReadonlyMap<string, KeyView>, { counts, made, revokedUpTo }: Told, wrong: Wrong): void {
  for (const [id, count] of counts) {
    const kept = Number(keys.get(id)?.metadata['count'])
    // What was being made when the process died may be there as well.
    if (!(kept >= count && kept <= count + 1)) wrong(`key ${id} was told to count ${count}, and counts ${kept}`)
  }
  for (const id of made) {
    const key = keys.get(id)
    const [worker = ''] = key?.userId.split('-') ?? []
    if (key === undefined) wrong(`key ${id} was made, and is not there`)
    else if (Number(key.name) <= (revokedUpTo.get(worker) ?? 0) && key.status !== 'revoked')
      wrong(`key ${id} was revoked, and is ${key.status}`)
  }
}

/** Every key of a store, page by page. */
export async function allKeys(manager: ApiKeyManager): Promise<ReadonlyMap<string, KeyView>> {
  const keys = new Map<string, KeyView>()
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await manager.listApiKeys({ limit: 1000, sort: 'createdAt', ...(cursor === undefined ? {} : { cursor }) })
    for (const key of page.keys) keys.set(key.id, key)
    cursor = page.nextCursor
  }
  return keys
}

async function reigns(storm: Storm): Promise<void> {
  const trials = storm.trials('a process killed at any moment, others of its kind beside it')
  const folder = storm.newFolder()
  const env = { NODE_COMPILE_CACHE: `${folder}-compiled` }
  await startProcess(stormWorker, { args: [storeIn(folder), 'rehearsal', 'once'], env }).done()
  const told: Told = { counts: new Map(), made: new Set(), revokedUpTo: new Map() }
  const workers = storm.size(4, 2)
  // A name is one process at a time.
  const names = Array.from(upTo(workers), (number) => `worker${number}`)
  await trials.each(
    upTo(storm.size(400, 5)),
    async () => {
      const name = names.pop() as string
      await reign(storm, storeIn(folder), name, env, told).finally(() => names.push(name))
    },
    { atOnce: workers },
  )
  const after = storm.trials('what was acknowledged before those kills')
  const manager = await ApiKeyManager.open({ store: storeIn(folder), onWarning: () => undefined })
  await manager.generateApiKey({ userId: 'last' })
  await after.each(
    [folder],
    async (path, wrong) => {
      checkTold(await allKeys(manager), told, wrong)
      const report = await manager.verifyAudit()
      if (!report.ok) wrong(`audit verify says: ${JSON.stringify(report.problems)}`)
      judged(path, 'in the end').forEach(wrong)
      const left = readdirSync(path).filter((file) => file.endsWith('.tmp'))
      if (left.length > 0) wrong(`${left.join(', ')} stayed behind`)
    },
    { isBounded: false },
  )
  await manager.close()
  after.measured('keys made', told.made.size, '')
}

export const processRows: readonly Row[] = [
  { name: 'processes', about: 'N processes × M changes; readers throughout', run: manyProcesses },
  { name: 'reigns', about: 'SIGKILL at any moment of a change, processes beside each other', run: reigns },
  { name: 'holders', about: 'SIGKILL of the lock’s holder: the next change waits at most 100 ms', run: holders },
  { name: 'revocations', about: 'revocation in one process, verification in another: refused within 250 ms', run: revocations },
]
