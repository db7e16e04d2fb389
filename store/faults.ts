// Faults: what the operating system says, as errors that say what happened, to what, and what to do.

import type { ErrorCode } from '../src/domain/refusal.ts'
import { KeywrightError } from '../src/domain/refusal.ts'

const MEANINGS: Readonly<Record<string, string>> = {
  EACCES: 'permission was denied',
  EPERM: 'the operation is not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EIO: 'the disk reported an error',
  EMFILE: 'this process has too many open files',
  ENFILE: 'the system has too many open files',
  ENOENT: 'it does not exist',
  ENOTDIR: 'a part of its path is not a folder',
  EISDIR: 'it is a folder',
  ELOOP: 'its symbolic links go round in a circle',
  ENAMETOOLONG: 'its name is too long',
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the other side broke the connection off',
  EPIPE: 'the other side broke the connection off',
  ENOTFOUND: 'no machine has that name',
  EFBIG: 'it is larger than the file system or this process allows',
}

export function errnoOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null
}

/** The meaning of a system error in words, with its name. */
export function meaningOf(error: unknown): string {
  const errno = errnoOf(error)
  if (errno === null) return error instanceof Error ? error.message : String(error)
  return MEANINGS[errno] === undefined ? errno : `${MEANINGS[errno]} (${errno})`
}

/** A typed error about a file. One that is typed already passes through. */
export function faultAt(code: ErrorCode, doing: string, path: string, error: unknown): KeywrightError {
  if (error instanceof KeywrightError) return error
  return new KeywrightError(code, `${doing} ${path} failed: ${meaningOf(error)}`, { cause: error })
}
