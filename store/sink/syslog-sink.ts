// A sink that is a syslog receiver behind a stream socket: RFC 5424 messages, counted as RFC 6587 says. Never waits without a signal.

import { once } from 'node:events'
import type { NetConnectOpts } from 'node:net'
import { isAbsolute } from 'node:path'
import { parseRecord } from '../../src/domain/audit.ts'
import type { Sink, SinkKind } from './sink.ts'

/** Facility 13, log audit; severity 5, notice. */
const PRIORITY = 13 * 8 + 5
const MAX_HOST_LENGTH = 255
const UNIX_SCHEME = 'unix:'
const TCP_ADDRESS = /^tcp:\/\/(?:\[([0-9A-Fa-f:.]+)\]|([^\s/:@[\]]+)):(\d{1,5})$/
const MAX_PORT = 65_535

export const UNIX_SINK: SinkKind = {
  form: 'unix:/PATH',
  open(address) {
    const path = address.startsWith(UNIX_SCHEME) ? address.slice(UNIX_SCHEME.length) : ''
    return isAbsolute(path) ? syslogSink({ path }) : null
  },
}

export const TCP_SINK: SinkKind = {
  form: 'tcp://HOST:PORT',
  open(address) {
    const [, numeric, name, digits] = TCP_ADDRESS.exec(address) ?? []
    const [host, port] = [numeric ?? name, Number(digits)]
    return host === undefined || port < 1 || port > MAX_PORT ? null : syslogSink({ host, port })
  },
}

/**
 * Syslog has no answer, and a write that succeeds says only that this machine's kernel has the bytes. So each delivery is a
 * connection of its own that is ended behind the last byte: a receiver that has read all of it ends it too, and one that
 * died or stopped reading does not.
 */
function syslogSink(target: NetConnectOpts): Sink {
  return {
    async deliver(lines, signal) {
      const { connect } = await import('node:net')
      const socket = connect(target)
      const giveUp = (): void => void socket.destroy(signal.reason as Error)
      signal.addEventListener('abort', giveUp)
      // A reset may still come when nobody waits for anything any more.
      socket.on('error', () => undefined)
      try {
        const ended = once(socket, 'end')
        const sent = once(socket, 'finish')
        // Read, so that the other side's end is seen; what it says is nothing that syslog knows.
        socket.resume()
        socket.end(framesOf(lines))
        const first = await Promise.race([sent.then(() => 'sent'), ended.then(() => 'ended')])
        if (first === 'ended') throw new Error('it ended the connection before it had everything')
        await ended
      } finally {
        signal.removeEventListener('abort', giveUp)
        socket.destroy()
      }
    },
  }
}

/** Each message behind the count of its bytes. */
function framesOf(lines: Buffer): Buffer {
  const frames: Buffer[] = []
  for (let from = 0; from < lines.length; ) {
    const end = lines.indexOf('\n', from)
    const line = lines.subarray(from, end)
    const message = Buffer.concat([headerOf(line), line])
    frames.push(Buffer.from(`${message.length} `), message)
    from = end + 1
  }
  return Buffer.concat(frames)
}

/**
 * When, where and what, no process and no structured data; `-` is what is not known. The line follows as its bytes are, without
 * the mark of a UTF-8 text, which would be one more byte than its hash was made of.
 */
function headerOf(line: Buffer): Buffer {
  const record = parseRecord(line)
  const [at, host, action] = typeof record === 'string' ? ['-', '-', '-'] : [record.at, record.actor.host, record.action]
  const printable = host.replace(/[^!-~]/g, '?').slice(0, MAX_HOST_LENGTH)
  return Buffer.from(`<${PRIORITY}>1 ${at} ${printable || '-'} keywright - ${action} - `)
}
