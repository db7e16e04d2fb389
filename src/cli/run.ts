// A command line from arguments to exit code. Knows streams only as functions, and maps errors to exit codes in one place.

import { auditVerify } from '../commands/audit.ts'
import type { ChangeCommand, Command, ExamineCommand, ReadCommand } from '../commands/command.ts'
import type { Fields, InputOf } from '../domain/field.ts'
import { inputFromTexts } from '../domain/field.ts'
import { accepted, CODES, KeywrightError, refuse } from '../domain/refusal.ts'
import { displayText } from '../domain/text.ts'
import type { Changed } from '../run-change.ts'
import { itemResults, soleItem } from '../run-change.ts'
import type { Arguments } from './arguments.ts'
import { parseArguments, takesYes } from './arguments.ts'
import { commandHelp, fullHelp } from './help.ts'
import * as present from './present.ts'
import { examinationText } from './present-examination.ts'
import { PRESENTERS } from './presenters.ts'
import type { Run, Terminal } from './terminal.ts'
import { keepUp } from './upkeep.ts'

const EXIT_USAGE = 2
const EXIT_PARTIAL = 6
const EXIT_FAULT = 4

/** Runs one command line; answers the exit code. Never throws. */
export async function runCommandLine(given: readonly string[], terminal: Terminal): Promise<number> {
  const isJson = given.includes('--json')
  try {
    const parsed = accepted(parseArguments(given))
    return await runParsed(parsed, terminal)
  } catch (error) {
    return printError(error, isJson, terminal)
  }
}

/** Also one of the terminal app, which is bundled by itself with a class of its own. */
const isTyped = (error: unknown): error is KeywrightError => error instanceof Error && error.name === 'KeywrightError'

function printError(error: unknown, isJson: boolean, { writeOut, writeError, environment }: Terminal): number {
  const known = isTyped(error) ? error : null
  const code = known?.code ?? 'INTERNAL'
  const message = displayText(error instanceof Error ? error.message : String(error))
  const hint = known === null ? 'this is a fault of Keywright; KEYWRIGHT_DEBUG=1 shows where' : known.hint
  writeError(`keywright: ${message} (${code})\n${hint === undefined ? '' : `  ${hint}\n`}`)
  if (environment['KEYWRIGHT_DEBUG'] === '1' && error instanceof Error) writeError(`${error.stack}\n`)
  if (isJson) writeOut(present.toJson({ error: { code, message, ...(hint === undefined ? {} : { hint }) } }))
  return known === null ? EXIT_FAULT : CODES[known.code].exit
}

async function runParsed(parsed: Arguments, terminal: Terminal): Promise<number> {
  const { command, globals } = parsed
  const { writeOut, version } = terminal
  if (globals.has('version')) {
    writeOut(`${version}\n`)
    return 0
  }
  if (globals.has('help')) {
    writeOut(command === null ? fullHelp(version) : commandHelp(command))
    return 0
  }
  if (command === null || command.kind === 'app') return app(parsed, terminal)
  if (command.kind === 'examine') return examine(command, parsed, terminal)
  const input = accepted(inputFromTexts(command.fields, await withSecrets(command, parsed, terminal)))
  for (const [name, { flag }] of Object.entries(command.fields)) {
    if (flag !== null && parsed.cleared.includes(flag)) (input as Record<string, unknown>)[name] = null
  }
  const warn = (message: string): void => {
    if (!globals.has('quiet')) terminal.writeError(`keywright: ${displayText(message)}\n`)
  }
  if (command.kind === 'upkeep') return keepUp(command, input, { parsed, terminal, store: storeOf(parsed, terminal).store, warn })
  const actor = globals.get('actor')
  const manager = await terminal.open({
    ...storeOf(parsed, terminal),
    ...(actor === undefined ? {} : { actor }),
    readOnly: globals.has('read-only'),
    insecure: globals.has('insecure'),
    onWarning: ({ message }) => warn(message),
  })
  const run: Run = {
    terminal,
    manager,
    parsed,
    warn,
    isJson: globals.has('json'),
    isColoured: isColoured(globals, terminal),
  }
  try {
    return command.kind === 'change' ? await change(run, command, input) : await read(run, command, input)
  } finally {
    await terminal.closeSoon(manager, warn)
  }
}

/** The store that is named, if one is. */
function storeOf({ globals }: Arguments, { environment }: Terminal): { store?: string } {
  const store = globals.get('store') ?? (environment['KEYWRIGHT_STORE'] || undefined)
  return store === undefined ? {} : { store }
}

async function examine(command: ExamineCommand, parsed: Arguments, terminal: Terminal): Promise<number> {
  const examination = await terminal.examine({ ...storeOf(parsed, terminal), insecure: parsed.globals.has('insecure') })
  terminal.writeOut(parsed.globals.has('json') ? present.toJson(examination) : examinationText(examination))
  return command.exitCode(examination)
}

/** The terminal app; where there is no terminal, the help. */
async function app({ command, globals }: Arguments, terminal: Terminal): Promise<number> {
  const { environment } = terminal
  if (!terminal.isAppPossible) {
    terminal.writeOut(command === null ? fullHelp(terminal.version) : commandHelp(command))
    return EXIT_USAGE
  }
  return terminal.openApp({
    store: globals.get('store') ?? (environment['KEYWRIGHT_STORE'] || null),
    actor: globals.get('actor') ?? null,
    isReadOnly: globals.has('read-only'),
    isInsecureAllowed: globals.has('insecure'),
    isColoured: isColoured(globals, terminal),
    isAscii: globals.has('ascii'),
    isAnimated: !globals.has('no-animation'),
    isSpoken: globals.has('screen-reader') || environment['INK_SCREEN_READER'] === 'true',
    isDemo: command !== null,
  })
}

const isColoured = (globals: Arguments['globals'], { environment }: Terminal): boolean =>
  !globals.has('no-color') && !environment['NO_COLOR']

/** The given texts, with tokens read from standard input where `-` stands for one, or nothing. */
async function withSecrets(
  command: Command,
  { texts }: Arguments,
  { isInputTTY, readInput, ask }: Terminal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const complete = new Map(texts)
  for (const [name, field] of Object.entries(command.fields)) {
    if (!field.isSecret) continue
    const isAsked = texts.get(name)?.[0] === '-' || (field.required && !field.position && !texts.has(name))
    if (isAsked) complete.set(name, [isInputTTY ? await ask('token: ', true) : await readInput()])
  }
  return complete
}

async function change<F extends Fields>(run: Run, command: ChangeCommand<F>, input: InputOf<F>): Promise<number> {
  const { manager, terminal, isJson, warn } = run
  await confirm(run, command, input)
  const changed = await manager.change(command, input)
  if (command.on === 'many') return presentMany(run, changed)
  const item = soleItem(changed)
  if (item.token !== undefined) {
    terminal.writeOut(isJson ? present.toJson({ token: item.token, key: item.key }) : `${item.token}\n`)
    for (const line of present.issuedLines(item)) warn(line)
    if (command.on === 'new' && item.key.expiresAt === null) warn('warning: this key never expires; give --expires to bound it')
  } else terminal.writeOut(isJson ? present.toJson({ key: item.key }) : present.changedLine(command.words, item))
  return 0
}

/** More than one key of a final command needs `--yes` or the typed word. Throws when it is not given. */
async function confirm<F extends Fields>({ manager, parsed, terminal }: Run, command: ChangeCommand<F>, input: InputOf<F>): Promise<void> {
  if (!takesYes(command as Command) || parsed.isConfirmed || (input as { dryRun?: boolean }).dryRun === true) return
  const preview = await manager.change(command, { ...input, dryRun: true })
  const count = preview.items.filter(({ refusal }) => refusal === null).length
  if (count <= 1) return
  const what = `${command.words} would change ${count} keys`
  const unconfirmed = (): never => {
    throw KeywrightError.from(
      refuse('INVALID_INPUT', `${what}; nothing was changed`, { hint: 'look at them with --dry-run, then add --yes' }),
    )
  }
  if (!terminal.isInputTTY) unconfirmed()
  const word = await terminal.ask(`${what}. Type ${command.words} to confirm: `, false)
  if (word.trim() !== command.words) unconfirmed()
}

function presentMany({ terminal, isJson }: Run, changed: Changed): number {
  const { items, dryRun } = changed
  const failed = items.filter(({ refusal }) => refusal !== null)
  const [only] = items
  if (items.length === 1 && only !== undefined && only.refusal !== null) throw KeywrightError.from(only.refusal)
  if (isJson) terminal.writeOut(present.toJson(itemResults(changed)))
  else {
    for (const item of items) (item.refusal === null ? terminal.writeOut : terminal.writeError)(present.itemLine(item, dryRun))
    if (items.length === 0) terminal.writeOut('no key is selected\n')
  }
  return failed.length > 0 ? EXIT_PARTIAL : 0
}

async function read<F extends Fields>(run: Run, command: ReadCommand<F>, input: InputOf<F>): Promise<number> {
  const { manager, terminal, isJson, parsed } = run
  const isWatched = terminal.isInputTTY && !parsed.globals.has('quiet') && command.words === auditVerify.words
  const progress = ({ bytes, totalBytes }: { bytes: number; totalBytes: number }): void =>
    terminal.writeError(`\r${Math.floor((100 * bytes) / totalBytes)} %`)
  const result = await manager.read(command, input, { signal: terminal.signal, ...(isWatched ? { onProgress: progress } : {}) })
  if (isWatched) terminal.writeError('\r')
  const presenter = PRESENTERS.get(command.words)
  if (presenter !== undefined) await presenter(run, result as never)
  else terminal.writeOut(isJson ? present.toJson(result) : `${JSON.stringify(result, null, 2)}\n`)
  return command.exitCode(result)
}
