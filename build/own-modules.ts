// How our own sources get at modules outside, in the bundles of dist. Builds nothing itself.

import { isBuiltin } from 'node:module'
import { join, sep } from 'node:path'
import type { Plugin } from 'esbuild'

const NAMESPACE = 'node-module'
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/
/** Words that are no names of variables. */
const RESERVED = new Set(['default', 'delete', 'with'])

/**
 * Node's modules, by name and of the module itself. An import would make all exports of a module known, and with them load what is
 * behind its lazy ones: streams, Web Crypto, Argon2. Measured: a tenth of a start.
 */
export const nodeModules: Plugin = {
  name: 'node-modules',
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path, importer, kind }) => {
      const isOurs = !importer.split(sep).includes('node_modules') && kind === 'import-statement' && isBuiltin(path)
      return isOurs ? { path, namespace: NAMESPACE } : undefined
    })
    build.onLoad({ filter: /./, namespace: NAMESPACE }, ({ path }) => {
      const names = Object.getOwnPropertyNames(process.getBuiltinModule(path) ?? {}).filter(
        (name) => IDENTIFIER.test(name) && !RESERVED.has(name),
      )
      // Each name by itself, so that those that nobody imports are left out.
      const exported = names.map((name) => `export const ${name} = /* @__PURE__ */ (() => it.${name})()`)
      return { contents: [`const it = process.getBuiltinModule(${JSON.stringify(path)})`, 'export default it', ...exported].join('\n') }
    })
  },
}

const REQUIRED = 'required-module'

/** Node's modules as CommonJS packages ask for them, where a bundle has no `require`: the driver of a database does. */
export const requiredModules: Plugin = {
  name: 'required-modules',
  setup(build) {
    build.onResolve({ filter: /^(?:node:)?[a-z_/]+$/ }, ({ path, kind }) =>
      kind === 'require-call' && isBuiltin(path) ? { path, namespace: REQUIRED } : undefined,
    )
    build.onLoad({ filter: /./, namespace: REQUIRED }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)})`,
    }))
  },
}

/** The kernel's locks with `lock-binding.ts` in the place of the package's own loader. */
export const lockBinding: Plugin = {
  name: 'lock-binding',
  setup(build) {
    build.onResolve({ filter: /^\.\/binding$/ }, ({ importer }) =>
      importer.includes('fs-native-extensions') ? { path: join(import.meta.dirname, 'lock-binding.ts') } : undefined,
    )
  },
}

/** The table that Ink draws is a door of its own: the command line loads it only to draw one. */
export const printedTable: Plugin = {
  name: 'printed-table',
  setup(build) {
    build.onResolve({ filter: /\/printed-table\.tsx$/ }, ({ kind }) =>
      kind === 'dynamic-import' ? { path: './printed-table.js', external: true } : undefined,
    )
  },
}
