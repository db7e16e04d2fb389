// Faults: what the operating system says, as errors that say what happened, to what, and what to do.

import { dirname } from 'node:path'
import type { ErrorCode } from '../src/domain/refusal.ts'
import { KeywrightError } from '../src/domain/refusal.ts'
import { shellWord } from '../src/domain/text.ts'

interface Meaning {
  readonly meaning: string
  readonly advice: (path: string) => string
}

const asOwner = (path: string): string => `look at its owner and mode with: ls -ld ${path}; then run this as the user that it belongs to`

const MEANINGS: Readonly<Record<string, Meaning>> = {
  EACCES: { meaning: 'permission was denied', advice: asOwner },
  EPERM: { meaning: 'the operation is not permitted', advice: asOwner },
  EROFS: { meaning: 'the file system is read-only', advice: () => 'mount it writable; reading works all the same, with --read-only' },
  ENOSPC: { meaning: 'the disk is full', advice: (path) => `make room, and see how much there is with: df -h ${path}` },
  EDQUOT: { meaning: 'the disk quota is used up', advice: () => 'make room, or have the quota raised' },
  EIO: {
    meaning: 'the disk reported an error',
    advice: (path) => `copy ${shellWord(dirname(path))} to another disk, and look at this one with: dmesg`,
  },
  EMFILE: { meaning: 'this process has too many open files', advice: () => 'raise the limit with: ulimit -n 4096' },
  ENFILE: { meaning: 'the system has too many open files', advice: () => 'end what opens so many, or raise fs.file-max' },
  ENOENT: { meaning: 'it does not exist', advice: (path) => `look whether the path is right, with: ls -ld ${shellWord(dirname(path))}` },
  ENOTDIR: { meaning: 'a part of its path is not a folder', advice: () => 'look whether the path is right' },
  EISDIR: { meaning: 'it is a folder', advice: () => 'move the folder away, or give the path of a file' },
  ELOOP: {
    meaning: 'it is a symbolic link, or links go round in a circle',
    advice: (path) => `see with: ls -ld ${path}; link the folder instead, or put the file itself there`,
  },
  ENAMETOOLONG: { meaning: 'its name is too long', advice: () => 'give a shorter path' },
  ECONNREFUSED: { meaning: 'nobody listens there', advice: () => 'start the receiver, or give another address' },
  ECONNRESET: { meaning: 'the other side broke the connection off', advice: () => 'look what the receiver says' },
  EPIPE: { meaning: 'the other side broke the connection off', advice: () => 'look what the receiver says' },
  ENOTFOUND: { meaning: 'no machine has that name', advice: () => 'look whether the address is right' },
  EAI_AGAIN: { meaning: 'the name could not be looked up', advice: () => 'look whether the name service works' },
  ETIMEDOUT: { meaning: 'nobody answers there', advice: () => 'look whether the receiver runs and a firewall lets this through' },
  EHOSTUNREACH: { meaning: 'no way leads there', advice: () => 'look whether the address is right' },
  EPROTOTYPE: { meaning: 'it is a socket of another kind', advice: () => 'give the address of a stream socket' },
  EFBIG: { meaning: 'it is larger than the file system or this process allows', advice: () => 'raise the limit with: ulimit -f unlimited' },
}

/** What stands all the same when something fails with that code. */
const SAFE: Readonly<Partial<Record<ErrorCode, string>>> = { AUDIT_UNAVAILABLE: 'nothing was changed; ' }

export function errnoOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null
}

/** The meaning of a system error in words, with its name. */
export function meaningOf(error: unknown): string {
  const errno = errnoOf(error)
  if (errno === null) return error instanceof Error ? error.message : String(error)
  return MEANINGS[errno] === undefined ? errno : `${MEANINGS[errno].meaning} (${errno})`
}

/** What to do about a system error, where that is known. */
export const adviceOn = (error: unknown, path: string): string | null => MEANINGS[errnoOf(error) ?? '']?.advice(shellWord(path)) ?? null

/** A typed error about a file. One that is typed already passes through. */
export function faultAt(code: ErrorCode, doing: string, path: string, error: unknown): KeywrightError {
  if (error instanceof KeywrightError) return error
  const advice = adviceOn(error, path)
  return new KeywrightError(code, `${doing} ${path} failed: ${meaningOf(error)}`, {
    ...(advice === null ? {} : { hint: `${SAFE[code] ?? ''}${advice}` }),
    cause: error,
  })
}
