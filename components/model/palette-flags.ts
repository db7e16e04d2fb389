// Reading commands with their flags in the palette: the same words as on the command line, shown on the screen that shows the same.

import { textsOfWords } from '../../src/commands/as-command.ts'
import { auditList } from '../../src/commands/audit.ts'
import { list, users } from '../../src/commands/list.ts'
import { stats } from '../../src/commands/validate.ts'
import type { Fields, InputOf } from '../../src/domain/field.ts'
import { inputFromTexts } from '../../src/domain/field.ts'
import { filterWord, formatFilter } from '../../src/domain/filter-language.ts'
import type { When } from '../../src/domain/kinds.ts'
import { isRefusal } from '../../src/domain/refusal.ts'
import { DEFAULT_SORT } from '../../src/domain/selection.ts'
import { formatDuration, isoFrom } from '../../src/domain/time.ts'
import { filtered, newAudit, newKeys, newUsage, opened, switched } from './pages.ts'
import type { State } from './state.ts'
import type { Step } from './step.ts'
import { andThen, step, toasted } from './step.ts'

/** Runs with the input that the words mean; says what is wrong with them otherwise. */
function withInput<F extends Fields>(
  state: State,
  command: { readonly fields: F },
  words: readonly string[],
  run: (input: InputOf<F>) => Step,
): Step {
  const texts = textsOfWords(command.fields, words)
  if (!(texts instanceof Map)) return step(toasted(state, 'warn', `${texts.stray} is nothing that this command takes`))
  const input = inputFromTexts(command.fields, texts)
  return isRefusal(input) ? step(toasted(state, 'warn', input.message)) : run(input)
}

const isFlagged = (words: readonly string[]): boolean => words.some((word) => word.startsWith('--'))

/** Words without a flag are the filter of the screen. */
export function ranList(state: State, words: readonly string[]): Step {
  if (!isFlagged(words)) return opened(state, newKeys(words.join(' ')))
  return withInput(state, list, words, ({ sort = DEFAULT_SORT, limit: _, cursor: __, ...filter }) =>
    opened(state, { ...newKeys(formatFilter(filter)), sort }),
  )
}

export function ranUsers(state: State, words: readonly string[]): Step {
  return withInput(state, users, isFlagged(words) || words.length === 0 ? words : ['--search', words.join(' ')], ({ search = '' }) =>
    andThen(switched(state, 'users'), (next) => filtered(next, search)),
  )
}

export function ranStats(state: State, words: readonly string[]): Step {
  return withInput(state, stats, words, ({ id, key, userId, window = '1h' }) => {
    const ref = id ?? key
    if (ref?.by === 'id') return opened(state, { ...newUsage({ of: 'key', keyId: ref.id, label: ref.id }), window })
    if (ref !== undefined) return step(toasted(state, 'warn', 'give the id of a key here, key_ and 12 characters'))
    return userId === undefined ? opened(state, { ...newUsage(), window }) : opened(state, { ...newUsage({ of: 'owner', userId }), window })
  })
}

const whenText = (when: When): string => ('at' in when ? isoFrom(when.at) : formatDuration(-when.inSeconds))

export function ranAudit(state: State, words: readonly string[]): Step {
  if (!isFlagged(words)) return words.length === 0 ? switched(state, 'audit') : opened(state, newAudit(words.join(' ')))
  return withInput(state, auditList, words, ({ keyId, userId, actor, action, since, until }) => {
    const parts: readonly (readonly [name: string, value: string | undefined])[] = [
      ['key:', keyId?.name],
      ['user:', userId],
      ['actor:', actor],
      ['action:', action],
      ['since:', since === undefined ? undefined : whenText(since)],
      ['until:', until === undefined ? undefined : whenText(until)],
    ]
    return opened(state, newAudit(parts.flatMap(([name, value]) => (value === undefined ? [] : [filterWord(name, value)])).join(' ')))
  })
}
