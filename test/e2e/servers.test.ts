// The main job on real input: a server verifies without a pause while the command line rotates, rescopes and revokes beside it.

import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { ApiKeyManager } from '../../src/index.ts'
import { inFolderAsync, MAIN } from '../cli/session.ts'

const KEYS = 1000
const KNOWN_WITHIN_MS = 250

interface Served {
  readonly calls: number
  readonly counts: Record<string, number>
  readonly lastValid: Record<string, number>
}

test('100,000 verifications beside rotations, rescopings and revocations: each takes hold within 250 ms, no count is lost', async () => {
  await inFolderAsync(async (folder) => {
    const store = join(folder, 'keys.json')
    const manager = await ApiKeyManager.open({ store })
    const made = await Promise.all(
      Array.from({ length: KEYS }, (_, index) =>
        manager.generateApiKey({ userId: `user${index % 40}`, scopes: ['read:users'], expiresInDays: 1 }),
      ),
    )
    await manager.close()

    const server = spawn(process.execPath, [join(import.meta.dirname, 'server.ts'), store], { stdio: ['pipe', 'pipe', 'inherit'] })
    const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]()
    server.stdin.write(`${made.map(({ token }) => token).join('\n')}\n\n`)
    expect((await lines.next()).value).toBe('ready')

    const cli = (...given: string[]): number => {
      const { status, stderr } = spawnSync(process.execPath, [MAIN, ...given, '--store', store, '--quiet'], { encoding: 'utf8' })
      expect(stderr).toBe('')
      expect(status).toBe(0)
      return Date.now()
    }
    const changed: { shortId: string; at: number }[] = []
    for (let index = 0; index < 12; index++) {
      const { id, secrets } = (made[index * 80] as (typeof made)[number]).key
      const commands = [
        ['revoke', id, '--reason', 'test'],
        ['rotate', id, '--grace', '0s'],
        ['scope', 'set', id, 'write:users'],
        ['disable', id, '--reason', 'test'],
      ]
      changed.push({ shortId: secrets[0]?.shortId as string, at: cli(...(commands[index % 4] as string[])) })
    }
    server.stdin.write('stop\n')
    const served = JSON.parse((await lines.next()).value as string) as Served

    for (const { shortId, at } of changed) expect((served.lastValid[shortId] as number) - at).toBeLessThanOrEqual(KNOWN_WITHIN_MS)
    expect(served.calls).toBeGreaterThanOrEqual(100_000)
    const reader = await ApiKeyManager.open({ store, readOnly: true })
    const { usageCount, refused } = await reader.getUsageStats()
    expect({ VALID: usageCount, ...Object.fromEntries(Object.entries(refused).filter(([, calls]) => calls > 0)) }).toEqual(served.counts)
    expect(await reader.verifyAudit()).toMatchObject({ ok: true, problems: [], notes: [] })
    await reader.close()
  })
})
