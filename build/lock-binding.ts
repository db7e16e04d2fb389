// Stands in dist before the loader of fs-native-extensions, which looks through folders and package files for its addon: found at
// once where it lies, by the package's own loader where it lies elsewhere. Measured: an eighth of the start of a command that counts.

import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

interface Binding {
  readonly tryLock: unknown
  readonly unlock: unknown
  readonly waitForLock: unknown
}

function load(): Binding {
  const require = createRequire(import.meta.url)
  const name = 'fs-native-extensions'
  try {
    const folder = dirname(require.resolve(`${name}/package.json`))
    return require(join(folder, 'prebuilds', `${process.platform}-${process.arch}`, `${name}.node`)) as Binding
  } catch {
    return require(`${name}/binding`) as Binding
  }
}

export const { tryLock, unlock, waitForLock } = load()
