// Which library is measured: the bundle in dist, made anew where it is older than the sources, else the sources themselves.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

export const ROOT = join(import.meta.dirname, '..')
const BUNDLE = 'dist/index.js'
const SOURCE = 'src/index.ts'
const SOURCE_FOLDERS = ['src', 'store', 'components', 'build']

export type Library = Pick<typeof import('../src/index.ts'), 'ApiKeyManager'>
export type ApiKeyManager = import('../src/index.ts').ApiKeyManager

export interface Chosen {
  /** Relative to the project. */
  readonly path: string
  readonly why: string
}

function newestSource(): number {
  return Math.max(
    ...SOURCE_FOLDERS.flatMap((folder) =>
      readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs),
    ),
  )
}

const isFresh = (): boolean => existsSync(join(ROOT, BUNDLE)) && statSync(join(ROOT, BUNDLE)).mtimeMs >= newestSource()

/** Never builds for a short run: tests beside it use dist. */
export function chooseLibrary(mayBuild: boolean): Chosen {
  if (isFresh()) return { path: BUNDLE, why: 'the bundle' }
  if (!mayBuild) return { path: SOURCE, why: 'the sources, because the bundle is older or missing' }
  const { status } = spawnSync(process.execPath, ['build.ts'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'ignore'] })
  return status === 0
    ? { path: BUNDLE, why: 'the bundle, made for this run' }
    : { path: SOURCE, why: 'the sources, because npm run build fails' }
}

export async function loadLibrary(path: string): Promise<Library> {
  return (await import(pathToFileURL(join(ROOT, path)).href)) as Library
}
