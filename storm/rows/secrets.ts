// A life of keys through the library and the command line, with tokens where none belong; then every file and output is searched for each.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { shell } from '../../test/cli/session.ts'
import { storeIn, withManager } from '../../test/crash/scenarios.ts'
import { placeAt } from '../../test/store/place.ts'
import type { Row, Storm } from '../storm.ts'
import { upTo } from '../storm.ts'

/** Where a token stands for what was issued. Only the first two may say it again. */
const LIFE = [
  'generate --user ann --name one --scopes read',
  'rotate TOKEN --grace 1h',
  'validate TOKEN',
  'validate TOKEN --json',
  'validate TOKEN --peek --scope admin',
  'explain TOKEN',
  'list --json',
  'list TOKEN',
  'show TOKEN --json',
  'users --json',
  'stats TOKEN --json',
  'generate --user TOKEN',
  'generate --user ann --name TOKEN',
  'generate --user ann --tags TOKEN',
  'update TOKEN --name TOKEN',
  'scope add TOKEN TOKEN',
  'disable TOKEN --reason TOKEN',
  'disable TOKEN --reason pause --json',
  'enable TOKEN --reason TOKEN --actor TOKEN',
  'revoke TOKEN --reason TOKEN',
  'revoke TOKEN --reason over',
  'rotate TOKEN',
  'TOKEN',
  'nonsense TOKEN --TOKEN',
  'audit list --json',
  'audit export --format csv',
  'audit list --text TOKEN',
  'hygiene --json',
] as const
const ISSUING = /^(?:generate|rotate) /

const TOKEN = /[a-z0-9_]+_(?:live|test)_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}/g

async function secrets(storm: Storm): Promise<void> {
  const trials = storm.trials('outputs and errors of a life of commands, files and logs, searched for each issued token')
  const folder = storm.newFolder()
  const seen: { where: string; text: string }[] = []
  const issued = new Set<string>()
  await withManager(folder, async (manager) => {
    for (const number of upTo(3)) {
      const { token } = await manager.generateApiKey({ userId: `u${number}` })
      issued.add(token)
      for (const given of [token, `${token}x`, ` ${token}`])
        for (const said of [
          await manager.validateApiKey(given),
          await manager.explainApiKey(given),
          await manager.generateApiKey({ userId: given }).catch((error: unknown) => error),
          await manager.revokeApiKey(given, { reason: token }).catch((error: unknown) => error),
        ])
          seen.push({
            where: `the library’s answer ${seen.length}`,
            text: said instanceof Error ? `${said.stack} ${JSON.stringify(said)}` : JSON.stringify(said),
          })
    }
  })
  let token = ''
  for (const command of LIFE.slice(0, storm.size(LIFE.length, 12))) {
    const { stdout, stderr } = shell(`keywright ${command.replaceAll('TOKEN', token)}`, folder)
    const [made] = stdout.match(TOKEN) ?? []
    if (ISSUING.test(command) && made !== undefined) {
      issued.add(made)
      token = made
    } else seen.push({ where: `stdout of ${command}`, text: stdout })
    seen.push({ where: `stderr of ${command}`, text: stderr })
  }
  for (const file of placeAt(folder).files()) seen.push({ where: file, text: readFileSync(join(folder, file), 'latin1') })
  const search = [...issued].flatMap((whole) => [whole, whole.slice(-49, -6), Buffer.from(whole).toString('base64').slice(0, 60)])
  await trials.each(
    seen,
    ({ text }, wrong) => {
      if (search.some((secret) => text.includes(secret))) wrong('it holds a token or its secret')
    },
    { name: ({ where }) => where, isBounded: false },
  )
  trials.measured('tokens issued', issued.size, '')
  if (issued.size < 5 || !readFileSync(storeIn(folder), 'utf8').includes('sha256:'))
    throw new Error('the life issued too few tokens to search for')
}

export const secretRows: readonly Row[] = [
  { name: 'secrets', about: 'every file, log, error and output searched for every issued token', run: secrets },
]
