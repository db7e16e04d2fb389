// The examination of a store that may be in any state: every check, one after the other. Never opens the store, never writes.

import { statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Examination, Examined, ExaminedName, Found } from '../../src/domain/examination.ts'
import { EXAMINED_NAMES } from '../../src/domain/examination.ts'
import * as contents from './contents.ts'
import * as files from './files.ts'
import { fine, problemOf, skipped } from './found.ts'
import * as machine from './machine.ts'
import type { Scene, Surroundings } from './scene.ts'
import { existing, sceneOf, tried } from './scene.ts'
import * as sink from './sink.ts'

type Look<T> = (seen: T) => Found | Promise<Found>

/** Checks for which no file needs to be there. */
const MACHINE_LOOKS: Readonly<Partial<Record<ExaminedName, Look<Surroundings>>>> = {
  node: ({ nodeVersion }) => machine.lookAtNode(nodeVersion),
  'kernel-lock': machine.lookAtKernelLock,
}

const diskOf = ({ paths }: Scene) => statfsSync(dirname(paths.keys))
const sizeOf = (path: string): number => (existing(path) ? statSync(path).size : 0)

const LOOKS: Readonly<Record<Exclude<ExaminedName, 'node' | 'kernel-lock'>, Look<Scene>>> = {
  path: files.lookAtPath,
  links: files.lookAtLinks,
  folders: files.lookAtFolders,
  parents: files.lookAtParents,
  owners: files.lookAtOwners,
  modes: files.lookAtModes,
  access: files.lookAtAccess,
  'file-system': (scene) => machine.lookAtFileSystem(diskOf(scene), scene.surroundings.platform),
  space: (scene) => machine.lookAtSpace(diskOf(scene), sizeOf(scene.paths.keys) + sizeOf(scene.paths.usage), dirname(scene.paths.keys)),
  inodes: (scene) => machine.lookAtInodes(diskOf(scene), dirname(scene.paths.keys)),
  settings: contents.lookAtSettings,
  lock: ({ lock, paths, surroundings }) => machine.lookAtLock(lock, paths.lock, surroundings.now),
  leftovers: files.lookAtLeftovers,
  format: contents.lookAtFormat,
  keys: contents.lookAtKeys,
  usage: contents.lookAtUsage,
  log: contents.lookAtLog,
  segments: contents.lookAtSegments,
  'torn-line': contents.lookAtTornLine,
  chain: contents.lookAtChain,
  'keys-anchor': contents.lookAtKeysAnchor,
  'usage-anchor': contents.lookAtUsageAnchor,
  recovery: contents.lookAtRecovery,
  digests: contents.lookAtDigests,
  clock: ({ log, surroundings }) => machine.lookAtClock(log.value?.head.at ?? null, surroundings.now),
  'audit-keys': sink.lookAtAuditKeys,
  sink: sink.lookAtSink,
  opening: async ({ surroundings }) => {
    await surroundings.tryToOpen()
    return fine('it can')
  },
}

/** Looks at everything; what can't be looked at is a finding too. Throws nothing. */
export async function examine(store: string, isInsecureAllowed: boolean, surroundings: Surroundings): Promise<Examination> {
  const scene = await tried(() => sceneOf(store, isInsecureAllowed, surroundings))
  const checks: Examined[] = []
  for (const check of EXAMINED_NAMES) checks.push({ check, ...(await found(check)) })
  return { ok: checks.every(({ outcome }) => outcome !== 'problem'), checks }

  async function found(check: ExaminedName): Promise<Found> {
    const ofMachine = MACHINE_LOOKS[check]
    if (ofMachine !== undefined) return ofMachine(surroundings)
    const { value: seen } = scene
    // Its error would only repeat what was found.
    if (check === 'opening' && checks.some(({ outcome }) => outcome === 'problem')) return skipped('what was found is in the way')
    if (seen === null) return check === 'path' ? problemOf(scene.error) : skipped('the path leads to no place for a store')
    const look = LOOKS[check as keyof typeof LOOKS]
    const { value, error } = await tried(() => look(seen))
    return value ?? problemOf(error)
  }
}
