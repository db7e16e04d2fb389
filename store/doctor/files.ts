// What an examination asks of the files from outside: where they lie, whose they are, who may touch them. Changes nothing.

import type { Stats } from 'node:fs'
import { accessSync, constants, lstatSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import type { Found } from '../../src/domain/examination.ts'
import { shellWord } from '../../src/domain/text.ts'
import { temporariesOf } from '../durable.ts'
import { faultAt } from '../faults.ts'
import { assertLinks, OTHERS_MAY_READ, OTHERS_MAY_WRITE, STICKY } from '../json/paths.ts'
import { fine, foundEach, problem, problemOf, skipped, told, warning, worstOf } from './found.ts'
import type { Scene } from './scene.ts'
import { existing, filesOf } from './scene.ts'

const words = (paths: readonly string[]): string => paths.map(shellWord).join(' ')
const modeOf = ({ mode }: Stats): string => (mode & 0o777).toString(8)

export function lookAtPath({ paths }: Scene): Found {
  if (!existing(paths.keys)) return fine(`${paths.keys} is not there yet; the first change makes it`)
  if (statSync(paths.keys).isFile()) return fine(paths.keys)
  return problem(`the store ${paths.keys} is not a file`, 'give the path of a file, as in --store ./keys.json')
}

export function lookAtLinks(scene: Scene): Found {
  const { paths, config } = scene
  const given = resolve(scene.given)
  const ways = [given, paths.usage, paths.lock, paths.log, config]
  const foreign = ways.flatMap((path) => {
    try {
      assertLinks(path)
      return []
    } catch (error) {
      return [severity(scene, problemOf(error))]
    }
  })
  const links = ways.filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true && existing(path))
  const leading = links.map((path) => `${path} leads to ${realpathSync(path)}`)
  return worstOf(foreign, leading.length === 0 ? 'no file is a link' : told(leading))
}

/** What `--insecure` lets pass is a warning. */
function severity({ isInsecureAllowed }: Scene, found: Found): Found {
  return isInsecureAllowed && found.outcome === 'problem' ? { ...found, outcome: 'warning' } : found
}

/** Why this process can't use a path so; null where it can. */
function denied(path: string, mode: number, doing: string): Found | null {
  try {
    accessSync(path, mode)
    return null
  } catch (error) {
    return problemOf(faultAt('STORE_UNAVAILABLE', doing, path, error))
  }
}

export function lookAtFolders(scene: Scene): Found {
  const { folders } = filesOf(scene)
  const found = folders.flatMap((path) => {
    if (!statSync(path).isDirectory())
      return [problem(`${path} is not a folder`, `move it away: mv ${shellWord(path)} ${shellWord(`${path}.aside`)}`)]
    const why = denied(path, constants.R_OK | constants.X_OK, 'reading the folder') ?? denied(path, constants.W_OK, 'writing in the folder')
    return why === null ? [] : [why]
  })
  return worstOf(found, folders.join(', '))
}

/** Folders above those that the files lie in, up to the root. */
function parentsOf(folders: readonly string[]): string[] {
  const parents = new Set<string>()
  for (const folder of folders) for (let path = dirname(realpathSync(folder)); !parents.has(path); path = dirname(path)) parents.add(path)
  return [...parents].filter((path) => !folders.includes(path))
}

/** In a sticky folder others can add files, but not replace ours. */
const isOpenToOthers = (status: Stats): boolean =>
  (status.mode & OTHERS_MAY_WRITE) !== 0 && !(status.isDirectory() && (status.mode & STICKY) !== 0)

export function lookAtParents(scene: Scene): Found {
  const open = parentsOf(filesOf(scene).folders).filter((path) => isOpenToOthers(statSync(path)))
  const found = foundEach(open, 'warning', (path) => ({
    detail: `others on this machine may write ${path} (mode ${modeOf(statSync(path))}), and so put another folder in the place of the store's`,
    fix: `chmod go-w ${shellWord(path)}`,
  }))
  return worstOf(found, 'others can write none of the folders above')
}

export function lookAtOwners(scene: Scene): Found {
  const { userId } = scene.surroundings
  if (userId === null) return skipped('this system has no numbers for users')
  const { files, folders } = filesOf(scene)
  const paths = [...folders, ...files]
  const strangers = paths.filter((path) => statSync(path).uid !== userId)
  if (strangers.length === 0) return fine(`all belong to this user (uid ${userId})`)
  const owners = [...new Set(strangers.map((path) => statSync(path).uid))]
  const isOneOwner = owners.length === 1 && strangers.length === paths.length
  if (userId === 0 && isOneOwner) return fine(`all belong to uid ${owners[0]}, and so does what root adds to them`)
  const detail = `this runs as uid ${userId}, but ${told(strangers)} ${strangers.length === 1 ? 'belongs' : 'belong'} to uid ${owners.join(', ')}: what one of them writes the other may not read`
  return warning(
    detail,
    isOneOwner
      ? `run Keywright as that user: sudo -u '#${owners[0]}' keywright doctor`
      : `give them to the user whose server uses them: chown USER ${words(strangers)}`,
  )
}

export function lookAtModes(scene: Scene): Found {
  const { files, folders } = filesOf(scene)
  const { keys, log } = scene.paths
  const writable = [...folders, ...files].filter((path) => isOpenToOthers(statSync(path)))
  const [refused, told] = [writable.filter((path) => isRefused(path)), writable.filter((path) => !isRefused(path))]
  const readable = files.filter((path) => path !== scene.config && (statSync(path).mode & OTHERS_MAY_READ) !== 0)
  const found = [
    ...foundEach(refused, 'problem', (path) => mayWrite(path)).map((one) => severity(scene, one)),
    ...foundEach(told, 'warning', (path) => mayWrite(path)),
    ...foundEach(readable, 'warning', (path) => ({
      detail: `others on this machine may read ${path} (mode ${modeOf(statSync(path))})`,
      fix: `chmod go= ${shellWord(path)}`,
    })),
  ]
  return worstOf(found, 'others can neither write nor read them')

  /** What opening refuses as well. */
  function isRefused(path: string): boolean {
    return [keys, log, ...folders].includes(path)
  }
}

function mayWrite(path: string): Pick<Found, 'detail' | 'fix'> {
  return {
    detail: `others on this machine may write ${path} (mode ${modeOf(statSync(path))})`,
    fix: `chmod go-w ${shellWord(path)}`,
  }
}

export function lookAtAccess(scene: Scene): Found {
  const { keys, usage, lock, log } = scene.paths
  const { files } = filesOf(scene)
  const written = [usage, lock, log]
  const found = files.flatMap((path) => {
    const why = denied(path, constants.R_OK, 'reading') ?? (written.includes(path) ? denied(path, constants.W_OK, 'writing') : null)
    return why === null ? [] : [why]
  })
  return worstOf(found, files.includes(keys) ? `${files.length} files can be used` : 'there is nothing to read yet')
}

export async function lookAtLeftovers({ paths, lock }: Scene): Promise<Found> {
  const temporaries = (await Promise.all([paths.keys, paths.usage].map(temporariesOf))).flat()
  if (temporaries.length > 0 && lock.kind !== 'held') {
    const detail = `processes that died left ${told(temporaries)}; nothing is lost`
    if (lock.kind === 'abandoned') return warning(detail, 'nothing needs to be done: the next change removes them')
    return warning(detail, `make sure that no change is under way, then run: rm ${words(temporaries)}`)
  }
  const kept = [...asideOf(paths.log, '.torn'), ...asideOf(paths.usage, '.garbled-')]
  return fine(kept.length === 0 ? 'nothing' : `kept by repairs, to be looked at and removed: ${told(kept)}`)
}

/** What repairs kept beside a file. */
function asideOf(path: string, mark: string): string[] {
  if (!existing(dirname(path))) return []
  return readdirSync(dirname(path))
    .filter((name) => name.startsWith(`${basename(path)}${mark}`))
    .map((name) => join(dirname(path), name))
}
