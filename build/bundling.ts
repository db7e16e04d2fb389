// How programs that draw with Ink are bundled: dist, and the floor that the benchmarks hold against it. Builds nothing itself.

import type { BuildOptions } from 'esbuild'

export const BUNDLED = {
  bundle: true,
  platform: 'node',
  format: 'esm',
  splitting: true,
  target: 'node22.18',
  logLevel: 'warning',
  // Names stay as they are, so that a stack says where.
  minifySyntax: true,
  minifyWhitespace: true,
  define: {
    'process.env.NODE_ENV': '"production"',
    // The layout engine would fetch its own bytes and load all of Node's HTTP for that. Nothing here may reach for a network.
    fetch: 'undefined',
  },
  alias: {
    // The devtools of React are never loaded.
    'react-devtools-core': './build/no-devtools.ts',
    'string-width': './build/string-width.ts',
  },
  // CommonJS packages inside the bundle ask for Node's own modules with require.
  banner: {
    js: "import { createRequire as createRequireForBundle } from 'node:module'; const require = createRequireForBundle(import.meta.url);",
  },
} as const satisfies BuildOptions
