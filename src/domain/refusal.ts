// Every "no" Keywright can say, in one table: its exit code and its default advice.
// An expected "no" is a returned Refusal; a broken disk or log is a thrown Fault. Both become a KeywrightError at the doors.

export const CODES = {
  INVALID_INPUT: { exit: 2, hint: null },
  NO_SUCH_KEY: { exit: 3, hint: 'list the keys with: keywright list' },
  KEY_REVOKED: { exit: 5, hint: 'a revoked key is final; generate a new one like it with: keywright generate --like ID' },
  KEY_DISABLED: { exit: 5, hint: 'enable it first with: keywright enable ID --reason R' },
  KEY_EXPIRED: { exit: 5, hint: 'an expired key is not revived; generate a new one like it with: keywright generate --like ID' },
  CHANGED_MEANWHILE: { exit: 5, hint: 'read the key again and repeat the change' },
  READ_ONLY: { exit: 5, hint: 'run it without --read-only' },
  STORE_BUSY: { exit: 4, hint: 'try again; if it stays busy, look at the process named above' },
  STORE_CORRUPT: {
    exit: 4,
    hint: 'nothing was overwritten; restore the file from a backup or mend that place, then run: keywright audit verify',
  },
  STORE_FORMAT: { exit: 4, hint: 'use the Keywright version that wrote this store' },
  STORE_INSECURE: { exit: 4, hint: 'mend the owner or the mode, or pass --insecure to use it all the same' },
  STORE_UNAVAILABLE: { exit: 4, hint: 'see what is wrong, and what mends it, with: keywright doctor' },
  AUDIT_UNAVAILABLE: { exit: 4, hint: 'nothing was changed; make the audit log writable and try again' },
  AUDIT_BROKEN: {
    exit: 4,
    hint: 'see what is missing with: keywright doctor; then restore it from a backup, or accept it with: keywright audit accept-loss --reason R',
  },
  CLOSED: { exit: 4, hint: 'open the manager again' },
} as const satisfies Record<string, { exit: number; hint: string | null }>

export type ErrorCode = keyof typeof CODES

/** An expected "no": a value that guards, parsers and decisions return. */
export interface Refusal {
  readonly refused: ErrorCode
  readonly message: string
  readonly hint?: string
  readonly field?: string
}

export function refuse(refused: ErrorCode, message: string, extra: { hint?: string; field?: string } = {}): Refusal {
  return { refused, message, ...extra }
}

export function noSuchKey(name: string): Refusal {
  return refuse('NO_SUCH_KEY', `no key is known as ${name}`)
}

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === 'object' && value !== null && 'refused' in value
}

/**
 * What every public operation rejects with.
 * `code` is one of a closed set, `message` says what happened and to what, `hint` what to do, `field` which input was wrong.
 * None of them ever holds a token.
 *
 * @example
 * try { await manager.revokeApiKey(id, { reason }) } catch (error) {
 *   if (error instanceof KeywrightError && error.code === 'KEY_REVOKED') return
 *   throw error
 * }
 */
export class KeywrightError extends Error {
  override readonly name = 'KeywrightError'
  readonly code: ErrorCode
  readonly hint?: string
  readonly field?: string

  constructor(code: ErrorCode, message: string, extra: { hint?: string; field?: string; cause?: unknown } = {}) {
    super(message, extra.cause === undefined ? undefined : { cause: extra.cause })
    this.code = code
    const hint = extra.hint ?? CODES[code].hint
    if (hint !== null) this.hint = hint
    if (extra.field !== undefined) this.field = extra.field
  }

  static from(refusal: Refusal): KeywrightError {
    return new KeywrightError(refusal.refused, refusal.message, {
      ...(refusal.hint === undefined ? {} : { hint: refusal.hint }),
      ...(refusal.field === undefined ? {} : { field: refusal.field }),
    })
  }
}

/** Throws a refusal as the error it stands for; passes anything else through. */
export function accepted<T>(value: T | Refusal): T {
  if (isRefusal(value)) throw KeywrightError.from(value)
  return value
}
