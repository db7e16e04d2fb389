// The demo as a whole: servers of their own verify against its store, and nothing of it is left, however it ends.

import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { watch } from 'node:fs/promises'
import { dirname } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { VerdictCode } from '../../src/index.ts'
import { ApiKeyManager } from '../../src/index.ts'
import type { Child } from '../store/children.ts'
import { startChild } from '../store/children.ts'
import { until } from '../store/harness.ts'

interface Started {
  readonly store: string
  readonly pids: readonly number[]
}

async function start(): Promise<Started & { parent: Child }> {
  const parent = startChild(new URL('./start-demo.ts', import.meta.url))
  const started = JSON.parse(await parent.line()) as Started
  onTestFinished(() => {
    for (const pid of started.pids.filter(isRunning)) process.kill(pid, 'SIGKILL')
    rmSync(dirname(started.store), { recursive: true, force: true })
  })
  return { ...started, parent }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const areGone = ({ store, pids }: Started): boolean => !pids.some(isRunning) && !existsSync(dirname(store))

test('its servers count calls, hit limits, are refused in every way, and keep the store whole; stop leaves nothing behind', async () => {
  const demo = await start()
  expect(demo.pids.length).toBeGreaterThanOrEqual(2)
  expect(statSync(dirname(demo.store)).mode & 0o777).toBe(0o700)
  const reader = await ApiKeyManager.open({ store: demo.store, readOnly: true })
  const before = await reader.getUsageStats()
  const isShown = async (): Promise<boolean> => {
    const now = await reader.getUsageStats()
    const isMore = (code: VerdictCode): boolean => (now.refused[code] ?? 0) > (before.refused[code] ?? 0)
    return now.usageCount > before.usageCount + 100 && (['RATE_LIMITED', 'REVOKED', 'INSUFFICIENT_SCOPE'] as const).every(isMore)
  }
  // Waits for the event, not in a busy loop: the servers need the processor.
  for await (const { filename } of watch(dirname(demo.store))) if (filename === 'keys.usage.json' && (await isShown())) break
  expect(await reader.verifyAudit()).toMatchObject({ ok: true, problems: [] })
  await reader.close()
  demo.parent.say('stop')
  await demo.parent.done()
  expect(areGone(demo)).toBe(true)
})

test('after SIGKILL to the process that started it no server and no file is left', async () => {
  const demo = await start()
  demo.parent.kill('SIGKILL')
  expect(await demo.parent.ended).toBe('SIGKILL')
  await until('the servers and the folder are gone', () => areGone(demo))
})

test('a server that gets SIGTERM ends alone, and no token is in the arguments or the environment of any', async () => {
  const { store, pids, parent } = await start()
  if (existsSync('/proc/self/environ'))
    for (const pid of pids)
      for (const file of ['cmdline', 'environ']) expect(readFileSync(`/proc/${pid}/${file}`, 'utf8')).not.toMatch(/kw_(?:live|test)_/)
  const [first = 0, ...others] = pids
  process.kill(first, 'SIGTERM')
  await until('it is gone', () => !isRunning(first))
  expect(others.every(isRunning) && existsSync(store)).toBe(true)
  parent.kill('SIGTERM')
  expect(await parent.ended).toBe('SIGTERM')
  await until('the others and the folder are gone', () => areGone({ store, pids }))
})
