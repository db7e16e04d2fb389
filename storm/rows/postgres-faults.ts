// A server that is killed and a network that is cut: what was answered is there, counts are exact, and what is revoked is refused.

import { setTimeout as sleep } from 'node:timers/promises'
import type { ApiKeyManager } from '../../src/index.ts'
import type { MigratedServer } from '../../test/postgres/migrated.ts'
import type { Cut, Link } from '../link.ts'
import { CUTS, linkTo } from '../link.ts'
import { judged, openNode, until, withServer } from '../postgres.ts'
import type { Row, Storm, Wrong } from '../storm.ts'
import { measureSpread, upTo } from '../storm.ts'

const FLUSH_MS = 20
const CHANGES_AFTER = 5

interface Busy {
  readonly answered: string[]
  /** Changes whose end nobody knows: said so. */
  doubtful: number
  accepted: number
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : String(error))

/** Two nodes make keys and verify a token until they are told to stop. */
function beBusy(nodes: readonly ApiKeyManager[], userId: string, token: string, wrong: Wrong): { busy: Busy; end: () => Promise<void> } {
  const busy: Busy = { answered: [], doubtful: 0, accepted: 0 }
  let isDone = false
  const noteFault = (error: unknown): void => {
    if (codeOf(error) !== 'STORE_UNAVAILABLE') wrong(`it failed with ${codeOf(error)}`)
  }
  const loops = nodes.flatMap((node) => [
    (async () => {
      while (!isDone)
        await node.generateApiKey({ userId }).then(
          ({ key }) => busy.answered.push(key.id),
          (error) => {
            busy.doubtful++
            noteFault(error)
          },
        )
    })(),
    (async () => {
      while (!isDone) {
        const verdict = await node.validateApiKey(token).catch(noteFault)
        if (verdict?.valid === true) busy.accepted++
        await sleep(1)
      }
    })(),
  ])
  return {
    busy,
    async end() {
      isDone = true
      await Promise.all(loops)
    },
  }
}

interface Crashing {
  readonly server: MigratedServer
  readonly name: string
  readonly nodes: readonly [ApiKeyManager, ApiKeyManager]
}

/** The server dies at a random moment of changes and flushes, and comes back; answers how long the next change took from then. */
async function tryCrash(storm: Storm, { server, name, nodes }: Crashing, number: number, wrong: Wrong): Promise<number> {
  const userId = `r${number}`
  const [node, other] = nodes
  const { token, key } = await node.generateApiKey({ userId: `${userId}-used` })
  const { busy, end } = beBusy(nodes, userId, token, wrong)
  await until('changes are made', () => busy.answered.length > 0)
  await sleep(storm.below(300))
  await server.stop('immediate')
  await sleep(storm.below(200))
  await server.start()
  const upAt = performance.now()
  const before = busy.answered.length
  await until('changes go on', () => busy.answered.length > before)
  const waited = performance.now() - upAt
  await until('more changes', () => busy.answered.length > before + CHANGES_AFTER)
  await end()
  await Promise.all(nodes.map((one) => one.flush()))
  const kept = new Set<string>()
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await other.listApiKeys({ userId, limit: 1000, ...(cursor === undefined ? {} : { cursor }) })
    for (const { id } of page.keys) kept.add(id)
    cursor = page.nextCursor
  }
  const lost = busy.answered.filter((id) => !kept.has(id))
  if (lost.length > 0) wrong(`${lost.length} of ${busy.answered.length} keys were made and are not there`)
  if (kept.size > busy.answered.length + busy.doubtful)
    wrong(`${busy.answered.length} keys were made, ${busy.doubtful} perhaps, and ${kept.size} are there`)
  const { usageCount } = await other.getKeyUsageStats(key.id)
  if (usageCount !== busy.accepted) wrong(`${busy.accepted} calls were accepted, ${usageCount} are counted`)
  for (const one of await judged(storm, server, name, other, 'after the crash')) wrong(one)
  return waited
}

async function crashes(storm: Storm, server: MigratedServer): Promise<void> {
  const trials = storm.trials('the server killed in the middle of changes and flushes, and started again')
  const waits: number[] = []
  const { name, url } = await server.fresh()
  const nodes = [await openNode(url, { flushIntervalMs: FLUSH_MS }), await openNode(url, { flushIntervalMs: FLUSH_MS })] as const
  await trials.each(upTo(storm.size(60, 1)), async (number, wrong) => {
    waits.push(await tryCrash(storm, { server, name, nodes }, number, wrong))
  })
  for (const node of nodes) await node.close()
  measureSpread(trials, 'the next change after the server answers', waits, 'ms')
}

/** How late an answer may be given that was true in time; the short form runs beside other tests. */
const SLACK_MS = 250
const SHORT_SLACK_MS = 700
const SHORT_CUTS = 2
const ASK_EVERY_MS = 10

interface Cutting {
  readonly node: ApiKeyManager
  readonly admin: ApiKeyManager
  readonly link: Link
  readonly maxStaleMs: number
}

interface CutTrial {
  readonly how: Cut
  /** The key is looked up for the first time just when the cut happens. */
  readonly isUnknown: boolean
}

/** A key is revoked while a node is cut off: how long that node still lets it in, and when it refuses it again. */
async function tryCut(storm: Storm, { node, admin, link, maxStaleMs }: Cutting, { how, isUnknown }: CutTrial, wrong: Wrong) {
  const { token, key } = await admin.generateApiKey({ userId: 'ann' })
  const slack = storm.size(SLACK_MS, SHORT_SLACK_MS)
  let lastValid = 0
  const asked: Promise<void>[] = []
  const ask = (): void => {
    const verdict = node.validateApiKey(token).then(
      ({ valid }) => {
        if (valid) lastValid = performance.now()
      },
      (error) => {
        if (codeOf(error) !== 'STORE_UNAVAILABLE') wrong(`it failed with ${codeOf(error)}`)
      },
    )
    asked.push(verdict)
  }
  if (!isUnknown) await until('the key is known', async () => (await node.validateApiKey(token)).valid)
  await sleep(storm.below(200))
  link.cut(how)
  ask()
  await sleep(20 + storm.below(100))
  await admin.revokeApiKey(key.id, { reason: 'leaked' })
  const revokedAt = performance.now()
  while (performance.now() < revokedAt + maxStaleMs + slack) {
    ask()
    await sleep(ASK_EVERY_MS)
  }
  link.heal()
  const healedAt = performance.now()
  await until('it is refused', async () => (await node.validateApiKey(token).catch(() => null))?.code === 'REVOKED')
  const refused = performance.now() - healedAt
  await Promise.all(asked)
  const late = lastValid - revokedAt
  if (late > maxStaleMs + slack) wrong(`it was let in ${late.toFixed(0)} ms after its revocation, with maxStaleMs ${maxStaleMs}`)
  return { late: Math.max(0, late), refused }
}

async function cutOff(storm: Storm, server: MigratedServer): Promise<void> {
  const trials = storm.trials('a key revoked while a node is cut off, let in no longer than maxStaleMs')
  const { name, url } = await server.fresh()
  const admin = await openNode(url)
  const link = await linkTo(server.port)
  const maxStaleMs = storm.size(1000, 200)
  const node = await openNode(`postgres://postgres@127.0.0.1:${link.port}/${name}`, { maxStaleMs })
  const all = CUTS.flatMap((how) => [false, true].map((isUnknown) => ({ how, isUnknown })))
  const lates: number[] = []
  const refusals: number[] = []
  const cases = Array.from(upTo(storm.size(8, 1))).flatMap(() => storm.shuffled(all).slice(0, storm.size(all.length, SHORT_CUTS)))
  await trials.each(
    cases,
    async (one, wrong) => {
      const { late, refused } = await tryCut(storm, { node, admin, link, maxStaleMs }, one, wrong)
      lates.push(late)
      refusals.push(refused)
    },
    { name: ({ how, isUnknown }) => `${how}, the key ${isUnknown ? 'asked for just then' : 'known before'}` },
  )
  await Promise.all([admin.close(), node.close()])
  link.close()
  measureSpread(trials, 'let in for', lates, 'ms')
  measureSpread(trials, 'refused after the link is whole', refusals, 'ms')
}

export const postgresFaultRows: readonly Row[] = [
  {
    name: 'postgres-faults',
    about: 'PostgreSQL: the server killed, the network cut: nothing lost or doubled, nobody let in for longer than maxStaleMs',
    lines: 2,
    run: (storm) =>
      withServer(storm, async (server) => {
        await crashes(storm, server)
        await cutOff(storm, server)
      }),
  },
]
