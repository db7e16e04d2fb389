// The network between a node and its server, in a hand that can cut it: breaks it off, or lets nothing through and says nothing.

import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect, createServer } from 'node:net'

/**
 * `broken`: connections end and none is made. `silent`: connections stand and nothing comes through, as behind a pulled cable.
 * `deaf`: what the node says comes through, what it is answered does not. What was held back comes when the link is whole again.
 */
export const CUTS = ['broken', 'silent', 'deaf'] as const
export type Cut = (typeof CUTS)[number]

export interface Link {
  readonly port: number
  readonly cut: (how: Cut) => void
  readonly heal: () => void
  readonly close: () => void
}

interface Pair {
  readonly near: Socket
  readonly far: Socket
}

export async function linkTo(port: number): Promise<Link> {
  const pairs = new Set<Pair>()
  let state: Cut | 'whole' = 'whole'
  const settle = ({ near, far }: Pair): void => {
    if (state === 'broken') {
      near.destroy()
      far.destroy()
      return
    }
    if (state === 'silent') near.pause()
    else near.resume()
    if (state === 'whole') far.resume()
    else far.pause()
  }
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    const pair = { near, far }
    pairs.add(pair)
    const end = (): void => {
      pairs.delete(pair)
      near.destroy()
      far.destroy()
    }
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.setNoDelay(true)
      from.on('data', (bytes) => void to.write(bytes))
      from.on('error', end)
      from.on('close', end)
    }
    settle(pair)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const change = (next: typeof state): void => {
    state = next
    for (const pair of pairs) settle(pair)
  }
  return {
    port: (server.address() as { port: number }).port,
    cut: change,
    heal: () => change('whole'),
    close() {
      change('broken')
      server.close()
    },
  }
}
