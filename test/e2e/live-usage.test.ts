// The Usage screen beside four servers: it moves, shows limits as they are hit, and in the end says what `stats` says. A revocation shows in time.

import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ApiKeyManager } from '../../src/index.ts'
import { inFolderAsync, MAIN, shell } from '../cli/session.ts'
import type { Terminal } from '../robot/terminal.ts'
import { openTerminal } from '../robot/terminal.ts'
import { startChild } from '../store/children.ts'

const SERVERS = 4
/** Different totals that must be seen while the servers run. */
const MOVES = 4
const SHOWN_WITHIN_MS = 500

const numberAfter = (word: string, frame: readonly string[]): number =>
  Number((new RegExp(`${word} ([\\d,]+)`).exec(frame.join('\n'))?.[1] ?? '0').replaceAll(',', ''))

const openApp = (folder: string): Terminal =>
  openTerminal({ command: process.execPath, args: [MAIN], cwd: folder, columns: 120, rows: 40, env: { NODE_ENV: 'production' } })

test('with four processes verifying, the Usage screen moves, shows rate-limit hits, and ends with the totals of stats', async () => {
  await inFolderAsync(async (folder) => {
    const store = join(folder, 'keys.json')
    const manager = await ApiKeyManager.open({ store })
    const limits = [{ limit: 50, windowSeconds: 1 }]
    const made = await Promise.all(
      ['free', 'limited'].map((name) =>
        manager.generateApiKey({ userId: 'ann', name, ...(name === 'limited' ? { rateLimits: limits } : {}) }),
      ),
    )
    await manager.close()
    const terminal = openApp(folder)
    await terminal.until('limited')
    await terminal.press('3')
    await terminal.until('accepted 0')
    const servers = Array.from({ length: SERVERS }, () => startChild(new URL('./steady-server.ts', import.meta.url), { args: [store] }))
    for (const server of servers) server.say(`${made.map(({ token }) => token).join('\n')}\n`)
    await Promise.all(servers.map((server) => server.line()))
    const seen = new Set<number>()
    await terminal.until((frame) => {
      seen.add(numberAfter('accepted', frame))
      return seen.size > MOVES && numberAfter('rate-limited', frame) > 0
    })
    for (const server of servers) server.say('stop')
    const calls = (await Promise.all(servers.map((server) => server.line()))).reduce((sum, line) => sum + Number(line), 0)
    await Promise.all(servers.map((server) => server.done()))
    const stats = JSON.parse(shell('keywright stats --window 1h --json', folder).stdout) as { usageCount: number; rateLimitedCount: number }
    expect(stats.usageCount + stats.rateLimitedCount).toBe(calls)
    await terminal.until(
      (frame) => numberAfter('accepted', frame) === stats.usageCount && numberAfter('rate-limited', frame) === stats.rateLimitedCount,
    )
    await terminal.press('q')
    expect((await terminal.exit()).exitCode).toBe(0)
  })
})

test('a key that another process revokes changes its status on the screen in time, with cursor and marks on their keys', async () => {
  await inFolderAsync(async (folder) => {
    const manager = await ApiKeyManager.open({ store: join(folder, 'keys.json') })
    const ids: string[] = []
    for (const name of ['one', 'two', 'three']) ids.push((await manager.generateApiKey({ userId: 'ann', name })).key.id)
    const terminal = openApp(folder)
    await terminal.until('three')
    await terminal.press('space')
    await terminal.until((frame) => frame.some((line) => line.startsWith('>') && line.includes('two')))
    const begin = Date.now()
    await manager.revokeApiKey(ids[1] as string, { reason: 'test' })
    const frame = await terminal.until((lines) =>
      lines.some((line) => line.startsWith('>') && line.includes('revoked') && line.includes('two')),
    )
    // The bound is the promise; a machine that is held up is given the time that it was held up for by the wait above.
    const shownAfter = Date.now() - begin
    expect(frame.filter((line) => line.startsWith(' *') && line.includes('three'))).toHaveLength(1)
    expect(shownAfter).toBeLessThan(SHOWN_WITHIN_MS * SLOW_MACHINE)
    await manager.close()
    await terminal.press('q')
    expect((await terminal.exit()).exitCode).toBe(0)
  })
})

/** Durations are the bench's business: here only that it is not a matter of many seconds. */
const SLOW_MACHINE = 10
