// The page of keys of the terminal app, made from the one table of bindings. Writes nothing.

import type { Context } from '../components/bindings.ts'
import { BINDINGS } from '../components/bindings.ts'

const TITLES: Readonly<Partial<Record<Context, string>>> = {
  global: 'Everywhere',
  list: 'In lists',
  keys: 'Keys',
  key: 'Key',
  users: 'Users',
  usage: 'Usage',
  audit: 'Audit',
  hygiene: 'Hygiene',
  filter: 'Typing a filter',
  palette: 'Palette',
  help: 'Help',
  form: 'Forms',
  dialog: 'Dialogs',
  reveal: 'The reveal of a secret',
  panel: 'Records, results and reports',
}

const cell = (text: string): string => text.replaceAll('|', '\\|')

function section([context, title]: [string, string]): string {
  const rows = BINDINGS.filter(({ in: contexts, keys }) => keys.length > 0 && (contexts as readonly string[]).includes(context))
  const lines = rows.map(
    ({ command, keys, help }) => `| ${keys.map((key) => `\`${cell(key)}\``).join(' ')} | ${cell(help)} | \`${command}\` |`,
  )
  return [`## ${title}`, '', '| keys | what | name |', '|---|---|---|', ...lines].join('\n')
}

export function keysPage(): string {
  const head = [
    '# Keys of the terminal app',
    '',
    'Made from the table of bindings by `npm run docs`. A name can be given other keys in `keywright.config.json` beside the store:',
    '`{ "keys": { "key.revoke": "ctrl-x", "cursor.down": ["j", "down", "ctrl-n"] } }`.',
  ].join('\n')
  return `${[head, ...Object.entries(TITLES).map(section)].join('\n\n')}\n`
}
