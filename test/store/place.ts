// Places of embedded stores on disk, and seeded randomness: what tests and storms share. Knows no test runner.

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { AuditRecord } from '../../src/domain/audit.ts'
import type { Draw } from '../../src/domain/token.ts'
import { pathsOf } from '../../store/json/paths.ts'

/** Where an embedded store has its files, in a folder of its own. */
export interface Place {
  readonly folder: string
  readonly keys: string
  readonly usage: string
  readonly lock: string
  readonly log: string
  readonly checkpoints: string
  /** Names of all files below the folder, sorted. */
  readonly files: () => string[]
  readonly text: (path?: string) => string
  /** The records of the active log; a line that is something else is none. */
  readonly records: () => AuditRecord[]
}

export function placeAt(folder: string, name = 'keys.json'): Place {
  const paths = pathsOf(join(folder, name), undefined)
  const text = (path = paths.keys): string => readFileSync(path, 'utf8')
  return {
    folder,
    ...paths,
    files: () =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .filter((file) => !statSync(join(folder, file)).isDirectory())
        .sort(),
    text,
    records: () => linesOf(text(paths.log)).flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as AuditRecord] : [])),
  }
}

/** The lines of a text that ends with a line end. */
export function linesOf(text: string): string[] {
  return text.split('\n').slice(0, -1)
}

/** Bytes that look random and are the same for every run. */
export function seededDraw(seed: string): Draw {
  let drawn = 0
  return (bytes) => {
    const blocks = Array.from({ length: Math.ceil(bytes / 32) }, () => createHash('sha256').update(`${seed} ${drawn++}`).digest())
    return Buffer.concat(blocks).subarray(0, bytes)
  }
}

/** Numbers from 0 up to 1 that are the same for every run. */
export function seededRandom(seed: string): () => number {
  const draw = seededDraw(seed)
  return () => Buffer.from(draw(6)).readUIntBE(0, 6) / 2 ** 48
}
