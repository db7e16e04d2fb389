// The rules of the house, held by reading the source: who may import whom, no clock and no randomness below the doors, small files.

import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '..')
const sources = ['src', 'store', 'components'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => `${folder}/${name}`),
)
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8')

interface Import {
  readonly from: string
  readonly to: string
  readonly isTypeOnly: boolean
}

/** What a file imports; relative paths as paths from the top. */
function importsOf(path: string): Import[] {
  return [...textOf(path).matchAll(/(?:^|\n)(?:import|export)\s+(type\s)?([^'";]*?)from '([^']+)'|import\('([^']+)'\)/g)].map(
    ([, typeOnly, names = '', fixed, dynamic]) => {
      const to = (fixed ?? dynamic) as string
      const named = /^\{([^}]*)\}\s*$/.exec(names.trim())?.[1]
      const isTypeOnly =
        typeOnly !== undefined || (named?.split(',').every((name) => name.trim() === '' || name.trim().startsWith('type ')) ?? false)
      return { from: path, to: to.startsWith('.') ? normalize(join(dirname(path), to)) : to, isTypeOnly }
    },
  )
}

const isOwn = (to: string): boolean => /^(?:src|store|components)\//.test(to)
const DOORS = ['src/index.ts', 'src/command-line.ts', 'src/main.ts', 'src/tui.tsx', 'src/demo/traffic.ts']

/** What the files of a place may import, and of what else they may name types; the first place that fits a file is its place. */
const PLACES: readonly { place: RegExp; may: RegExp; types?: RegExp }[] = [
  // ipaddr.js reads addresses and nothing else: the well-kept library that the model asks for.
  { place: /^src\/domain\/address\.ts$/, may: /^ipaddr\.js$/ },
  { place: /^src\/domain\//, may: /^(?:src\/domain\/|date-fns|node:crypto$)/ },
  { place: /^src\/(?:commands\/|queries\/|verify\.ts)/, may: /^src\/(?:domain|commands)\// },
  { place: /^src\/live\.ts$/, may: /^src\/domain\// },
  {
    place: /^src\/(?:manager|run-change|renew-hashes)\.ts$/,
    may: /^src\/(?:domain\/|commands\/|(?:verify|run-change|renew-hashes|live)\.ts)/,
  },
  { place: /^src\/cli\//, may: /^src\/(?:domain\/|commands\/|manager\.ts|run-change\.ts|cli\/)/ },
  {
    place: /^src\/demo\/traffic\.ts$/,
    may: /^(?:src\/(?:demo\/(?:chance|plan)|manager|open-manager|runtime)\.ts|node:(?:fs\/promises|path)$)/,
  },
  { place: /^src\/demo\/run\.ts$/, may: /^(?:src\/(?:demo\/(?:build|cast|plan)|domain\/refusal|runtime)\.ts|node:)/ },
  { place: /^src\/demo\/build\.ts$/, may: /^(?:src\/(?:demo|domain)\/|store\/json\/(?:paths|seed)\.ts|node:path$)/ },
  { place: /^src\/demo\/history\.ts$/, may: /^(?:src\/(?:demo|domain)\/|src\/manager\.ts|store\/memory\.ts)/ },
  { place: /^src\/demo\//, may: /^src\/(?:demo|domain|commands)\// },
  { place: /^src\/runtime\.ts$/, may: /^(?:src\/domain\/|node:)/ },
  { place: /^src\/process-end\.ts$/, may: /^$/ },
  { place: /^src\/terminal-input\.ts$/, may: /^node:/ },
  { place: /^src\/secret-file\.ts$/, may: /^(?:src\/domain\/|node:)/ },
  { place: /^src\/tui(?:-setting)?\.tsx?$/, may: /^(?:src\/(?!index|command-line|main\.ts)|store\/open\.ts|components\/|ink$|node:)/ },
  { place: /^src\/open-manager\.ts$/, may: /^(?:src\/(?:domain\/|manager\.ts|runtime\.ts)|store\/(?:open|upkeep)\.ts)/ },
  { place: /^src\/(?:index|command-line|main)\.ts$/, may: /^(?:src\/(?!index|command-line|main|tui)|components\/printed-table|node:)/ },
  // The driver, and nothing but what lies behind it, is where a connection is.
  { place: /^store\/postgres\/connection\.ts$/, may: /^(?:src\/domain\/|store\/postgres\/(?:server-faults|sockets|url)\.ts$|pg$)/ },
  { place: /^store\//, may: /^(?:src\/domain\/|store\/|node:|lowdb$|fs-native-extensions$)/ },
  {
    place: /^components\//,
    may: /^(?:src\/(?:domain|commands|queries)\/|components\/|ink|react|string-width)/,
    types: /^src\/manager\.ts$/,
  },
]

describe('who may import whom', () => {
  test('every import is one that the place of its file allows', () => {
    const wrong = sources.flatMap((path) => {
      const place = PLACES.find(({ place }) => place.test(path))
      if (place === undefined) return [`${path} has no place`]
      return importsOf(path)
        .filter(({ to, isTypeOnly }) => !place.may.test(to) && !(isTypeOnly && place.types?.test(to)))
        .map(({ to }) => `${path} imports ${to}`)
    })
    expect(wrong).toEqual([])
  })

  test('no door imports another, and nothing imports a door', () => {
    const wrong = sources.flatMap(importsOf).filter(({ to }) => DOORS.includes(to))
    expect(wrong).toEqual([])
  })

  test('the library and the command line load Ink only where a table is drawn', () => {
    const wrong = sources
      .flatMap(importsOf)
      .filter(({ from, to }) => !from.startsWith('components/') && from !== 'src/tui.tsx' && /^(?:ink|react)/.test(to))
    expect(wrong).toEqual([])
  })

  test('the judge of the storm shares no code with what it judges', () => {
    const judge = readdirSync(join(root, 'storm/judge')).map((name) => `storm/judge/${name}`)
    expect(judge.length).toBeGreaterThan(1)
    const wrong = judge.flatMap(importsOf).filter(({ to }) => !/^(?:storm\/judge\/|node:(?:crypto|fs|path)$)/.test(to))
    expect(wrong).toEqual([])
  })

  test('imports go round in no circle, types aside', () => {
    const edges = new Map(
      sources.map((path) => [path, importsOf(path).flatMap(({ to, isTypeOnly }) => (isOwn(to) && !isTypeOnly ? [to] : []))]),
    )
    const done = new Set<string>()
    const visit = (path: string, trail: readonly string[]): void => {
      expect(trail, `a circle through ${path}`).not.toContain(path)
      if (done.has(path)) return
      for (const next of edges.get(path) ?? []) visit(next, [...trail, path])
      done.add(path)
    }
    for (const path of sources) visit(path, [])
  })
})

describe('what is absent', () => {
  const below = sources.filter(
    (path) => !['src/runtime.ts', 'src/command-line.ts', 'src/tui.tsx', 'src/tui-setting.ts', 'src/process-end.ts'].includes(path),
  )
  const bans: readonly [string, RegExp][] = [
    ['a clock', /\bDate\.now\b|new Date\(\)|performance\.now|process\.hrtime/],
    ['randomness', /Math\.random|randomBytes|randomUUID|randomInt|getRandomValues/],
    ['the environment', /process\.env/],
    ['a forced exit', /process\.exit\b/],
    ['the console', /\bconsole\./],
  ]
  for (const [what, ban] of bans) {
    test(`${what} is nowhere below the doors`, () => {
      const allowed = what === 'the console' || what === 'a forced exit' ? below.filter((path) => path !== 'src/main.ts') : below
      expect(allowed.filter((path) => ban.test(textOf(path).replace(/^\s*\*.*$/gm, '')))).toEqual([])
    })
  }

  test('nothing is left for later, silenced or skipped', () => {
    const marks = /\b(?:TODO|FIXME|XXX|HACK)\b|not implemented|@ts-ignore|@ts-expect-error|\bas any\b|eslint-disable/
    expect(sources.filter((path) => marks.test(textOf(path)))).toEqual([])
  })
})

describe('size and manner', () => {
  test('a file has at most 260 lines, the library door with its doc comments 370', () => {
    const long = sources.filter((path) => textOf(path).split('\n').length > (path === 'src/index.ts' ? 370 : 260))
    expect(long).toEqual([])
  })

  test('every file begins by saying what it is', () => {
    expect(sources.filter((path) => !/^(?:#!.*\n)?\/\/ \S/.test(textOf(path)))).toEqual([])
  })

  test('names are kebab-case, and no file is called utils, helpers or common', () => {
    expect(sources.filter((path) => !/^[a-z0-9./-]+\.tsx?$/.test(path) || /utils|helpers|common/.test(path))).toEqual([])
  })

  test('the keys.json at the top is the empty store', () => {
    expect(textOf('keys.json')).toBe(`{"format":"keywright/1","brand":"kw","audit":{"seq":0,"hash":"${'0'.repeat(64)}"},"keys":[\n]}\n`)
  })
})
