// The only place with the real clock, the real randomness, the user and the machine. Everything else is given them.

import { randomBytes } from 'node:crypto'
import { hostname, userInfo } from 'node:os'
import type { Actor, Via } from './domain/audit.ts'
import { KeywrightError } from './domain/refusal.ts'
import { textProblem } from './domain/text.ts'
import type { Draw } from './domain/token.ts'
import { holdsToken } from './domain/token.ts'

export const DEFAULT_STORE = './keys.json'

export interface RuntimeClocks {
  readonly wall: () => number
  readonly monotonic: () => number
  readonly uptime: () => number
}

const uptime = (): number => performance.now()

/** The system's clocks; or, with a test's clock, that one, whose steps back count as no time passed. */
export function createClocks(clock: (() => number) | undefined): RuntimeClocks {
  if (clock === undefined) return { wall: Date.now, monotonic: uptime, uptime }
  let last = clock()
  let elapsed = 0
  const monotonic = (): number => {
    const now = clock()
    elapsed += Math.max(0, now - last)
    last = now
    return elapsed
  }
  return { wall: clock, monotonic, uptime }
}

export const draw: Draw = (bytes) => randomBytes(bytes)

/** The operating system's user; containers may run as one without a name. */
function osUser(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}

/** Who acts: the claimed name, else KEYWRIGHT_ACTOR, else the operating system's user, who is named in any case. */
export function createActor(via: Via, claimed: unknown): Actor {
  const user = osUser()
  const name = claimed ?? (process.env['KEYWRIGHT_ACTOR'] || user)
  const problem = typeof name !== 'string' ? 'is not a text' : holdsToken(name) ? 'holds a token' : textProblem(name)
  if (problem !== null) throw new KeywrightError('INVALID_INPUT', `the actor's name ${problem}; give another one`, { field: 'actor' })
  return { name: name as string, osUser: user, host: hostname(), via }
}

/** The address of the audit log's sink that the environment names. */
export function environmentSink(): string | undefined {
  return process.env['KEYWRIGHT_AUDIT_SINK'] || undefined
}

/** The pepper file as given, else KEYWRIGHT_PEPPER_FILE, '' for none; and whether secrets without a pepper are refused. */
export function pepperSetting(file: string | undefined, isRequired: boolean | undefined) {
  return {
    pepperFile: (file ?? process.env['KEYWRIGHT_PEPPER_FILE']) || undefined,
    // Whoever wrote `true` or `yes` meant it.
    isPepperRequired: isRequired ?? !['', '0'].includes(process.env['KEYWRIGHT_REQUIRE_PEPPER'] ?? ''),
  }
}

/** Where the keys are that sign the log and prove it: as given, else as KEYWRIGHT_AUDIT_KEY_FILE and KEYWRIGHT_AUDIT_PUBLIC_KEY_FILE say. */
export function auditKeyFiles(given: { readonly auditKeyFile?: string | undefined; readonly auditPublicKeyFile?: string | undefined }): {
  readonly signing: string | undefined
  readonly public: string | undefined
} {
  return {
    signing: given.auditKeyFile ?? (process.env['KEYWRIGHT_AUDIT_KEY_FILE'] || undefined),
    public: given.auditPublicKeyFile ?? (process.env['KEYWRIGHT_AUDIT_PUBLIC_KEY_FILE'] || undefined),
  }
}

export const processId = process.pid

/** What an examination must know of the world. */
export function surroundings() {
  return { nodeVersion: process.versions.node, platform: process.platform, userId: process.getuid?.() ?? null, now: Date.now() }
}
