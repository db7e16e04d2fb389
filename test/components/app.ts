// The app without a terminal: its real model on a real manager over the store in memory, with a clock that the test moves. No mocks.

import { onTestFinished } from 'vitest'
import { createKeymap } from '../../components/keymap.ts'
import type { Press } from '../../components/keys.ts'
import type { Effect } from '../../components/model/effect.ts'
import type { Layer } from '../../components/model/layers.ts'
import type { Model } from '../../components/model/model.ts'
import { createModel } from '../../components/model/model.ts'
import type { Page, Setting, Size, State } from '../../components/model/state.ts'
import { pageOf, topLayer } from '../../components/model/step.ts'
import { createRunner } from '../../components/run-effects.ts'
import type { ThemeOptions } from '../../components/theme.ts'
import { createTheme } from '../../components/theme.ts'
import type { ChangeCommand } from '../../src/commands/command.ts'
import { generate } from '../../src/commands/generate.ts'
import type { Fields } from '../../src/domain/field.ts'
import { inputFromTexts } from '../../src/domain/field.ts'
import type { Key } from '../../src/domain/key.ts'
import type { Store } from '../../src/domain/ports.ts'
import { accepted } from '../../src/domain/refusal.ts'
import type { CallOptions } from '../../src/domain/verdict.ts'
import type { Manager } from '../../src/manager.ts'
import { createManager } from '../../src/manager.ts'
import { openMemoryStore } from '../../store/memory.ts'
import type { ManualClock } from '../store/harness.ts'
import { ACTOR, manualClock, seededDraw, until } from '../store/harness.ts'

const PLAIN: ThemeOptions = { isAscii: false, isColoured: false, isAnimated: false, isSpoken: false }

export const themeWith = (options: Partial<ThemeOptions> = {}) => createTheme({ ...PLAIN, ...options })

export const SETTING: Setting = {
  theme: themeWith(),
  keymap: createKeymap(),
  storeName: 'keys.json',
  storeFlag: null,
  storeFolder: '/store',
  isReadOnly: false,
  isDemo: false,
  zoneOffset: () => 0,
  templates: [{ name: 'web', texts: { expiresAt: '30d', rateLimits: '60/1m', tags: 'web' } }],
}

export interface World {
  readonly clock: ManualClock
  readonly store: Store
  readonly manager: Manager
  /** A key made by the real command, with its token. */
  readonly generate: (texts: Readonly<Record<string, string | readonly string[]>>) => Promise<{ id: string; token: string }>
  readonly change: (
    command: { readonly words: string; readonly fields: Fields },
    texts: Readonly<Record<string, string | readonly string[]>>,
  ) => Promise<void>
  readonly call: (token: string, times?: number, options?: Partial<CallOptions>) => Promise<void>
  readonly keyOf: (id: string) => Promise<Key>
  readonly open: (setup?: { size?: Size; setting?: Partial<Setting> }) => Promise<App>
}

const textsOf = (texts: Readonly<Record<string, string | readonly string[]>>) =>
  new Map(Object.entries(texts).map(([name, text]) => [name, typeof text === 'string' ? [text] : text]))

const CALL: CallOptions = { requiredScopes: [], environment: null, ip: null, isPeek: false }

/** `seen`: the store as the app sees it. */
export function openWorld(seen: (store: Store) => Store = (store) => store): World {
  const clock = manualClock()
  const draw = seededDraw('app')
  const store = seen(openMemoryStore({ actor: ACTOR, clocks: clock.clocks, draw }))
  const manager = createManager({
    store,
    actor: ACTOR,
    clock: clock.now,
    draw,
    isReadOnly: false,
    flushIntervalMs: 60_000,
    warn: () => undefined,
  })
  onTestFinished(() => manager.close())
  const changed = async (command: { readonly fields: Fields }, texts: Readonly<Record<string, string | readonly string[]>>) => {
    const { items } = await manager.change(command as ChangeCommand, accepted(inputFromTexts(command.fields, textsOf(texts))))
    return items
  }
  const world: World = {
    clock,
    store,
    manager,
    async generate(texts) {
      const [item] = await changed(generate as unknown as ChangeCommand, texts)
      if (item?.token === undefined) throw new Error(`no key was made: ${item?.refusal?.message}`)
      return { id: item.id, token: item.token }
    },
    async change(command, texts) {
      const [item] = await changed(command, texts)
      if (item?.refusal != null) throw new Error(item.refusal.message)
    },
    async call(token, times = 1, options = {}) {
      for (let call = 0; call < times; call++) await manager.validate(token, { ...CALL, ...options })
    },
    async keyOf(id) {
      const key = await store.findKey({ by: 'id', id, name: id })
      if (key === null) throw new Error(`there is no key ${id}`)
      return key
    },
    open: (setup = {}) => openApp(world, setup),
  }
  return world
}

export interface App {
  readonly world: World
  readonly state: () => State
  readonly page: <S extends Page['screen']>(screen: S) => Extract<Page, { screen: S }>
  readonly layer: <K extends Layer['kind']>(kind: K) => Extract<Layer, { kind: K }>
  readonly send: Model['send']
  /** Keys by their names, one input event each, and then all that was asked is answered. */
  readonly press: (...names: readonly string[]) => Promise<void>
  readonly type: (text: string) => Promise<void>
  /** What the app learns of the store when it looks. */
  readonly look: () => Promise<void>
  readonly settled: () => Promise<void>
  readonly copied: string[]
  readonly written: { path: string; token: string }[]
  readonly exits: { code: number; next: 'demo' | null }[]
  readonly effects: Effect[]
  readonly runner: ReturnType<typeof createRunner>
}

const graphemes = new Intl.Segmenter()

/** The press of a key by its name, as `pressesOf` makes it. */
export function pressNamed(name: string): Press {
  if (name === 'space') return { name, text: ' ' }
  return { name, text: [...graphemes.segment(name)].length === 1 ? name : null }
}

async function openApp(world: World, { size = { columns: 100, rows: 30 }, setting = {} }: { size?: Size; setting?: Partial<Setting> }) {
  const copied: string[] = []
  const written: { path: string; token: string }[] = []
  const exits: { code: number; next: 'demo' | null }[] = []
  const effects: Effect[] = []
  // The first page asks as soon as the model is made.
  const waiting = new Set(['page:0'])
  const door = {
    copy: (text: string) => void copied.push(text),
    writeSecret: async (path: string, token: string) => {
      written.push({ path, token })
      return path
    },
    setMouse: () => undefined,
    redraw: () => undefined,
    suspend: () => undefined,
    exit: (code: number, next: 'demo' | null) => void exits.push({ code, next }),
  }
  let model: Model
  const told: Model = {
    get: () => model.get(),
    subscribe: (listener) => model.subscribe(listener),
    press: (presses) => model.press(presses),
    send(message) {
      model.send(message)
      if ('slot' in message && message.on !== 'progress') waiting.delete(message.slot)
    },
  }
  const runner = createRunner(world.manager, door, () => told)
  const run = (effect: Effect): void => {
    effects.push(effect)
    if ('slot' in effect && effect.effect !== 'cancel') waiting.add(effect.slot)
    runner.run(effect)
  }
  model = createModel({ setting: { ...SETTING, ...setting }, size, now: world.clock.now, run })
  onTestFinished(() => runner.close())
  const settled = async (): Promise<void> => {
    // What a press asks for is asked in the next microtask, so that the press is drawn first.
    await null
    await until('all that was asked is answered', () => waiting.size === 0)
  }
  const app: App = {
    world,
    state: model.get,
    page(screen) {
      const page = pageOf(model.get())
      if (page.screen !== screen) throw new Error(`the page is ${page.screen}, not ${screen}`)
      return page as Extract<Page, { screen: typeof screen }>
    },
    layer(kind) {
      const layer = topLayer(model.get())
      if (layer?.kind !== kind) throw new Error(`the topmost layer is ${layer?.kind ?? 'the page'}, not ${kind}`)
      return layer as Extract<Layer, { kind: typeof kind }>
    },
    send: model.send,
    async press(...names) {
      for (const name of names) {
        model.press([pressNamed(name)])
        await settled()
      }
    },
    async type(text) {
      model.press([...graphemes.segment(text)].map(({ segment }) => pressNamed(segment === ' ' ? 'space' : segment)))
      await settled()
    },
    async look() {
      model.send({ on: 'pulse', pulse: await world.store.pulse() })
      await settled()
    },
    settled,
    copied,
    written,
    exits,
    effects,
    runner,
  }
  await settled()
  await app.look()
  return app
}
