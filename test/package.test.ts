// The tarball as a stranger installs it: its content, its command, its library, its types.

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publint } from 'publint'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const npm = { encoding: 'utf8', env: { ...process.env, npm_config_loglevel: 'error', npm_config_ignore_scripts: 'true' } } as const
let folder = ''
let packed: { filename: string; files: { path: string }[] }

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'keywright-pack-'))
  const [made] = JSON.parse(execFileSync('npm', ['pack', '--json', '--pack-destination', folder], { ...npm, cwd: root })) as [typeof packed]
  packed = made
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  execFileSync('npm', ['install', '--omit=dev', '--prefer-offline', '--no-audit', '--no-fund', `./${packed.filename}`], {
    ...npm,
    cwd: folder,
  })
}, 120_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the package', () => {
  test('holds nothing but dist, README, LICENSE, CHANGELOG and package.json', () => {
    const others = packed.files
      .map(({ path }) => path)
      .filter((path) => !/^(?:dist\/.*|README\.md|LICENSE|CHANGELOG\.md|package\.json)$/.test(path))
    expect(others).toEqual([])
  })

  test('publint has nothing to say', async () => {
    const { messages } = await publint({ pkgDir: root, strict: true })
    expect(messages).toEqual([])
  })

  test('installed without devDependencies it gives a working command', () => {
    const bin = join(folder, 'node_modules/.bin/keywright')
    const run = (...given: string[]) => spawnSync(bin, [...given, '--store', join(folder, 'keys.json')], { encoding: 'utf8' })
    const { stdout: token, status } = run('generate', '--user', 'ann', '--expires', '1')
    expect(status).toBe(0)
    expect(run('validate', '--key', token.trim()).stdout).toMatch(/^VALID\n/)
    expect(run('--version').stdout).toBe(
      `${(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version}\n`,
    )
  })

  test('installed without devDependencies it gives a working library, types included', () => {
    writeFileSync(
      join(folder, 'server.ts'),
      `import { ApiKeyManager, KeywrightError, type Verdict } from 'keywright'
const manager = await ApiKeyManager.open({ store: 'library.json' })
const { token } = await manager.generateApiKey({ userId: 'ann', expiresInDays: 1 })
const verdict: Verdict = await manager.validateApiKey(token)
await manager.close()
const error: unknown = await manager.flush().catch((reason: unknown) => reason)
console.log(verdict.code, error instanceof KeywrightError ? error.code : 'none')
`,
    )
    expect(execFileSync(process.execPath, ['server.ts'], { cwd: folder, encoding: 'utf8' })).toBe('VALID CLOSED\n')
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const options = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2024',
      '--types',
      'node',
      '--typeRoots',
      join(root, 'node_modules/@types'),
    ]
    const checked = spawnSync(process.execPath, [tsc, ...options, 'server.ts'], { cwd: folder, encoding: 'utf8' })
    expect(checked.stdout).toBe('')
  })
})
