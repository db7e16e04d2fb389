// Every screen at every size, with the worst that a hand-edited store may hold: whole, within its edges, and nothing steers the terminal.

import { render } from 'ink-testing-library'
import stringWidth from 'string-width'
import { describe, expect, test } from 'vitest'
import { Frame } from '../../../components/app.tsx'
import type { State } from '../../../components/model/state.ts'
import { CURSOR } from '../../../components/parts/row.ts'
import type { ThemeOptions } from '../../../components/theme.ts'
import type { Key } from '../../../src/domain/key.ts'
import type { Store } from '../../../src/domain/ports.ts'
import { NOON, newKey, outcomeOf, put } from '../../store/harness.ts'
import type { App } from '../app.ts'
import { openWorld, themeWith } from '../app.ts'
import { linesOf, wireOf, withoutColour } from '../draw.tsx'

const ESC = '\u001b'
/** What must not come through as it is. */
const HOSTILE: readonly string[] = [
  `${ESC}[31mred${ESC}[2J${ESC}[H`,
  `${ESC}]8;;http://evil.example${ESC}\\link${ESC}]8;;${ESC}\\`,
  `${ESC}]52;c;ZXZpbA==\u0007clip`,
  'two\nlines\r\nand\ttabs\u0085\u2028',
  'bidi \u202eesrever\u202c \u2066isolated\u2069',
  'family 👩‍👩‍👧 flag 🇩🇪 skin 👍🏽 keycap 1️⃣ heart ❤️',
  '北京快递有限公司日本語ユーザー한국어',
  '𝒳'.repeat(200),
  'é'.repeat(200),
  `lone \ud800 and \udc00 halves`,
  `zero\u200bwidth\ufeff and c\u0301o\u0302m\u0303b\u0304ining`,
  '\u009b31mC1 and \u0000 null and \u007f delete',
  '>> a name that looks like a cursor',
]

/** Keys with hostile texts everywhere, put past every check, as a hand-edited file may hold them. */
function hostileKeys(): Key[] {
  return HOSTILE.map((text, index) => {
    const { key } = newKey({ id: `key_${String(index).padStart(12, 'x')}`, name: text, userId: `${text} owner` }, NOON - 3_600_000)
    return {
      ...key,
      scopes: [text],
      tags: [text],
      metadata: { [text]: text },
      createdBy: text,
      ...(index === 0 ? { revokedAt: key.createdAt, revokedBy: text, revokedReason: text } : {}),
    }
  })
}

async function disabled(store: Store, key: Key): Promise<void> {
  const actor = { name: HOSTILE[0] as string, osUser: HOSTILE[1] as string, host: HOSTILE[2] as string, via: 'cli' } as const
  await store.transact({
    actor,
    targets: { refs: [] },
    decide: () => outcomeOf('key.disable', key, { ...key, disabledAt: key.createdAt, name: `${key.name} again` }),
  })
}

const SIZES = [
  [60, 16],
  [80, 24],
  [120, 40],
  [200, 60],
] as const

/** The screens by the keys that lead to them; each begins on Keys. */
const WAYS: Readonly<Record<string, (app: App) => Promise<void>>> = {
  keys: async () => undefined,
  marked: (app) => app.press('space', 'space', 'V', 'j'),
  filter: async (app) => {
    await app.press('/')
    app.send({ on: 'paste', text: HOSTILE.join(' ') })
    await app.settled()
  },
  users: (app) => app.press('2'),
  usage: (app) => app.press('3'),
  heatmap: (app) => app.press('3', 'm'),
  'usage of a key': (app) => app.press('u'),
  'usage of a day': (app) => app.press('3', 'w', 'b'),
  audit: (app) => app.press('4'),
  record: (app) => app.press('4', 'enter'),
  hygiene: (app) => app.press('5'),
  key: (app) => app.press('j', 'enter'),
  'the end of a key': (app) => app.press('j', 'enter', 'G'),
  'a revoked key': (app) => app.press('G', 'enter'),
  generate: async (app) => {
    await app.press('n')
    app.send({ on: 'paste', text: HOSTILE[0] as string })
    await app.press('tab')
    app.send({ on: 'paste', text: `${HOSTILE[5]} ${HOSTILE[7]}` })
    await app.press('tab', 'tab', 'tab')
    await app.type('soon')
  },
  edit: (app) => app.press('j', 'e', 'tab', 'tab', 'tab', 'tab'),
  scopes: (app) => app.press('j', 'S'),
  rotate: (app) => app.press('j', 'R'),
  revoke: async (app) => {
    await app.press('j', 'X')
    app.send({ on: 'paste', text: HOSTILE.join(' ') })
  },
  'revoke all': (app) => app.press('*', 'X'),
  help: (app) => app.press('?'),
  'help searched': (app) => app.press('?', '/', 'k'),
  palette: (app) => app.press(':'),
  'palette typed': async (app) => {
    await app.press(':')
    app.send({ on: 'paste', text: HOSTILE[7] as string })
  },
  toast: async (app) => app.send({ on: 'warning', text: HOSTILE.join(' ') }),
}

/** Where nothing fits what is typed there is no row to be on. */
const CURSORLESS: readonly string[] = ['filter', 'palette typed']

/** States of all screens at one size. */
async function statesAt(columns: number, rows: number): Promise<Map<string, State>> {
  const world = openWorld()
  const keys = hostileKeys()
  await put(world.store, ...keys)
  await disabled(world.store, keys[3] as Key)
  const { token } = await world.generate({ userId: 'ann', name: 'called', scopes: ['read:x'], rateLimits: '5/1m', environment: 'live' })
  await world.call(token, 9, { requiredScopes: ['read:x'] })
  const states = new Map<string, State>()
  for (const [name, way] of Object.entries(WAYS)) {
    const app = await world.open({ size: { columns, rows } })
    await way(app)
    states.set(name, app.state())
  }
  return states
}

const themed = (state: State, options: Partial<ThemeOptions>): State => ({
  ...state,
  setting: { ...state.setting, theme: themeWith(options) },
})

/** C0 but for the line end, DEL, C1, separators and direction marks, halves of pairs. */
const STEERING = /[\p{Cc}\u2028-\u202e\u2066-\u2069\ufeff\u200b]|\p{Surrogate}/u

describe.each(SIZES)('at %i x %i', (columns, rows) => {
  /** Made by the first test: states are data and outlive their app. */
  let made: Promise<Map<string, State>> | null = null
  const all = (): Promise<Map<string, State>> => {
    made ??= statesAt(columns, rows)
    return made
  }
  const each = async (check: (state: State, name: string) => void): Promise<void> => {
    const states = await all()
    expect(states.size).toBe(Object.keys(WAYS).length)
    for (const [name, state] of states) check(state, name)
  }

  test('every screen has so many rows and no line is wider', async () => {
    await each((state, name) => {
      const lines = wireOf(state).split('\n')
      expect(lines, name).toHaveLength(rows)
      const wide = lines.filter((line) => stringWidth(line) > columns)
      expect(wide, name).toEqual([])
    })
  })

  test('with colours nothing but our own SGR reaches the wire', async () => {
    await each((state, name) => {
      const wire = wireOf(themed(state, { isColoured: true }))
      expect(wire, name).toContain(ESC)
      const left = withoutColour(wire).replaceAll('\n', '')
      expect(STEERING.exec(left)?.[0], name).toBeUndefined()
      expect(
        withoutColour(wire)
          .split('\n')
          .map((line) => line.trimEnd()).length,
        name,
      ).toBe(rows)
    })
  })

  test('without colours no escape at all does', async () => {
    await each((state, name) => expect(STEERING.exec(wireOf(state).replaceAll('\n', ''))?.[0], name).toBeUndefined())
  })

  test('with ASCII only ASCII does', async () => {
    await each((state, name) => {
      const strange = wireOf(themed(state, { isAscii: true })).match(/[^\n\x20-\x7e]/gu)
      expect(strange, name).toBeNull()
    })
  })

  test('at most one row has the cursor', async () => {
    await each((state, name) => {
      const cursors = linesOf(state).filter((line) => line.startsWith(CURSOR))
      expect(cursors.length, `${name}\n${linesOf(state).join('\n')}`).toBeLessThanOrEqual(1)
      if (!CURSORLESS.includes(name)) expect(cursors.length, `${name}\n${linesOf(state).join('\n')}`).toBe(1)
    })
  })

  test('for a screen reader each item is a line with its state in words, without boxes and blocks', async () => {
    await each((state, name) => {
      const lines = linesOf(themed(state, { isSpoken: true }))
      expect(lines.join('').match(/[\u2500-\u259f\u2800-\u28ff]/u), `${name}\n${lines.join('\n')}`).toBeNull()
    })
    const spoken = linesOf(themed((await all()).get('keys') as State, { isSpoken: true }))
    // Below header and breadcrumb, above toast and hints; each may take two lines of the terminal, and none is cut.
    const items = spoken.filter((line) => /^[> ][* ] \S/.test(line))
    expect(items, spoken.join('\n')).toHaveLength(Math.min(HOSTILE.length + 1, Math.floor((rows - 5) / 2)))
    expect(
      items.every((line) => /, (?:active|disabled|revoked), owner /.test(line)),
      items.join('\n'),
    ).toBe(true)
  })
})

test('below the least size nothing is drawn but that it is too small', async () => {
  const world = openWorld()
  await world.generate({ userId: 'ann', name: 'api' })
  for (const [columns, rows] of [
    [59, 24],
    [80, 15],
    [10, 3],
    [1, 1],
  ] as const) {
    const app = await world.open({ size: { columns, rows } })
    const lines = linesOf(app.state())
    expect(lines.length).toBeLessThanOrEqual(rows)
    expect(lines.every((line) => stringWidth(line) <= columns)).toBe(true)
    if (columns > 40) expect(lines[0]).toMatch(/^too small/)
    expect(lines.join('\n')).not.toContain('api')
  }
})

test('a frame is drawn anew when the state changes, and the same state draws the same', async () => {
  const world = openWorld()
  await world.generate({ userId: 'ann', name: 'api' })
  const app = await world.open({ size: { columns: 100, rows: 24 } })
  const drawn = render(<Frame state={app.state()} />)
  const first = drawn.lastFrame()
  expect(first).toMatch(/^ keys\.json {2}1 keys {2}unverified/)
  drawn.rerender(<Frame state={{ ...app.state() }} />)
  expect(drawn.lastFrame()).toBe(first)
  await app.press('space')
  drawn.rerender(<Frame state={app.state()} />)
  expect(drawn.lastFrame()).toMatch(/^>\* .*api/m)
  drawn.unmount()
})
