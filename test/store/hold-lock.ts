// A process that takes a store's lock, says so, and holds it until it is told to let go.

import { createLock } from '../../store/json/lock.ts'

const [, , path = ''] = process.argv
const lock = createLock({
  path,
  holder: () => ({ pid: process.pid, host: 'elsewhere', since: '2026-11-23T12:00:00.000Z' }),
  onWaiting: () => undefined,
})
await lock.hold(async () => {
  process.stdout.write('held\n')
  await new Promise((resolve) => process.stdin.once('data', resolve))
})
process.stdin.destroy()
