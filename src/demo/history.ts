// Runs the demo's lives through the real commands, on a store in memory whose clock goes where the plan is. Touches no file.

import { openMemoryStore } from '../../store/memory.ts'
import type { AuditRecord } from '../domain/audit.ts'
import { inputFromTexts } from '../domain/field.ts'
import type { Key } from '../domain/key.ts'
import { parseKeyRef } from '../domain/key.ts'
import { accepted, KeywrightError } from '../domain/refusal.ts'
import type { Draw } from '../domain/token.ts'
import { createManager } from '../manager.ts'
import { AUDITOR } from './cast.ts'
import type { Deed, Life, Plan } from './lives.ts'

/** What came of a plan. */
export interface History {
  /** The keys that are left, by their lives, oldest first. */
  readonly keys: ReadonlyMap<Life, Key>
  /** Every token that was handed out, by shortId: they are nowhere else. */
  readonly tokens: ReadonlyMap<string, string>
  /** The records of all changes. */
  readonly records: readonly AuditRecord[]
}

const FLUSH_MS = 60_000

export async function runHistory({ lives, deeds }: Plan, draw: Draw): Promise<History> {
  let now = 0
  const clock = (): number => now
  const store = openMemoryStore({ actor: AUDITOR, clocks: { wall: clock, monotonic: clock }, draw })
  const manager = createManager({ store, actor: AUDITOR, clock, draw, isReadOnly: false, flushIntervalMs: FLUSH_MS, warn: () => undefined })
  const ids = new Map<Life, string>()
  const tokens = new Map<string, string>()

  const run = async (life: Life | null, { at, actor, command, texts }: Deed): Promise<void> => {
    now = at
    const id = life === null ? undefined : ids.get(life)
    const named = id === undefined ? {} : { [Object.hasOwn(command.fields, 'ids') ? 'ids' : 'key']: [id] }
    const input = accepted(inputFromTexts(command.fields, new Map(Object.entries({ ...texts, ...named }))))
    const { items } = await manager.change(command, input, { actor })
    for (const { key, token, refusal } of items) {
      if (refusal !== null) throw KeywrightError.from(refusal)
      if (life !== null && key !== null) ids.set(life, key.id)
      const shortId = key?.secrets[0]?.shortId
      if (token !== undefined && shortId !== undefined) tokens.set(shortId, token)
    }
  }

  const all = [...lives.flatMap((life) => life.deeds.map((deed) => ({ life, deed }))), ...deeds.map((deed) => ({ life: null, deed }))]
  for (const { life, deed } of all.sort((a, b) => a.deed.at - b.deed.at)) await run(life, deed)
  await manager.close()
  const keys = new Map<Life, Key>()
  for (const [life, id] of ids) {
    const key = await store.findKey(parseKeyRef(id))
    if (key !== null) keys.set(life, key)
  }
  const records: AuditRecord[] = []
  for await (const record of store.audit.records({}, {})) records.push(record)
  return { keys, tokens, records }
}
