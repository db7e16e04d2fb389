// What is installed: from where, pinned to its content, and whose install scripts run. Read from the lock files, without a network.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

interface Locked {
  readonly resolved?: string
  readonly integrity?: string
  readonly hasInstallScript?: boolean
  readonly link?: boolean
  readonly dev?: boolean
  readonly optional?: boolean
}

const root = join(import.meta.dirname, '..')
const read = (path: string): unknown => JSON.parse(readFileSync(join(root, path), 'utf8'))
const lockedIn = (path: string): [string, Locked][] =>
  Object.entries((read(path) as { packages: Record<string, Locked> }).packages).filter(([name]) => name !== '')
const nameOf = (path: string): string => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)

describe.each(['package-lock.json', 'bench/package-lock.json'])('%s', (path) => {
  const locked = lockedIn(path)

  test('pins every package to the SHA-512 of its content', () => {
    expect(locked.length).toBeGreaterThan(20)
    expect(locked.filter(([, { integrity }]) => !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? '')).map(([name]) => name)).toEqual([])
  })

  test('names no source but the registry of npm', () => {
    // Where `resolved` is left out, npm asks the registry it is set to; what comes must have the pinned content.
    const others = locked.filter(
      ([, { resolved, link }]) => link || !(resolved ?? 'https://registry.npmjs.org/').startsWith('https://registry.npmjs.org/'),
    )
    expect(others.map(([name]) => name)).toEqual([])
  })

  test('lets no package run a script at its installation but those that are allowed by name', () => {
    const { allowScripts = {} } = read(path.replace('-lock', '')) as { allowScripts?: Record<string, boolean> }
    expect(
      locked
        .filter(([, { hasInstallScript }]) => hasInstallScript)
        .map(([name]) => nameOf(name))
        .sort(),
    ).toEqual(Object.keys(allowScripts).sort())
  })
})

test('who installs Keywright installs six packages, of which none runs a script', () => {
  const installed = lockedIn('package-lock.json').filter(([, { dev, optional }]) => !dev && !optional)
  expect(installed.map(([name]) => nameOf(name)).sort()).toEqual([
    'bare-addon-resolve',
    'bare-module-resolve',
    'bare-semver',
    'fs-native-extensions',
    'require-addon',
    'which-runtime',
  ])
  expect(installed.filter(([, { hasInstallScript }]) => hasInstallScript)).toEqual([])
})
