// A syslog receiver of the tests: takes RFC 6587's counted messages off real sockets. Loses nothing that it was sent.

import type { Socket } from 'node:net'
import { createServer } from 'node:net'
import { onTestFinished } from 'vitest'

export interface Receiver {
  /** The address that a client of it is given. */
  readonly address: string
  /** All whole messages so far. */
  readonly messages: readonly string[]
  /** Breaks every connection off, and listens no more. */
  readonly close: () => Promise<void>
}

export interface Receiving {
  /** Where it listens: the path of a socket, or a free port of this machine. */
  readonly path?: string
  /** False: it takes connections and reads nothing. */
  readonly isReading?: boolean
  /** Called when a client has sent everything, before its connection is ended. */
  readonly onEnd?: () => void
}

export async function startReceiver({ path, isReading = true, onEnd }: Receiving = {}): Promise<Receiver> {
  const messages: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer({ pauseOnConnect: !isReading, allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined)
    if (!isReading) return
    let rest = Buffer.alloc(0)
    socket.on('data', (data) => {
      rest = Buffer.concat([rest, data])
      for (let frame = firstFrame(rest); frame !== null; frame = firstFrame(rest)) {
        messages.push(frame.message)
        rest = rest.subarray(frame.end)
      }
    })
    socket.on('end', () => {
      if (rest.length > 0) messages.push(`not a whole message: ${rest.toString('utf8')}`)
      onEnd?.()
      socket.end()
    })
  })
  await new Promise<void>((resolve) => (path === undefined ? server.listen(0, '127.0.0.1', resolve) : server.listen(path, resolve)))
  const bound = server.address()
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  }
  onTestFinished(close)
  const address = typeof bound === 'object' && bound !== null ? `tcp://127.0.0.1:${bound.port}` : `unix:${path}`
  return { address, messages, close }
}

function firstFrame(bytes: Buffer): { message: string; end: number } | null {
  const [counted = '', digits = ''] = /^(\d{1,9}) /.exec(bytes.toString('latin1', 0, 10)) ?? []
  const end = counted.length + Number(digits)
  return counted === '' || bytes.length < end ? null : { message: bytes.toString('utf8', counted.length, end), end }
}

/** What a message brings behind its header. */
export function lineIn(message: string): string {
  return message.slice(message.indexOf('{'))
}
