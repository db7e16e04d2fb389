// What may be done to the key under the cursor, or to the marked ones: which, whether, and why not. Opens forms and dialogs.

import type { ChangeCommand } from '../../src/commands/command.ts'
import { disable, enable } from '../../src/commands/disable.ts'
import { graceEnd } from '../../src/commands/grace.ts'
import { revoke } from '../../src/commands/revoke.ts'
import { rotate } from '../../src/commands/rotate.ts'
import { scopeSet } from '../../src/commands/scope.ts'
import { update } from '../../src/commands/update.ts'
import type { ListedKey } from '../../src/domain/key.ts'
import { secretsInGrace } from '../../src/domain/key.ts'
import type { CommandName } from '../keymap.ts'
import { between, cursorRow } from './list.ts'
import type { KeysPage, State } from './state.ts'
import { pageOf } from './step.ts'

/** Actions on keys that exist, by the command of the keymap. */
export type ActionName = Extract<CommandName, 'key.rotate' | 'key.revoke' | 'key.disable' | 'key.edit' | 'key.scopes' | 'key.overlap'>

interface Action {
  /** The command that guards it; of a key that is disabled already, `D` enables. */
  readonly command: (key: ListedKey | null) => ChangeCommand
  /** Also on several keys at once. */
  readonly isBulk: boolean
}

const one = (command: unknown, isBulk = false): Action => ({ command: () => command as ChangeCommand, isBulk })

export const ACTIONS: Readonly<Record<ActionName, Action>> = {
  'key.rotate': one(rotate),
  'key.revoke': one(revoke, true),
  'key.disable': { command: (key) => (key?.disabledAt == null ? disable : enable) as unknown as ChangeCommand, isBulk: true },
  'key.edit': one(update),
  'key.scopes': one(scopeSet),
  'key.overlap': one(graceEnd),
}

export function isAction(command: CommandName): command is ActionName {
  return Object.hasOwn(ACTIONS, command)
}

/** The rows of a range that is being marked, from where it began to the cursor. */
export function rangeOf({ list, rangeFrom }: KeysPage): readonly string[] {
  return rangeFrom === null || list.cursor === null ? [] : between(list, rangeFrom, list.cursor)
}

/** The marked ids, those of a range that is being marked among them. */
function markedOf(page: KeysPage): readonly string[] {
  return page.rangeFrom === null ? [...page.marks] : [...new Set([...page.marks, ...rangeOf(page)])]
}

function markedRow(page: KeysPage): ListedKey | null {
  const [id] = markedOf(page)
  return page.list.rows.find((row) => row.id === id)?.item ?? null
}

/** The key that the page is about: the one under the cursor, or the page's own. */
export function keyInHand(state: State): ListedKey | null {
  const page = pageOf(state)
  // One marked key is the one that is meant, wherever the cursor has gone since.
  if (page.screen === 'keys') return markedOf(page).length === 1 ? markedRow(page) : cursorRow(page.list)
  if (page.screen === 'key') return page.life?.key ?? null
  if (page.screen === 'hygiene') return cursorRow(page.list)?.key ?? null
  return null
}

/** The ids that an action would be about: the marked ones, else the one in hand. */
export function idsInHand(state: State): readonly string[] {
  const page = pageOf(state)
  if (page.screen === 'keys' && markedOf(page).length > 0) return markedOf(page)
  const key = keyInHand(state)
  return key === null ? [] : [key.id]
}

/** Why nothing can be changed just now, whatever it is; null when it can. */
export function whyReadOnly({ setting, pulse }: State): string | null {
  if (setting.isReadOnly) return 'the app is open read-only'
  const fault = pulse?.trouble ?? null
  return fault === null ? null : `${fault.code}: read-only until that is mended`
}

/** Why an action can't be taken now, for its greyed hint and for the toast; null when it can. */
export function whyNot(state: State, command: CommandName): string | null {
  const page = pageOf(state)
  if (command === 'key.generate') return whyReadOnly(state)
  if (command === 'key.copy' || command === 'key.usage')
    return page.screen === 'users' || keyInHand(state) !== null ? null : 'there is no key here'
  if (command === 'sort' || command === 'mark' || command === 'mark.range' || command === 'mark.all')
    return page.screen === 'keys' && page.list.rows.length === 0 ? 'there is no key here' : null
  if (!isAction(command)) return null
  const readOnly = whyReadOnly(state)
  if (readOnly !== null) return readOnly
  if (page.screen === 'users') return cursorRow(page.list) === null ? 'there is no owner here' : null
  const { command: commandFor, isBulk } = ACTIONS[command]
  const ids = idsInHand(state)
  if (ids.length === 0) return 'there is no key here'
  if (ids.length > 1 && !isBulk) return `${ids.length} keys are marked and this works on one; esc takes the marks away`
  if (ids.length > 1) return null
  const key = keyInHand(state)
  if (key === null) return isBulk ? null : 'the marked key is out of sight; esc takes the mark away'
  const refusal = commandFor(key).guard(key, state.now)
  if (refusal !== null) return refusal.message
  if (command === 'key.overlap' && secretsInGrace(key, state.now).length === 0) return 'no older secret is in its grace'
  return null
}
