// Floors: the least that any program must do for the same promise, in the fewest calls of Node itself.

import { hash, timingSafeEqual } from 'node:crypto'
import { closeSync, fdatasyncSync, fsyncSync, mkdirSync, openSync, readFileSync, readSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const SHORT_ID_FROM_END = 12 + 1 + 43 + 6

/** Slice the shortId, hash, look up, compare in constant time. */
export function verificationFloor(tokens: readonly string[]): (token: string) => boolean {
  const known = new Map<string, Buffer>()
  const shortIdOf = (token: string): string => token.slice(token.length - SHORT_ID_FROM_END, token.length - SHORT_ID_FROM_END + 12)
  for (const token of tokens) known.set(shortIdOf(token), hash('sha256', token, 'buffer'))
  return (token) => {
    const digest = hash('sha256', token, 'buffer')
    const stored = known.get(shortIdOf(token))
    return stored !== undefined && timingSafeEqual(digest, stored)
  }
}

function writeWhole(file: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written)
}

/** Append a line and sync it; write the file anew, sync, rename, sync the folder. The log stays open, as it does in the product. */
export function changeFloor(folder: string, line: Uint8Array, bytes: Uint8Array): { change: () => void; close: () => void } {
  mkdirSync(folder, { recursive: true })
  const log = openSync(join(folder, 'floor.log'), 'a', 0o600)
  return {
    change() {
      writeWhole(log, line)
      fdatasyncSync(log)
      const file = openSync(join(folder, '.floor.json.tmp'), 'w', 0o600)
      writeWhole(file, bytes)
      fsyncSync(file)
      closeSync(file)
      renameSync(join(folder, '.floor.json.tmp'), join(folder, 'floor.json'))
      const directory = openSync(folder, 'r')
      fsyncSync(directory)
      closeSync(directory)
    },
    close: () => closeSync(log),
  }
}

export function openFloor(path: string): { keys: unknown[] } {
  return JSON.parse(readFileSync(path, 'utf8')) as { keys: unknown[] }
}

const CHUNK_BYTES = 256 * 1024
const NEWLINE = 10

/** Read the lines of files and hash each; answers how many there were. */
export function logFloor(paths: readonly string[]): number {
  let lines = 0
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  for (const path of paths) {
    const file = openSync(path, 'r')
    let held = 0
    for (
      let read = readSync(file, chunk, held, CHUNK_BYTES - held, null);
      read > 0;
      read = readSync(file, chunk, held, CHUNK_BYTES - held, null)
    ) {
      const bytes = chunk.subarray(0, held + read)
      let from = 0
      for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, from)) {
        hash('sha256', bytes.subarray(from, at), 'hex')
        lines++
        from = at + 1
      }
      chunk.copyWithin(0, from, bytes.length)
      held = bytes.length - from
    }
    closeSync(file)
  }
  return lines
}

/** Read files from begin to end, once; answers how many bytes there were. */
export function readFloor(paths: readonly string[]): number {
  let bytes = 0
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  for (const path of paths) {
    const file = openSync(path, 'r')
    for (let read = readSync(file, chunk, 0, CHUNK_BYTES, null); read > 0; read = readSync(file, chunk, 0, CHUNK_BYTES, null)) bytes += read
    closeSync(file)
  }
  return bytes
}
