// The examination of stores in every state: each check once fine and once not, with real files; and nothing is ever written.

import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Examination, ExaminedName, ExaminedOutcome, Found } from '../../src/domain/examination.ts'
import { EXAMINED_NAMES } from '../../src/domain/examination.ts'
import { ApiKeyManager } from '../../src/index.ts'
import { examine } from '../../store/doctor/examine.ts'
import { lookAtFileSystem, lookAtInodes, lookAtNode, lookAtSpace, NEEDED_NODE } from '../../store/doctor/machine.ts'
import { MAIN } from '../cli/session.ts'
import { startChild } from './children.ts'
import type { Place } from './harness.ts'
import { NOON, newPlace, openManagerAt } from './harness.ts'
import type { Story } from './story.ts'
import { cutLog, putBack, tell } from './story.ts'

const userId = process.getuid?.() ?? null
const isRoot = userId === 0
/** A user who owns nothing; only root can become one, and only where it may run this build. */
const NOBODY_ID = 65_534
const canBeNobody = isRoot && spawnSync(process.execPath, [MAIN, '--version'], { uid: NOBODY_ID }).status === 0

interface More {
  readonly store?: string
  readonly isInsecure?: boolean
  readonly now?: number
  readonly signing?: string
  readonly auditSink?: string
}

const examined = (place: Place, more: More = {}): Promise<Examination> =>
  examine(more.store ?? place.keys, more.isInsecure ?? false, {
    nodeVersion: process.versions.node,
    platform: process.platform,
    userId,
    now: more.now ?? Date.now(),
    auditKeys: { signing: more.signing, public: undefined },
    auditSink: more.auditSink,
    tryToOpen: async () =>
      (await ApiKeyManager.open({ store: more.store ?? place.keys, readOnly: true, onWarning: () => undefined })).close(),
  })
const of = (examination: Examination, name: ExaminedName): Found => examination.checks.find(({ check }) => check === name) as Found

/** Names, times and content of everything below a folder. */
function snapshot(folder: string): unknown[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const status = lstatSync(join(folder, name))
      return [name, status.ino, status.mtimeMs, status.mode, status.isFile() ? readFileSync(join(folder, name), 'latin1') : null]
    })
}

/** A store with two keys, a use, and a change by someone else. */
async function used(settings = ''): Promise<Story> {
  if (settings !== '') return segmented(settings)
  let token = ''
  return tell([
    async (manager) => {
      ;({ token } = await manager.generateApiKey({ userId: 'ann' }))
    },
    (manager) => manager.generateApiKey({ userId: 'bob' }),
    async (manager) => {
      await manager.validateApiKey(token)
      await manager.flush()
    },
    async (manager) => manager.revokeApiKeys({ userId: 'ann' }, { reason: 'over' }),
  ])
}

/** A store whose log has finished segments. */
async function segmented(settings: string): Promise<Story> {
  const place = newPlace()
  writeFileSync(join(place.folder, 'keywright.config.json'), settings, { mode: 0o600 })
  const manager = await openManagerAt(place)
  for (let number = 0; number < 20; number++) await manager.generateApiKey({ userId: `user${number}` })
  await manager.close()
  return { place, versions: [], last: place.text() }
}

const segmentsOf = ({ folder, files }: Place): string[] =>
  files()
    .filter((name) => /security-audit\.\d+\.log$/.test(name))
    .map((name) => join(folder, name))

const TEMPORARY = '.keys.json.0123456789abcdef.tmp'
const DEAD = '{"pid":1,"host":"here","since":"2026-11-23T12:00:00.000Z"}'

interface State {
  readonly check: ExaminedName
  readonly outcome: ExaminedOutcome
  readonly harm: (story: Story) => void
  /** In what is said of it. */
  readonly says: string
  readonly settings?: string
}

const STATES: Readonly<Record<string, State>> = {
  'a folder in its place': { check: 'path', outcome: 'problem', harm: ({ place }) => putFolder(place.keys), says: 'is not a file' },
  'a folder whose log folder is a file': {
    check: 'folders',
    outcome: 'problem',
    harm: ({ place }) => {
      rmSync(join(place.folder, 'logs'), { recursive: true })
      writeFileSync(join(place.folder, 'logs'), '')
    },
    says: 'is not a folder',
  },
  'a store that others may write': {
    check: 'modes',
    outcome: 'problem',
    harm: ({ place }) => chmodSync(place.keys, 0o622),
    says: 'mode 622',
  },
  'a folder that others may write': {
    check: 'modes',
    outcome: 'problem',
    harm: ({ place }) => chmodSync(place.folder, 0o777),
    says: 'mode 777',
  },
  'counts that others may read': {
    check: 'modes',
    outcome: 'warning',
    harm: ({ place }) => chmodSync(place.usage, 0o644),
    says: 'may read',
  },
  'settings that are no JSON': {
    check: 'settings',
    outcome: 'problem',
    harm: ({ place }) => writeFileSync(join(place.folder, 'keywright.config.json'), '{"brand":', { mode: 0o600 }),
    says: 'keywright.config.json:1:10: this is not JSON',
  },
  'the name of a holder that died': {
    check: 'lock',
    outcome: 'warning',
    harm: ({ place }) => writeFileSync(place.lock, DEAD),
    says: 'died',
  },
  'a temporary file': {
    check: 'leftovers',
    outcome: 'warning',
    harm: ({ place }) => writeFileSync(join(place.folder, TEMPORARY), '', { mode: 0o600 }),
    says: TEMPORARY,
  },
  'another format': {
    check: 'format',
    outcome: 'problem',
    harm: ({ place }) => writeFileSync(place.keys, place.text().replace('keywright/1', 'keywright/2')),
    says: 'a format that this version does not know',
  },
  'a store that is cut': {
    check: 'keys',
    outcome: 'problem',
    harm: ({ place }) => writeFileSync(place.keys, place.text().slice(0, 300)),
    says: ':2:',
  },
  'garbled counts': {
    check: 'usage',
    outcome: 'warning',
    harm: ({ place }) => writeFileSync(place.usage, 'nonsense'),
    says: 'are garbled',
  },
  'counts that are a folder': { check: 'usage', outcome: 'problem', harm: ({ place }) => putFolder(place.usage), says: 'is a folder' },
  'a log that is a folder': {
    check: 'log',
    outcome: 'problem',
    harm: ({ place }) => putFolder(place.log),
    says: 'it is a folder (EISDIR)',
  },
  'a missing segment': {
    check: 'segments',
    outcome: 'problem',
    harm: ({ place }) => rmSync(segmentsOf(place)[0] ?? ''),
    says: 'records 1 to ',
    settings: '{"segmentBytes":4096}',
  },
  'a torn line': {
    check: 'torn-line',
    outcome: 'warning',
    harm: ({ place }) => writeFileSync(place.log, '{"seq":9', { flag: 'a' }),
    says: 'of 8 bytes',
  },
  'a record that was edited': {
    check: 'chain',
    outcome: 'problem',
    harm: ({ place }) => writeFileSync(place.log, place.text(place.log).replace('"done"', '"dome"')),
    says: 'seq 1 is not a record',
  },
  'a log that is gone': { check: 'keys-anchor', outcome: 'problem', harm: ({ place }) => rmSync(place.log), says: 'is missing' },
  'a log that was cut': { check: 'keys-anchor', outcome: 'problem', harm: ({ place }) => cutLog(place, 1), says: 'ends at seq 3' },
  'a log that was cut behind the counts': {
    check: 'usage-anchor',
    outcome: 'problem',
    harm: ({ place, versions }) => {
      cutLog(place, 2)
      putBack(place, versions.at(2) ?? '')
    },
    says: 'keys.usage.json vouches for seq 3',
  },
  'a change that died half-way': {
    check: 'recovery',
    outcome: 'warning',
    harm: ({ place, versions }) => putBack(place, versions.at(-2) ?? ''),
    says: 'seq 4 is done again',
  },
  'an older store': {
    check: 'recovery',
    outcome: 'problem',
    harm: ({ place, versions }) => putBack(place, versions.at(1) ?? ''),
    says: 'is an older copy',
  },
  'no store': { check: 'recovery', outcome: 'problem', harm: ({ place }) => rmSync(place.keys), says: 'is missing or empty' },
  'a key that was edited': {
    check: 'digests',
    outcome: 'problem',
    harm: ({ place }) => writeFileSync(place.keys, place.text().replace('"userId":"bob"', '"userId":"eve"')),
    says: 'was changed in the store by hand',
  },
}

function putFolder(path: string): void {
  rmSync(path)
  mkdirSync(path, { mode: 0o700 })
}

describe('a store in use', () => {
  test('every check is fine, once each and in order, and nothing is written', async () => {
    const { place } = await used()
    const before = snapshot(place.folder)
    const { ok, checks } = await examined(place)
    expect(checks.filter(({ outcome, check }) => outcome !== 'ok' && check !== 'space' && check !== 'inodes')).toEqual([])
    expect(checks.map(({ check }) => check)).toEqual(EXAMINED_NAMES)
    expect(ok).toBe(true)
    expect(snapshot(place.folder)).toEqual(before)
  })

  test('so it is with a divided log, and where there is no store at all', async () => {
    const { place } = await used('{"segmentBytes":4096}')
    expect(segmentsOf(place).length).toBeGreaterThan(1)
    for (const one of [place, newPlace()]) {
      const before = snapshot(one.folder)
      expect((await examined(one)).checks.filter(({ outcome }) => outcome === 'problem')).toEqual([])
      expect(snapshot(one.folder)).toEqual(before)
    }
  })

  test('no false alarm is raised while others change it', async () => {
    const { place } = await used()
    const manager = await openManagerAt(place)
    let isChanging = true
    const changing = (async () => {
      for (let number = 0; number < 40; number++) await manager.generateApiKey({ userId: `user${number}` })
      isChanging = false
    })()
    while (isChanging) {
      const { checks } = await examined(place)
      expect(checks.filter(({ outcome }) => outcome === 'problem')).toEqual([])
    }
    await changing
  })
})

describe('what is wrong', () => {
  test.each(Object.entries(STATES))('%s is told, with what mends it, and nothing is written', async (_, state) => {
    const story = await used(state.settings)
    const { place } = story
    expect(of(await examined(place), state.check).outcome).toBe('ok')
    state.harm(story)
    const before = snapshot(place.folder)
    const examination = await examined(place)
    const { outcome, detail, fix } = of(examination, state.check)
    expect([outcome, detail]).toEqual([state.outcome, expect.stringContaining(state.says)])
    expect(fix).toBeTypeOf('string')
    expect(examination.ok).toBe(examination.checks.every((one) => one.outcome !== 'problem'))
    if (state.outcome === 'problem') expect(examination.ok).toBe(false)
    expect(snapshot(place.folder)).toEqual(before)
  })

  test('what --insecure lets pass is a warning', async () => {
    const { place } = await used()
    chmodSync(place.keys, 0o622)
    expect(of(await examined(place, { isInsecure: true }), 'modes').outcome).toBe('warning')
  })

  test('a folder above that others may write is told', async () => {
    const { place } = await used()
    const inner = join(place.folder, 'inner')
    cpSync(join(place.folder, 'logs'), join(inner, 'logs'), { recursive: true })
    chmodSync(inner, 0o700)
    chmodSync(place.folder, 0o777)
    const { outcome, detail } = of(await examined(place, { store: join(inner, 'keys.json') }), 'parents')
    expect([outcome, detail]).toEqual(['warning', expect.stringContaining(`may write ${place.folder} (mode 777)`)])
  })

  test.runIf(isRoot)('files of another user, and a link of one, are told', async () => {
    const { place } = await used()
    chownSync(place.log, 4242, 4242)
    expect(of(await examined(place), 'owners')).toMatchObject({ outcome: 'warning', detail: expect.stringContaining('uid 4242') })
    const link = join(place.folder, 'link.json')
    symlinkSync(place.keys, link)
    expect(of(await examined(place, { store: link }), 'links')).toMatchObject({ outcome: 'ok', detail: `${link} leads to ${place.keys}` })
    lchownSync(link, 4242, 4242)
    expect(of(await examined(place, { store: link }), 'links')).toMatchObject({
      outcome: 'problem',
      detail: expect.stringContaining('another user'),
    })
  })

  test('a folder that is not there is told, and what it is in the way of is skipped', async () => {
    const place = newPlace()
    const { ok, checks } = await examined(place, { store: join(place.folder, 'missing', 'keys.json') })
    expect(ok).toBe(false)
    expect(checks.filter(({ outcome }) => outcome === 'problem').map(({ check }) => check)).toEqual(['path'])
    expect(checks.filter(({ outcome }) => outcome === 'skipped')).toHaveLength(EXAMINED_NAMES.length - 3)
  })

  test('who holds the lock is named, and for how long when it is too long', async () => {
    const { place } = await used()
    const child = startChild(new URL('./hold-lock.ts', import.meta.url), { args: [place.lock] })
    await child.line()
    // The holder says that it began on that day at noon.
    expect(of(await examined(place, { now: NOON + 1000 }), 'lock')).toMatchObject({
      outcome: 'ok',
      detail: expect.stringContaining(`process ${child.pid} on elsewhere`),
    })
    expect(of(await examined(place, { now: NOON + 60_000 }), 'lock')).toMatchObject({
      outcome: 'warning',
      fix: expect.stringContaining(`ps -fp ${child.pid}`),
    })
    child.say('let go')
    await child.done()
    expect(of(await examined(place), 'lock').detail).toBe('nobody holds it')
  })

  test('the clock is compared with the newest record', async () => {
    const { place } = await used()
    const at = Date.parse(place.records().at(-1)?.at ?? '')
    expect(of(await examined(place, { now: at }), 'clock').outcome).toBe('ok')
    expect(of(await examined(place, { now: at - 3_600_000 }), 'clock').outcome).toBe('warning')
  })
})

describe('the machine', () => {
  const disk = { type: 0xef53, bsize: 4096, bavail: 1_000_000, files: 1000, ffree: 900 }

  test('a Node older than package.json asks for is a problem', () => {
    const { engines } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as { engines: { node: string } }
    expect(engines.node).toBe(`>=${NEEDED_NODE}`)
    expect(['22.17.1', '20.19.0', '22.18.0', '24.0.0'].map((version) => lookAtNode(version).outcome)).toEqual([
      'problem',
      'problem',
      'ok',
      'ok',
    ])
  })

  test('a file system on a network is a warning, where its number is one of Linux', () => {
    expect(lookAtFileSystem(disk, 'linux').outcome).toBe('ok')
    // CIFS: statfs gives the number with a sign.
    for (const type of [0x6969, 0xff534d42 | 0]) expect(lookAtFileSystem({ ...disk, type }, 'linux').outcome).toBe('warning')
    expect(lookAtFileSystem(disk, 'darwin').outcome).toBe('skipped')
  })

  test('room for less than four times the store, or for few files, is a warning', () => {
    expect(lookAtSpace(disk, 1_000_000_000, '/data').outcome).toBe('ok')
    expect(lookAtSpace(disk, 1_100_000_000, '/data')).toMatchObject({ outcome: 'warning', fix: 'make room: df -h /data' })
    expect(lookAtSpace({ ...disk, bavail: 100 }, 0, '/data').outcome).toBe('warning')
    expect(lookAtInodes(disk, '/data').outcome).toBe('ok')
    expect(lookAtInodes({ ...disk, ffree: 3 }, '/data').outcome).toBe('warning')
    expect(lookAtInodes({ ...disk, files: 0, ffree: 0 }, '/data').outcome).toBe('ok')
  })

  test('a sink that agrees, one that is behind, one that holds more, one whose folder is gone', async () => {
    const { place } = await used()
    const path = join(place.folder, 'copy.log')
    const auditSink = `file:${path}`
    const sinkOf = async (address = auditSink): Promise<Found> => of(await examined(place, { auditSink: address }), 'sink')
    expect(await sinkOf()).toMatchObject({ outcome: 'ok', detail: expect.stringContaining('nothing yet') })
    const [first = '', ...rest] = place.text(place.log).split('\n')
    writeFileSync(path, `${first}\n`)
    expect(await sinkOf()).toMatchObject({ outcome: 'ok', detail: expect.stringContaining(`up to seq 1 of ${rest.length}`) })
    writeFileSync(path, `${first}\n${(rest[0] ?? '').replace('"seq":2', '"seq":3')}\n`)
    expect(await sinkOf()).toMatchObject({ outcome: 'problem', detail: expect.stringContaining('no record') })
    const other = await used()
    writeFileSync(path, other.place.text(other.place.log))
    expect(await sinkOf()).toMatchObject({ outcome: 'problem', detail: expect.stringContaining('that the log does not') })
    expect(await sinkOf('file:/nowhere/at/all')).toMatchObject({ outcome: 'problem', fix: expect.stringContaining('mkdir') })
    expect(await sinkOf('mail:ann')).toMatchObject({ outcome: 'problem' })
  })

  test('a key of the log that is missing, and a store that can’t be opened though each of its files is sound', async () => {
    const { place } = await used()
    const missing = await examined(place, { signing: join(place.folder, 'none.pem') })
    expect(of(missing, 'audit-keys')).toMatchObject({ outcome: 'problem', detail: expect.stringContaining('none.pem') })
    expect(of(missing, 'opening').outcome).toBe('skipped')
    expect(of(await examined(place), 'opening')).toMatchObject({ outcome: 'ok' })
    cpSync(place.keys, join(place.folder, 'keys'))
    const twin = await examined(place, { store: join(place.folder, 'keys') })
    expect(of(twin, 'opening')).toMatchObject({ outcome: 'problem', detail: expect.stringContaining('would share') })
  })

  test('a command without the addon for the kernel’s locks says so, and looks at all else', async () => {
    const { place } = await used()
    // The bundle alone, where no package is found beside it.
    cpSync(join(import.meta.dirname, '../../dist'), join(place.folder, 'dist'), { recursive: true })
    const { stdout, status } = spawnSync(process.execPath, [join(place.folder, 'dist/main.js'), 'doctor', '--json'], {
      cwd: place.folder,
      encoding: 'utf8',
    })
    const examination = JSON.parse(stdout) as Examination
    expect(status).toBe(1)
    expect(of(examination, 'kernel-lock')).toMatchObject({ outcome: 'problem', detail: expect.stringContaining('fs-native-extensions') })
    expect(examination.checks.filter(({ outcome }) => outcome === 'problem')).toHaveLength(1)
    expect(of(examination, 'lock').outcome).toBe('skipped')
  })

  test.runIf(canBeNobody)('who may not read the files, or not write them, is told which', async () => {
    const { place } = await used()
    const asNobody = (): Examination => {
      const { stdout } = spawnSync(process.execPath, [MAIN, 'doctor', '--json', '--store', place.keys], {
        encoding: 'utf8',
        uid: NOBODY_ID,
      })
      return JSON.parse(stdout) as Examination
    }
    expect(of(asNobody(), 'path')).toMatchObject({ outcome: 'problem', detail: expect.stringContaining('permission was denied') })
    chmodSync(place.folder, 0o755)
    const { checks } = asNobody()
    expect(checks.flatMap(({ check, outcome }) => (outcome === 'problem' ? [check] : []))).toEqual(
      expect.arrayContaining(['folders', 'access', 'keys', 'log']),
    )
    expect(of({ ok: false, checks }, 'access').fix).toContain(`ls -ld ${place.keys}`)
  })
})
