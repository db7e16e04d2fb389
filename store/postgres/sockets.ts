// The sockets of a database's connections: all of them, also those that the driver is still making or has given up.

import { Socket } from 'node:net'

export interface Sockets {
  /** One that is not connected yet. */
  readonly open: () => Socket
  /** Ends all of them, and waits for no answer. */
  readonly destroyAll: () => void
}

export function createSockets(): Sockets {
  const sockets = new Set<Socket>()
  return {
    open() {
      const socket = new Socket()
      sockets.add(socket)
      return socket.once('close', () => sockets.delete(socket))
    },
    destroyAll() {
      for (const socket of sockets) socket.destroy()
    },
  }
}
