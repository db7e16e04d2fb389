// What a sink that can't be asked was handed last: one line in a file beside the store. Written in place, in one call; not synced.

import { constants } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Anchor } from '../../src/domain/audit.ts'
import { sha256 } from '../../src/domain/audit.ts'
import { openOrMake, writeAll } from '../durable.ts'
import { errnoOf } from '../faults.ts'

const SEQ_DIGITS = 16
const NAME_DIGITS = 8
const LINE = /^\{"seq": *(\d{1,16}),"hash":"([0-9a-f]{64})"/

export interface Delivered {
  readonly path: string
  /** Null where nothing is known: then everything is handed over again, which is better than a gap. */
  readonly read: () => Promise<Anchor | null>
  readonly write: (last: Anchor) => Promise<void>
}

/** Each address has a file of its own, so that processes that were given different ones don't begin anew at every change. */
export function createDelivered(keysPath: string, address: string): Delivered {
  const name = `${basename(keysPath, '.json')}.sink-${sha256(address).slice(0, NAME_DIGITS)}.json`
  const path = join(dirname(keysPath), name)
  return {
    path,
    async read() {
      let text: string
      try {
        text = await readFile(path, 'utf8')
      } catch (error) {
        if (errnoOf(error) === 'ENOENT') return null
        throw error
      }
      const [, seq, hash] = LINE.exec(text) ?? []
      return seq === undefined || hash === undefined ? null : { seq: Number(seq), hash }
    },
    async write({ seq, hash }) {
      // Always as long: there is no moment at which it is cut.
      const line = `{"seq":${String(seq).padStart(SEQ_DIGITS)},"hash":"${hash}","sink":${JSON.stringify(address)}}\n`
      const { file } = await openOrMake(path, constants.O_WRONLY)
      try {
        await writeAll(file, Buffer.from(line), 0)
      } finally {
        await file.close()
      }
    },
  }
}
