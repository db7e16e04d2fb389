// A change: a key before and after, and the record that goes with it. One can't be made without the other.

import type { Key, Secret } from './key.ts'
import { pepperOf } from './token.ts'

export const CHANGE_ACTIONS = [
  'key.generate',
  'key.update',
  'key.scope.add',
  'key.scope.remove',
  'key.scope.set',
  'key.rotate',
  'key.grace.end',
  'key.grace.extend',
  'key.disable',
  'key.enable',
  'key.revoke',
  'key.purge',
] as const
export type ChangeAction = (typeof CHANGE_ACTIONS)[number]

/** Those whose record can't bring the change back: their secret was given to nobody when they did not finish. */
export const NOT_REDOABLE: ReadonlySet<string> = new Set<ChangeAction>(['key.generate', 'key.rotate'])

export type RecordedFields = Readonly<Record<string, unknown>>

/** Whether a record holds all of its change: it holds no hash, neither of a new secret nor of one that was hashed anew. */
export function isRedoable({ action, after }: { readonly action: string; readonly after: RecordedFields | null }): boolean {
  const secrets = (after?.['secrets'] ?? []) as readonly RecordedSecret[]
  return !NOT_REDOABLE.has(action) && secrets.every(({ pepper }) => pepper === undefined)
}

/** What a record says of one change, but for its place in the chain. */
export interface Change {
  readonly action: ChangeAction
  readonly keyId: string
  readonly userId: string
  /** The key as it will be; null when it is purged. */
  readonly key: Key | null
  readonly before: RecordedFields | null
  readonly after: RecordedFields | null
  readonly reason: string | null
}

/** `pepper`: that of a secret which was hashed anew (null: none), as it was or as it is. */
type RecordedSecret = Pick<Secret, 'shortId' | 'notAfter' | 'retiredReason'> & { readonly pepper?: string | null }

function recordedSecret({ shortId, hash, notAfter, retiredReason }: Secret, other: Secret | undefined): RecordedSecret {
  const isHashedAnew = other !== undefined && other.hash !== hash
  return { shortId, notAfter, retiredReason, ...(isHashedAnew ? { pepper: pepperOf(hash) } : {}) }
}

const isSame = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b)

/** Of two versions of the secrets, those of the first that are not the same in the second. */
function differingSecrets(these: readonly Secret[], those: readonly Secret[]): RecordedSecret[] {
  const other = new Map(those.map((secret) => [secret.shortId, secret]))
  return these.flatMap((secret) => {
    const one = other.get(secret.shortId)
    return isSame(secret, one) ? [] : [recordedSecret(secret, one)]
  })
}

/** The fields of `these` that are not the same in `those`. */
function differences(these: Key, those: Key | null): RecordedFields {
  const fields: Record<string, unknown> = {}
  for (const [field, value] of Object.entries(these)) {
    if (field === 'secrets') {
      const secrets = differingSecrets(these.secrets, those?.secrets ?? [])
      if (
        secrets.length > 0 ||
        !isSame(
          these.secrets.map((s) => s.shortId),
          those?.secrets.map((s) => s.shortId),
        )
      )
        fields[field] = secrets
    } else if (those === null || !isSame(value, those[field as keyof Key])) fields[field] = value
  }
  return fields
}

/** True when the two differ in nothing but `updatedAt` and `revision`. */
export function isUnchanged(before: Key, after: Key): boolean {
  return Object.keys(differences(after, before)).every((field) => field === 'updatedAt' || field === 'revision')
}

interface ChangeNote {
  readonly reason: string | null
  readonly batch?: string
}

/** Puts a change and its record together from the key's two versions. One of them is null at birth and at purge. */
export function changeOf(action: ChangeAction, before: Key | null, after: Key | null, { reason, batch }: ChangeNote): Change {
  const key = (after ?? before) as Key
  const seen = after === null ? null : differences(after, before)
  return {
    action,
    keyId: key.id,
    userId: key.userId,
    key: after,
    before: before === null ? null : after === null ? differences(before, null) : differences(before, after),
    after: batch === undefined ? seen : { ...seen, batch },
    reason,
  }
}

/**
 * The key after a recorded change, made again from the key before it: the fields of `after`, and of the secrets what
 * the record holds. Not for generate and rotate, whose record holds no hash.
 */
export function redo(before: Key, after: RecordedFields): Key {
  const { batch: _, secrets, ...fields } = after
  const changed = new Map((secrets as RecordedSecret[] | undefined)?.map((secret) => [secret.shortId, secret]))
  return { ...before, ...fields, secrets: before.secrets.map((secret) => ({ ...secret, ...changed.get(secret.shortId) })) }
}
