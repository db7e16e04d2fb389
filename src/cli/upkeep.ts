// Commands of upkeep on the command line: their stores, how far they have come, what they did. Opens no store.

import type { UpkeepCommand } from '../commands/command.ts'
import { copy } from '../commands/copy.ts'
import type { Roles } from '../commands/migrate.ts'
import { migrate } from '../commands/migrate.ts'
import type { Fields, InputOf } from '../domain/field.ts'
import { KeywrightError } from '../domain/refusal.ts'
import { displayText } from '../domain/text.ts'
import type { Copied, CopyProgress, Migrated } from '../domain/upkeep.ts'
import type { Arguments } from './arguments.ts'
import * as present from './present.ts'
import type { Terminal } from './terminal.ts'

/** Hashes are told apart by their beginnings. */
const SHOWN_HASH = 12

export interface KeepUp {
  readonly parsed: Arguments
  readonly terminal: Terminal
  readonly store: string | undefined
  readonly warn: (message: string) => void
}

export async function keepUp<F extends Fields>(command: UpkeepCommand<F>, input: InputOf<F>, run: KeepUp): Promise<number> {
  const { parsed, terminal, store, warn } = run
  const { globals } = parsed
  const actor = globals.get('actor')
  if (globals.has('store') && !command.takesStore)
    throw new KeywrightError('INVALID_INPUT', `--store is not for ${command.words}`, {
      field: 'store',
      hint: 'name both stores with --from and --to',
    })
  if (globals.has('read-only') && command.isWriting(input))
    throw new KeywrightError('READ_ONLY', `${command.words} writes, and --read-only was given`)
  const isWatched = terminal.isInputTTY && !globals.has('quiet')
  const upkeep = terminal.upkeep({
    ...(actor === undefined ? {} : { actor }),
    insecure: globals.has('insecure'),
    onWarning: ({ message }) => warn(message),
  })
  const onProgress = isWatched ? createProgress(terminal) : () => undefined
  const { signal } = terminal
  // At once: whoever interrupts a second time hears no more of it.
  const sayInterrupted = (): void =>
    warn(`${command.words} is interrupted, and not done; run the same command again: it goes on where it stood`)
  signal.addEventListener('abort', sayInterrupted)
  try {
    const result = await command.run(input, { upkeep, store, signal, onProgress })
    if (isWatched) terminal.writeError(CLEAR_LINE)
    terminal.writeOut(
      globals.has('json') ? present.toJson(result) : (TEXTS.get(command.words)?.(result as never) ?? present.toJson(result)),
    )
    return 0
  } catch (error) {
    if (signal.aborted) return EXIT_INTERRUPTED
    if (isWatched) terminal.writeError(CLEAR_LINE)
    throw error
  } finally {
    signal.removeEventListener('abort', sayInterrupted)
  }
}

const EXIT_INTERRUPTED = 130
const CLEAR_LINE = '\r\u001b[K'

function createProgress({ writeError }: Terminal): (progress: CopyProgress) => void {
  return ({ doing, records, totalRecords }) => writeError(`${CLEAR_LINE}${doing} ${records} of ${totalRecords} records`)
}

const TEXTS: ReadonlyMap<string, (result: never) => string> = new Map<string, (result: never) => string>([
  [migrate.words, migratedText],
  [copy.words, copiedText],
])

function migratedText(result: Migrated | Roles): string {
  if ('sql' in result) return result.sql
  const { store, from, to, steps, dryRun } = result
  if (steps.length === 0) return `nothing to do: ${displayText(store)} has version ${to}\n`
  const done = `${dryRun ? 'would migrate' : 'migrated'} ${displayText(store)} from version ${from} to ${to}`
  if (!dryRun) return `${done}: ${steps.map(({ about }) => about).join('; ')}\n`
  return `${done}\n${steps.map(({ version, about }) => `  ${version}  ${about}\n`).join('')}`
}

function copiedText({ records, head, keys, keysDigest, calls, resumedBehind }: Copied): string {
  const resumed = resumedBehind === 0 ? '' : `went on behind record ${resumedBehind}, where the last copy was interrupted\n`
  const counted = `${records} ${records === 1 ? 'record' : 'records'}, ${keys} ${keys === 1 ? 'key' : 'keys'} and ${calls} counted ${calls === 1 ? 'call' : 'calls'}`
  const proof = `both end with record ${head.seq} ${head.hash.slice(0, SHOWN_HASH)}…; keys digest ${keysDigest.slice(0, SHOWN_HASH)}…`
  return `${resumed}copied ${counted}; ${proof}\n`
}
