// Secrets whose token was just accepted and whose hash is not made with the newest pepper: hashed anew with the next flush.
// Keeps hashes, never a token.

import type { Actor } from './domain/audit.ts'
import { changeOf } from './domain/change.ts'
import { edited } from './domain/edit.ts'
import type { Key } from './domain/key.ts'
import type { MaybePromise, Outcome, Store, Transaction, Warn } from './domain/ports.ts'
import type { Verdict } from './domain/verdict.ts'
import { chain } from './verify.ts'

/** More wait for their next use after the flush. */
const MAX_WAITING = 1000
/** Secrets that this process remembers to have hashed anew. */
const MAX_RENEWED = 100_000

interface Renewal {
  readonly keyId: string
  readonly from: string
  readonly to: string
}

export interface Renewals {
  /** Remembers what the token of a valid verdict shall be hashed to; answers the verdict. */
  readonly noted: (verdict: Verdict, token: string) => MaybePromise<Verdict>
  /** Makes the changes, each with its record. Never throws: what could not be done waits for the secret's next use. */
  readonly flush: () => Promise<void>
}

export interface RenewalContext {
  readonly store: Store
  readonly actor: Actor
  readonly clock: () => number
  readonly warn: Warn
}

export function createRenewals({ store, actor, clock, warn }: RenewalContext): Renewals {
  const { hashing } = store
  const reason = `kept under pepper ${hashing.pepper} from now on`
  /** By shortId. */
  let waiting = new Map<string, Renewal>()
  /** Once each: processes whose newest peppers differ, as while they are given out, must not undo each other without end. */
  const renewedOnce = new Set<string>()
  let lastTrouble = ''

  const decide =
    (renewals: ReadonlyMap<string, Renewal>): Transaction<null>['decide'] =>
    ({ targets }): Outcome<null> => {
      const at = clock()
      const changes = targets.flatMap((key) => {
        if (key === null || key.revokedAt !== null) return []
        const next = edited(key, { secrets: key.secrets.map((secret) => renewed(secret, renewals.get(secret.shortId))) }, at)
        return next === key ? [] : [changeOf('key.update', key, next, { reason })]
      })
      return { at, changes, answer: null }
    }

  return {
    noted(verdict, token) {
      const { keyId, secret } = verdict
      if (!verdict.valid || keyId === undefined || secret === undefined) return verdict
      const { shortId } = secret
      if (waiting.has(shortId) || renewedOnce.has(shortId) || waiting.size >= MAX_WAITING) return verdict
      return chain(store.findCredential(shortId), (credential) => {
        if (credential !== null && credential.pepper !== hashing.pepper)
          waiting.set(shortId, { keyId, from: credential.secret.hash, to: hashing.hash(token) })
        return verdict
      })
    },
    async flush() {
      if (waiting.size === 0) return
      const renewals = waiting
      waiting = new Map()
      const ids = new Set([...renewals.values()].map(({ keyId }) => keyId))
      try {
        await store.transact({ actor, targets: { refs: [...ids].map((id) => ({ by: 'id', id, name: id })) }, decide: decide(renewals) })
        for (const shortId of renewals.keys()) if (renewedOnce.size < MAX_RENEWED) renewedOnce.add(shortId)
        lastTrouble = ''
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        if (message !== lastTrouble)
          warn({ code: 'NOT_RENEWED', message: `secrets could not be hashed with the newest pepper: ${message}` })
        lastTrouble = message
      }
    },
  }
}

function renewed(secret: Key['secrets'][number], renewal: Renewal | undefined): Key['secrets'][number] {
  return renewal !== undefined && renewal.from === secret.hash ? { ...secret, hash: renewal.to } : secret
}
