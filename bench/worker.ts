// A process of its own for a row: changes a store when it is told to, or proves its log and says how much memory that took.

import { loadLibrary } from './library.ts'

export type Order = { readonly task: 'changes'; readonly forMs: number } | { readonly task: 'audit' } | { readonly task: 'end' }
export interface Changed {
  readonly changes: number
  readonly longestMs: number
}
export interface Audited {
  readonly ok: boolean
  readonly records: number
  readonly memoryMB: number
}

const [library = '', store = '', ids = ''] = process.argv.slice(2)
const { ApiKeyManager } = await loadLibrary(library)
const manager = await ApiKeyManager.open({ store, onWarning: () => undefined })
const keyIds = ids.split(',')

async function change(forMs: number): Promise<Changed> {
  let changes = 0
  let longestMs = 0
  const end = performance.now() + forMs
  for (let now = performance.now(); now < end; ) {
    const id = keyIds[Math.floor(Math.random() * keyIds.length)] as string
    await manager.updateApiKey(id, { name: `edited ${process.pid} ${now}` })
    changes++
    const after = performance.now()
    longestMs = Math.max(longestMs, after - now)
    now = after
  }
  return { changes, longestMs }
}

async function audit(): Promise<Audited> {
  const { ok, records } = await manager.verifyAudit()
  return { ok, records, memoryMB: process.resourceUsage().maxRSS / 1024 }
}

process.on('message', async (order: Order) => {
  if (order.task === 'end') {
    await manager.close()
    process.disconnect()
  } else process.send?.(order.task === 'changes' ? await change(order.forMs) : await audit())
})
process.send?.('ready')
