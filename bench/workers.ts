// Starts worker processes and asks them, one answer for each order.

import type { ChildProcess } from 'node:child_process'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Order } from './worker.ts'

export interface Worker {
  readonly ask: <T>(order: Order) => Promise<T>
  readonly end: () => Promise<void>
}

async function answerOf(child: ChildProcess): Promise<unknown> {
  const ended = new AbortController()
  const early = once(child, 'exit', { signal: ended.signal }).then(([code]) => {
    throw new Error(`a worker ended early with ${code}`)
  })
  try {
    const [answer] = (await Promise.race([once(child, 'message', { signal: ended.signal }), early])) as [unknown]
    return answer
  } finally {
    early.catch(() => undefined)
    ended.abort()
  }
}

export async function startWorker(library: string, store: string, ids: readonly string[]): Promise<Worker> {
  const child = fork(join(import.meta.dirname, 'worker.ts'), [library, store, ids.join(',')], { execArgv: [] })
  await answerOf(child)
  return {
    async ask<T>(order: Order) {
      const answer = answerOf(child)
      child.send(order)
      return (await answer) as T
    },
    async end() {
      const ended = once(child, 'exit')
      child.send({ task: 'end' } satisfies Order)
      await ended
    },
  }
}
