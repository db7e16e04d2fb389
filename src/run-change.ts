// The one way of a change: select, then under the lock read the clock, guard, decide, and hand changes and answer to the store.

import type { ChangeCommand, Decided, ItemResult, Moment } from './commands/command.ts'
import type { Actor } from './domain/audit.ts'
import type { Change } from './domain/change.ts'
import { changeOf } from './domain/change.ts'
import type { Minting } from './domain/edit.ts'
import type { Fields, InputOf } from './domain/field.ts'
import type { Key, KeyView } from './domain/key.ts'
import { keyView } from './domain/key.ts'
import type { Facts, Outcome, Store } from './domain/ports.ts'
import { batchId } from './domain/recovery.ts'
import type { Refusal } from './domain/refusal.ts'
import { isRefusal, KeywrightError, noSuchKey, refuse } from './domain/refusal.ts'
import type { Draw } from './domain/token.ts'
import { drawShortId } from './domain/token.ts'

/** What became of one key: changed (or as it was), with its new token if one was made; or why not. */
export interface Item {
  readonly id: string
  readonly key: KeyView | null
  readonly token?: string
  readonly refusal: Refusal | null
}

export interface Changed {
  readonly items: readonly Item[]
  readonly dryRun: boolean
}

export interface ChangeContext {
  readonly store: Store
  readonly actor: Actor
  readonly clock: () => number
  readonly draw: Draw
  readonly expectedRevision: number | ReadonlyMap<string, number> | undefined
}

/** The one way of a change: select, then under the lock read the clock, guard, decide and hand the changes over. */
export async function runChange<F extends Fields>(context: ChangeContext, command: ChangeCommand<F>, input: InputOf<F>): Promise<Changed> {
  const { store, actor, clock, draw, expectedRevision } = context
  const selected = command.select(input)
  if (isRefusal(selected)) throw KeywrightError.from(selected)
  const dryRun = (input as { dryRun?: boolean }).dryRun === true
  const decide = (seen: Facts): Outcome<Changed> => {
    const facts = { ...seen, hash: store.hashing.hash }
    const moment: Moment = { at: clock(), actor, draw }
    const steps =
      command.on === 'new'
        ? [birth(command, input, moment, facts, selected)]
        : decideEach(command, input, moment, facts, selected, expectedRevision)
    const changed = steps.filter(({ decided }) => decided !== null)
    const batch = command.on === 'many' && changed.length > 1 ? { batch: batchId(changed.length, drawShortId(draw)) } : {}
    const reason = command.reason(input)
    const changes: Change[] = changed.map(({ key, decided }) =>
      changeOf(command.action, key, (decided as Decided).key, { reason, ...batch }),
    )
    return { at: moment.at, changes, answer: { items: steps.map((step) => itemOf(step, moment.at)), dryRun } }
  }
  if (dryRun) return decide(await store.look(selected)).answer
  return store.transact({ actor, targets: selected, decide })
}

/** What a decision may look at, and how a new secret is hashed. */
type MintingFacts = Facts & Minting

/** One key's way: as it was, what was decided (null: nothing to change), or why not. */
interface Step {
  readonly id: string
  readonly key: Key | null
  readonly decided: Decided | null
  readonly refusal: Refusal | null
}

function itemOf({ id, key, decided, refusal }: Step, at: number): Item {
  const shown = decided === null ? key : (decided.key ?? key)
  return { id, key: shown === null ? null : keyView(shown, at), refusal, ...(decided?.token === undefined ? {} : { token: decided.token }) }
}

type Selected = Exclude<ReturnType<ChangeCommand['select']>, Refusal>

function birth<F extends Fields>(
  command: ChangeCommand<F>,
  input: InputOf<F>,
  moment: Moment,
  { targets, ...minting }: MintingFacts,
  selected: Selected,
): Step {
  const [model = null] = targets
  const [ref] = 'refs' in selected ? selected.refs : []
  if (ref !== undefined && model === null) throw KeywrightError.from({ ...noSuchKey(ref.name), field: 'like' })
  const decided = command.decide(null, input, moment, { ...minting, model })
  if (isRefusal(decided)) throw KeywrightError.from(decided)
  return { id: (decided.key as Key).id, key: null, decided, refusal: null }
}

function decideEach<F extends Fields>(
  command: ChangeCommand<F>,
  input: InputOf<F>,
  moment: Moment,
  { targets, ...minting }: MintingFacts,
  selected: Selected,
  expectedRevision: ChangeContext['expectedRevision'],
): Step[] {
  const expectedOf = (id: string): number | undefined =>
    typeof expectedRevision === 'object' ? expectedRevision.get(id) : expectedRevision
  const circumstances = { ...minting, model: null }
  const seen = new Set<string>()
  return targets.flatMap((key, index): Step[] => {
    const ref = 'refs' in selected ? selected.refs[index] : undefined
    if (key === null) return [{ id: ref?.name ?? '', key: null, decided: null, refusal: noSuchKey(ref?.name ?? 'that') }]
    // Two refs may name one key: by its id and by a shortId.
    if (seen.has(key.id)) return []
    seen.add(key.id)
    const refused = (refusal: Refusal): Step[] => [{ id: key.id, key, decided: null, refusal }]
    const expected = expectedOf(key.id)
    if (expected !== undefined && key.revision !== expected)
      return refused(refuse('CHANGED_MEANWHILE', `key ${key.id} is at revision ${key.revision}, not ${expected}`))
    const guarded = command.guard(key, moment.at)
    // Of keys that are selected, those that can't be changed so are left out; of keys that are named, they are reported.
    if (guarded !== null) return ref === undefined ? [] : refused(guarded)
    const decided = command.decide(key, input, moment, circumstances)
    if (isRefusal(decided)) return refused(decided)
    return [{ id: key.id, key, decided: decided.key === key ? null : decided, refusal: null }]
  })
}

/** The answer of a command on one key; its refusal is thrown. */
export function soleItem({ items }: Changed): Item & { readonly key: KeyView } {
  const [item] = items
  if (item === undefined || item.key === null || item.refusal !== null) throw KeywrightError.from(item?.refusal ?? noSuchKey('that'))
  return { ...item, key: item.key }
}

/** The answer of a command on many keys. */
export function itemResults({ items, dryRun }: Changed): { results: ItemResult[]; dryRun: boolean } {
  return {
    results: items.map(({ id, refusal }) =>
      refusal === null ? { id, ok: true } : { id, ok: false, error: { code: refusal.refused, message: refusal.message } },
    ),
    dryRun,
  }
}
