// The kinds of sinks, as data: who adds one adds a line here.

import { quoted } from '../../src/domain/text.ts'
import { FILE_SINK } from './file-sink.ts'
import type { Sink } from './sink.ts'
import { TCP_SINK, UNIX_SINK } from './syslog-sink.ts'

const KINDS = [FILE_SINK, UNIX_SINK, TCP_SINK]

/** The sink of an address, or what is wrong with the address. */
export function sinkAt(address: string): Sink | { readonly problem: string } {
  for (const kind of KINDS) {
    const sink = kind.open(address)
    if (sink !== null) return sink
  }
  const forms = KINDS.map(({ form }) => form).join(' or ')
  return { problem: `the audit sink ${quoted(address)} is none; use ${forms}` }
}
