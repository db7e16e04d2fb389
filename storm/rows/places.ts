// Places that can't be trusted or written: symbolic links, files and folders that others may write, folders without a right to write.

import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, lchownSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ApiKeyManager, KeywrightError } from '../../src/index.ts'
import { SCENARIOS, storeIn, withManager } from '../../test/crash/scenarios.ts'
import { placeAt } from '../../test/store/place.ts'
import { startProcess } from '../../test/store/processes.ts'
import { judged } from '../aftermath.ts'
import type { Row, Storm } from '../storm.ts'

/** A user that owns nothing: `nobody` on most systems. */
const STRANGER = 65_534
const isRoot = process.getuid?.() === 0

type Spoil = (folder: string) => void

const INSECURE: readonly (readonly [what: string, spoil: Spoil])[] = [
  ['others may write keys.json', (folder) => chmodSync(storeIn(folder), 0o602)],
  ['the group may write keys.json', (folder) => chmodSync(storeIn(folder), 0o620)],
  ['others may write the log', (folder) => chmodSync(placeAt(folder).log, 0o602)],
  ['others may write the folder', (folder) => chmodSync(folder, 0o702)],
  ['others may write the log’s folder', (folder) => chmodSync(join(folder, 'logs'), 0o702)],
  ...(isRoot ? ([['a link of another user', strangersLink]] as const) : []),
]
const UNAVAILABLE: readonly (readonly [what: string, spoil: Spoil])[] = [
  [
    'a link to itself',
    (folder) => {
      rmSync(storeIn(folder))
      symlinkSync('keys.json', storeIn(folder))
    },
  ],
  [
    'a folder where the file belongs',
    (folder) => {
      rmSync(storeIn(folder))
      mkdirSync(storeIn(folder))
    },
  ],
]

function strangersLink(folder: string): void {
  renameSync(storeIn(folder), join(folder, 'real.json'))
  symlinkSync('real.json', storeIn(folder))
  lchownSync(storeIn(folder), STRANGER, STRANGER)
}

async function used(storm: Storm): Promise<string> {
  const folder = storm.newFolder()
  await withManager(folder, (manager) => manager.generateApiKey({ userId: 'ann' }))
  return folder
}

async function refusals(storm: Storm): Promise<void> {
  const trials = storm.trials('places that others may write, links that lead nowhere or are another’s: refused with a code')
  const cases = [
    ...INSECURE.map(([what, spoil]) => ({ what, spoil, expected: ['STORE_INSECURE'] })),
    ...UNAVAILABLE.map(([what, spoil]) => ({ what, spoil, expected: ['STORE_UNAVAILABLE', 'STORE_CORRUPT'] })),
  ]
  await trials.each(
    cases,
    async ({ spoil, expected }, wrong) => {
      const folder = await used(storm)
      spoil(folder)
      const before = readdirSync(folder).join()
      const said: unknown = await ApiKeyManager.open({ store: storeIn(folder), onWarning: () => undefined })
        .then((manager) => manager.generateApiKey({ userId: 'bob' }))
        .catch((error: unknown) => error)
      if (!(said instanceof KeywrightError && expected.includes(said.code))) wrong(`it answered ${String(said)}`)
      if (readdirSync(folder).join() !== before) wrong('there are other files now')
    },
    { name: ({ what }) => what },
  )
  if (!isRoot) trials.leaveOut('a link of another user: only root can make one')
}

const changeAtWord = new URL('../children/change-at-word.ts', import.meta.url)

/** Whether a user whom modes bind can run this code: in a checkout that is its owner's alone, root can't become one. */
function canBeBound(): boolean {
  const look = `require('node:fs').accessSync(${JSON.stringify(fileURLToPath(changeAtWord))})`
  return !isRoot || spawnSync(process.execPath, ['-e', look], { uid: STRANGER, gid: STRANGER, stdio: 'ignore' }).status === 0
}

/** Whether this user may not write there; for root, in a process of a user whom modes bind. */
async function readOnlyFolders(storm: Storm): Promise<void> {
  const trials = storm.trials('folders in which nothing may be written: a change is refused, and works when it may')
  if (!canBeBound()) return trials.leaveOut('other users can’t read this checkout, and root may write everywhere')
  const scenario = SCENARIOS.find(({ name }) => name === 'an edit')
  const as = isRoot ? { uid: STRANGER, gid: STRANGER } : {}
  await trials.each(
    ['.', 'logs'],
    async (which, wrong) => {
      // Not below the storm's own folder, into which another user can't look.
      const above = mkdtempSync(join(tmpdir(), 'keywright-storm-place-'))
      const folder = join(above, 'store')
      mkdirSync(folder, { mode: 0o700 })
      await scenario?.prepare(folder)
      if (isRoot) {
        for (const path of [above, folder, ...readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))])
          chownSync(path, STRANGER, STRANGER)
      }
      const child = startProcess(changeAtWord, { args: [folder, 'an edit'], ...as })
      await child.line()
      chmodSync(join(folder, which), 0o500)
      if (which === 'logs') chmodSync(placeAt(folder).log, 0o400)
      child.say('go')
      const answer = await child.line()
      const next = await child.line()
      await child.ended
      const isRefused = (text: string): boolean => /^(?:STORE|AUDIT)_UNAVAILABLE /.test(text)
      // In a folder that can't be written, an existing file may be: the log’s is appended to unless it is closed as well.
      if (!isRefused(answer) || !isRefused(next)) wrong(`the changes answered ${answer}; ${next}`)
      judged(folder, 'while it may not be written').forEach(wrong)
      chmodSync(join(folder, which), 0o700)
      if (which === 'logs') chmodSync(placeAt(folder).log, 0o600)
      await withManager(folder, (manager) => manager.generateApiKey({ userId: 'later' }))
      judged(folder, 'afterwards').forEach(wrong)
      rmSync(above, { recursive: true })
    },
    { name: (which) => which },
  )
}

export const placeRows: readonly Row[] = [
  {
    name: 'places',
    about: 'symbolic link or world-writable store, folder read-only',
    lines: 2,
    async run(storm) {
      await refusals(storm)
      await readOnlyFolders(storm)
    },
  },
]
