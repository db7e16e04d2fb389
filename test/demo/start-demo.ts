// A process that starts the demo, says where its store is and who serves, and stays until it is told to stop, or killed.

import { startDemo } from '../../src/demo/run.ts'

const { store, pids, stop } = await startDemo()
process.stdout.write(`${JSON.stringify({ store, pids })}\n`)
process.stdin.once('data', async () => {
  await stop()
  process.stdin.destroy()
})
