// Builds dist: the doors bundled by esbuild, the types by tsc, and the licences of what was bundled.

import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }

rmSync('dist', { recursive: true, force: true })
const shared = { outdir: 'dist', bundle: true, platform: 'node', format: 'esm', logLevel: 'warning' } as const
// The bin must be read by Nodes that are too old for the rest, so that it can say so.
await build({ ...shared, entryPoints: { main: 'src/main.ts' }, target: 'node14', external: ['./command-line.js', './tui.js'] })
const { metafile } = await build({
  ...shared,
  entryPoints: {
    index: 'src/index.ts',
    'command-line': 'src/command-line.ts',
    tui: 'src/tui.tsx',
    'demo-traffic': 'src/demo/traffic.ts',
  },
  splitting: true,
  target: 'node22.18',
  chunkNames: 'chunks/[name]-[hash]',
  define: { __VERSION__: JSON.stringify(version), 'process.env.NODE_ENV': '"production"' },
  // The kernel lock is a native addon. The devtools of React are never loaded.
  external: ['fs-native-extensions'],
  alias: { 'react-devtools-core': './build/no-devtools.ts' },
  minifySyntax: true,
  metafile: true,
  // CommonJS packages inside the bundle ask for Node's own modules with require.
  banner: {
    js: "import { createRequire as createRequireForBundle } from 'node:module'; const require = createRequireForBundle(import.meta.url);",
  },
})

execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.types.json'], { stdio: 'inherit' })

const bundled = new Set(Object.keys(metafile.inputs).flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []))
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
