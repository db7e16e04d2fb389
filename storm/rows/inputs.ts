// Hostile input: malformed tokens by the million, texts that would steer a terminal or a spreadsheet, on entry and in files edited by hand.

import { readFileSync, writeFileSync } from 'node:fs'
import { ApiKeyManager, KeywrightError } from '../../src/index.ts'
import { shell } from '../../test/cli/session.ts'
import { storeIn, withManager } from '../../test/crash/scenarios.ts'
import type { Row, Storm } from '../storm.ts'
import { upTo } from '../storm.ts'

const NAMES = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'valueOf',
  '',
  ' ',
  '\0',
  '_',
  'kw_live_',
  'key_000000000000',
] as const
const STRANGE: readonly unknown[] = [
  undefined,
  null,
  0,
  NaN,
  1n,
  true,
  [],
  {},
  Symbol('s'),
  () => 'x',
  new Date(0),
  Buffer.from('kw'),
  { toString: null },
]
const TOKENS = 1_000_000
const AT_ONCE = 1000
const LONG = 1 << 20
const ALPHABET = '_0aZ\0é\u{1f600}'

/** Something that is no token, most of them nearly one. */
function malformed(storm: Storm, token: string): unknown {
  const at = storm.below(token.length)
  const kinds: (() => unknown)[] = [
    () => STRANGE[storm.below(STRANGE.length)],
    () => NAMES[storm.below(NAMES.length)],
    () => token.slice(0, at),
    () => token.slice(0, at) + (ALPHABET[storm.below(ALPHABET.length)] ?? '') + token.slice(at + 1),
    () => token + token.slice(at),
    () => token.replace(/_[0-9A-Za-z]{12}_/, `_${'constructor0'.slice(storm.below(3)).padEnd(12, '_')}_`),
    () => token.split('').reverse().join(''),
  ]
  return (kinds[storm.below(kinds.length)] as () => unknown)()
}

async function tokens(storm: Storm): Promise<void> {
  const trials = storm.trials('malformed tokens, a thousand a trial: a verdict, never a throw, never VALID')
  const folder = storm.newFolder()
  const manager = await ApiKeyManager.open({ store: storeIn(folder), onWarning: () => undefined })
  const { token } = await manager.generateApiKey({ userId: 'ann' })
  let tried = 0
  await trials.each(upTo(storm.size(TOKENS, 20_000) / AT_ONCE), async (_, wrong) => {
    for (const _ of upTo(AT_ONCE)) {
      const given = malformed(storm, token)
      if (given === token) continue
      const { code } = await manager.validateApiKey(given)
      if (code === 'VALID') wrong(`${String(given)} is VALID`)
      tried++
    }
  })
  trials.measured('tokens', tried, '')
  const long = storm.trials('strings of 1 kB to 1 MB as tokens')
  let worst = 0
  const lengths = [1 << 10, 1 << 15, LONG].flatMap((length) =>
    ['a', '_', token, '\u{1f600}'].map((piece) => piece.repeat(Math.ceil(length / piece.length))),
  )
  await long.each(
    lengths,
    async (given, wrong) => {
      const begun = performance.now()
      const { code } = await manager.validateApiKey(given)
      worst = Math.max(worst, performance.now() - begun)
      if (code !== 'NOT_FOUND') wrong(`${given.slice(0, 20)}… is ${code}`)
    },
    { isBounded: false },
  )
  long.measured('longest', worst, 'ms')
  await manager.close()
}

const ESC = '\u001b'
const HOSTILE = [
  `${ESC}[31mred`,
  `${ESC}]8;;http://evil\u0007link${ESC}]8;;\u0007`,
  `${ESC}]52;c;ZXZpbA==\u0007`,
  'two\nlines',
  'return\rover',
  'tab\tbed',
  'bidi\u202Egnp.exe',
  'isolate\u2066x\u2069',
  'c1\u009b31m',
  'null\0byte',
  'line\u2028separator',
  'lone\ud800surrogate',
  'a'.repeat(LONG),
] as const

type Entry = (manager: ApiKeyManager, text: string, id: string) => Promise<unknown>
const ENTRIES: Readonly<Record<string, Entry>> = {
  userId: (manager, text) => manager.generateApiKey({ userId: text }),
  name: (manager, text) => manager.generateApiKey({ userId: 'ann', name: text }),
  scope: (manager, text, id) => manager.addScopeToKey(id, text),
  tag: (manager, text, id) => manager.updateApiKey(id, { tags: [text] }),
  'metadata name': (manager, text, id) => manager.updateApiKey(id, { metadata: { [text]: 'x' } }),
  'metadata value': (manager, text, id) => manager.updateApiKey(id, { metadata: { x: text } }),
  reason: (manager, text, id) => manager.revokeApiKey(id, { reason: text }),
  actor: (manager, text, id) => manager.updateApiKey(id, { name: 'x' }, { actor: text }),
}

async function entries(storm: Storm): Promise<void> {
  const trials = storm.trials('hostile texts in every field: refused on entry, nothing written')
  const folder = storm.newFolder()
  await withManager(folder, async (manager) => {
    const { key } = await manager.generateApiKey({ userId: 'ann' })
    const before = readFileSync(storeIn(folder), 'utf8')
    const cases = HOSTILE.flatMap((text) => Object.entries(ENTRIES).map(([field, enter]) => ({ text, field, enter })))
    await trials.each(
      cases,
      async ({ text, enter }, wrong) => {
        const said: unknown = await enter(manager, text, key.id).catch((error: unknown) => error)
        if (!(said instanceof KeywrightError && said.code === 'INVALID_INPUT')) wrong(`it answered ${String(said)}`)
        else if (/[\p{Cc}\u2028\u202A-\u202E\u2066-\u2069]/u.test(said.message)) wrong('the message repeats it')
        if (readFileSync(storeIn(folder), 'utf8') !== before) wrong('the store is another one')
      },
      { name: ({ text, field }) => `${JSON.stringify(text.slice(0, 30))} as ${field}` },
    )
  })
}

// Line ends and, between columns, tabs are the output's own.
const ON_THE_WIRE = /[^\P{Cc}\n\t]|[\u2028\u2029\u202A-\u202E\u2066-\u2069]/u
const COMMANDS = [
  'list',
  'list --json',
  'users',
  'show ID',
  'show ID --json',
  'audit',
  'audit list --json',
  'audit export --format csv',
  'audit export --format jsonl',
  'audit verify',
  'hygiene',
  'revoke ID --reason x --dry-run',
]
const FORMULAS = ['=1+1', '+1', '-1', '@SUM(A1)'] as const

async function drawn(storm: Storm): Promise<void> {
  const trials = storm.trials('the same in files edited by hand, drawn by the command line: no escape on the wire')
  const texts = storm.shuffled(HOSTILE.filter((text) => text.length < LONG)).slice(0, storm.size(HOSTILE.length, 1))
  for (const text of texts) {
    const folder = storm.newFolder()
    let id = ''
    await withManager(folder, async (manager) => {
      const made = await manager.generateApiKey({
        userId: 'plainuser',
        name: 'plainname',
        tags: ['plaintag'],
        metadata: { plainmember: 'plainvalue' },
      })
      id = made.key.id
    })
    for (const path of [storeIn(folder), `${folder}/logs/security-audit.log`]) {
      const escaped = JSON.stringify(text).slice(1, -1)
      writeFileSync(path, readFileSync(path, 'utf8').replace(/plain(?:user|name|tag|value|member)/g, escaped))
    }
    await trials.each(
      COMMANDS.slice(0, storm.size(COMMANDS.length, 8)),
      (command, wrong) => {
        const { stdout, stderr } = shell(`keywright ${command.replace('ID', id)}`, folder)
        // The line ends of CSV are its own.
        const wire = (stdout + stderr).replaceAll('\r\n', '\n')
        const found = ON_THE_WIRE.exec(wire)
        if (found !== null)
          wrong(
            `U+${found[0].codePointAt(0)?.toString(16)} in ${JSON.stringify(wire.slice(Math.max(0, found.index - 40), found.index + 10))}`,
          )
        // A line end or a tab of the text's own would part a line or a cell that belongs together.
        if (wire.includes(text)) wrong('the text stands there as it is')
        if (/^\s+at .*\.js:\d+/m.test(stderr)) wrong(`a stack trace: ${stderr}`)
      },
      { name: (command) => `${JSON.stringify(text)}, ${command}` },
    )
  }
  const formulas = storm.trials('CSV formulas in names and reasons: neutralised')
  const folder = storm.newFolder()
  await withManager(folder, async (manager) => {
    for (const text of FORMULAS) {
      const { key } = await manager.generateApiKey({ userId: text, name: text })
      await manager.revokeApiKey(key.id, { reason: text })
    }
  })
  await formulas.each(
    ['audit export --format csv'],
    (command, wrong) => {
      const cells = shell(`keywright ${command}`, folder).stdout.split(/[,\n]/)
      for (const cell of cells) if (/^"?[=+\-@]/.test(cell)) wrong(`the cell ${cell}`)
      if (!cells.some((cell) => cell.includes('=1+1'))) wrong('the texts are not there at all')
    },
    { isBounded: false },
  )
}

export const inputRows: readonly Row[] = [
  { name: 'tokens', about: '1,000,000 malformed tokens: a verdict, never a throw', run: tokens },
  {
    name: 'texts',
    about: 'texts with ESC, OSC 8, OSC 52, line ends, bidi, 1 MB',
    lines: 2,
    async run(storm) {
      await entries(storm)
      await drawn(storm)
    },
  },
]
