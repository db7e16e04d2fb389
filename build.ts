// Builds dist: the doors bundled by esbuild, the types by tsc, and the licences of what was bundled.

import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { BUNDLED } from './build/bundling.ts'
import { lockBinding, nodeModules, printedTable, requiredModules } from './build/own-modules.ts'

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }

rmSync('dist', { recursive: true, force: true })
// The bin must be read by Nodes that are too old for the rest, so that it can say so.
await build({
  entryPoints: { main: 'src/main.ts' },
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  format: 'esm',
  logLevel: 'warning',
  target: 'node14',
  external: ['./command-line.js', './tui.js'],
})
const DIST = {
  ...BUNDLED,
  outdir: 'dist',
  chunkNames: 'chunks/[name]-[hash]',
  define: { ...BUNDLED.define, __VERSION__: JSON.stringify(version) },
  metafile: true,
} as const
const doors = await build({
  ...DIST,
  entryPoints: {
    index: 'src/index.ts',
    tui: 'src/tui.tsx',
    'demo-traffic': 'src/demo/traffic.ts',
    'printed-table': 'components/printed-table.tsx',
  },
  plugins: [nodeModules, lockBinding],
})
// The command line by itself: one file to read and compile where sharing with the other doors would make it twelve.
const commandLine = await build({
  ...DIST,
  entryPoints: { 'command-line': 'src/command-line.ts' },
  plugins: [nodeModules, requiredModules, lockBinding, printedTable],
  banner: {},
})

execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.types.json'], { stdio: 'inherit' })

const inputs = [doors, commandLine].flatMap(({ metafile }) => Object.keys(metafile.inputs))
const bundled = new Set(inputs.flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []))
writeFileSync('dist/THIRD-PARTY-LICENSES', [...bundled].sort().map(licenceOf).join('\n'))

function licenceOf(name: string): string {
  const folder = join('node_modules', name)
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
  const { license, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { license?: string; version: string }
  const text =
    file !== undefined && existsSync(join(folder, file))
      ? readFileSync(join(folder, file), 'utf8')
      : `Licence: ${license ?? 'not stated'}\n`
  return `${name} ${version}\n${'='.repeat(name.length + version.length + 1)}\n${text}`
}
