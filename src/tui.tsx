// The terminal door: opens the store, draws the app, and gives the terminal back as it was, however the app ends.

import { statSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { render } from 'ink'
import { App } from '../components/app.tsx'
import type { Model } from '../components/model/model.ts'
import { createModel } from '../components/model/model.ts'
import type { Setting, Size } from '../components/model/state.ts'
import type { Terminal } from '../components/run-effects.ts'
import { createRunner } from '../components/run-effects.ts'
import type { AppOptions } from './cli/terminal.ts'
import { displayText } from './domain/text.ts'
import type { Manager } from './manager.ts'
import { openManager } from './open-manager.ts'
import { DEFAULT_STORE } from './runtime.ts'
import { writeSecret } from './secret-file.ts'
import { openTerminalInput } from './terminal-input.ts'
import { settingOf } from './tui-setting.ts'

const BIG_STORE_BYTES = 4 * 1024 * 1024
const TICK_MS = 1000
/** A press is drawn at once and its answer after it: at 60 the second frame would wait for longer than the store takes. */
const MAX_FPS = 120
/** How long the first frame waits for the store, so that it is drawn once. */
const FIRST_FRAME_WAIT_MS = 100
/** How long the end waits for the store to close. */
const CLOSE_WAIT_MS = 1000
const EXIT_FAULT = 4
const EXITS: Readonly<Record<string, number>> = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 }
const MOUSE_ON = '\u001b[?1000h\u001b[?1006h'
const MOUSE_OFF = '\u001b[?1006l\u001b[?1000l'
/** A stopped process does not run on; where nothing stops it, it is back after this. */
const STOP_WAIT_MS = 200

interface Ended {
  readonly code: number
  readonly next: 'demo' | null
}

/** Runs the app until it is left, and where it asks for that, the demo after it. Answers the exit code. */
export async function runApp(options: AppOptions): Promise<number> {
  if (!options.isDemo) {
    const { code, next } = await runOn(options)
    if (next === null) return code
  }
  return runDemo(options)
}

/** The demo's store is there as long as the app is, whatever ends it: also while it is built and taken down, signals are ours. */
async function runDemo(options: AppOptions): Promise<number> {
  let early: number | null = null
  const onSignal = (signal: NodeJS.Signals): void => {
    early = EXITS[signal] ?? EXIT_FAULT
  }
  for (const signal of Object.keys(EXITS)) process.on(signal, onSignal)
  process.stderr.write('keywright: making the store of the demo\n')
  const { startDemo } = await import('./demo/run.ts')
  const demo = await startDemo()
  try {
    if (early !== null) return early
    return (await runOn({ ...options, store: demo.store, isDemo: true })).code
  } finally {
    await demo.stop()
    for (const signal of Object.keys(EXITS)) process.off(signal, onSignal)
  }
}

async function runOn(options: AppOptions): Promise<Ended> {
  let model: Model | null = null
  const store = options.store ?? DEFAULT_STORE
  // A big store takes its time; that is said where the app is not drawn yet.
  if ((statSync(store, { throwIfNoEntry: false })?.size ?? 0) > BIG_STORE_BYTES)
    process.stderr.write(`keywright: opening ${displayText(store)}\n`)
  const setting = settingOf(options)
  // The keys that are read stay: the space for values that don't would grow eightfold over them, and not shrink again.
  setFlagsFromString('--semi-space-growth-factor=1')
  const manager = await openManager(
    {
      store,
      ...(options.actor === null ? {} : { actor: options.actor }),
      readOnly: options.isReadOnly,
      insecure: options.isInsecureAllowed,
      // The demo's secrets are nobody's, and what happens in it is no news for a real sink.
      ...(options.isDemo ? { auditSink: '', pepperFile: '', requirePepper: false } : {}),
      onWarning: ({ message }) => model?.send({ on: 'warning', text: message }),
    },
    'tui',
  )
  setFlagsFromString('--semi-space-growth-factor=2')
  try {
    return await drawn(setting, manager, (created) => {
      model = created
    })
  } finally {
    await closedSoon(manager)
  }
}

const sizeOf = (): Size => ({ columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 })

/** Draws until the app is left. All that it changes of the terminal and the process is undone at the end. */
async function drawn(setting: Setting, manager: Manager, onModel: (model: Model) => void): Promise<Ended> {
  const { stdout, stdin } = process
  const ended = Promise.withResolvers<Ended>()
  let suspend: ((work: () => Promise<void>) => Promise<void>) | null = null
  let isMouseOn = false

  const terminal: Terminal = {
    copy: (text) => void stdout.write(`\u001b]52;c;${Buffer.from(text).toString('base64')}\u0007`),
    writeSecret,
    setMouse(isOn) {
      isMouseOn = isOn
      stdout.write(isOn ? MOUSE_ON : MOUSE_OFF)
    },
    redraw: () => void suspend?.(async () => undefined),
    suspend: () =>
      void suspend?.(async () => {
        if (isMouseOn) stdout.write(MOUSE_OFF)
        await stopped()
        if (isMouseOn) stdout.write(MOUSE_ON)
      }),
    exit: (code, next) => ended.resolve({ code, next }),
  }
  let model: Model
  const runner = createRunner(manager, terminal, () => model)
  model = createModel({ setting, size: sizeOf(), now: Date.now, run: runner.run })
  onModel(model)
  const live = manager.live()
  live.subscribe((pulse) => model.send({ on: 'pulse', pulse }))
  const ticking = setInterval(() => model.send({ on: 'tick' }), TICK_MS)
  // Before Ink listens: the model knows the new size when Ink draws.
  const onResize = (): void => model.send({ on: 'resize', size: sizeOf() })
  stdout.on('resize', onResize)
  const onSignal = (signal: NodeJS.Signals): void => ended.resolve({ code: EXITS[signal] ?? EXIT_FAULT, next: null })
  const onGone = (): void => ended.resolve({ code: EXITS['SIGHUP'] ?? EXIT_FAULT, next: null })
  const onFault = (error: unknown): void => (isGone(error) ? onGone() : ended.reject(error))
  for (const signal of Object.keys(EXITS)) process.on(signal, onSignal)
  process.on('uncaughtException', onFault)
  process.on('unhandledRejection', onFault)
  stdout.on('error', onGone)

  await firstAnswer(model)
  const input = openTerminalInput(
    stdin,
    { onClick: (row) => model.send({ on: 'click', row }), onWheel: (by) => model.send({ on: 'wheel', by }) },
    onGone,
  )
  // Before anything is drawn: what was typed ahead must not be echoed into the first frame.
  stdin.setRawMode(true)
  // Nor may what was echoed until now push the first row aside.
  stdout.write('\r')
  const app = render(
    <App
      model={model}
      onReady={(suspendTerminal) => {
        suspend = suspendTerminal
      }}
    />,
    {
      stdin: input,
      stdout,
      exitOnCtrlC: false,
      patchConsole: false,
      maxFps: MAX_FPS,
      incrementalRendering: true,
      interactive: true,
      alternateScreen: !setting.theme.isSpoken,
      isScreenReaderEnabled: setting.theme.isSpoken,
    },
  )
  app.waitUntilExit().then(onGone, onFault)
  try {
    return await ended.promise
  } finally {
    clearInterval(ticking)
    live.close()
    runner.close()
    stdout.off('resize', onResize)
    // In linear text the last frame would stay, and with it a token that is drawn.
    if (setting.theme.isSpoken) app.clear()
    app.unmount()
    await app.waitUntilExit().catch(() => undefined)
    if (stdin.isTTY) stdin.setRawMode(false)
    if (isMouseOn) stdout.write(MOUSE_OFF)
    for (const signal of Object.keys(EXITS)) process.off(signal, onSignal)
    process.off('uncaughtException', onFault)
    process.off('unhandledRejection', onFault)
    stdin.removeAllListeners('data')
    stdin.pause()
  }
}

/** Resolves when the first page can be drawn whole, or when it takes so long that a frame without it is better than none. */
function firstAnswer(model: Model): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      const { pulse, trouble, pages } = model.get()
      const isLoaded = pages.every((page) => !('list' in page) || page.list.isLoaded)
      if ((isLoaded && pulse !== null) || trouble !== null) done()
    }
    const forget = model.subscribe(look)
    const timer = setTimeout(done, FIRST_FRAME_WAIT_MS)
    function done(): void {
      clearTimeout(timer)
      forget()
      resolve()
    }
  })
}

/** What reading from or writing to a terminal that went away ends with. */
function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ['EIO', 'EPIPE', 'ENXIO', 'EBADF'].includes(String(error.code))
}

/** Stops the whole process group, as the terminal's own ctrl-z would, until it is continued. */
async function stopped(): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(go, STOP_WAIT_MS)
    function go(): void {
      clearTimeout(timer)
      process.off('SIGCONT', go)
      resolve()
    }
    process.once('SIGCONT', go)
    process.kill(0, 'SIGTSTP')
  })
}

async function closedSoon(manager: Manager): Promise<void> {
  const tooLong = new Promise<void>((resolve) => {
    setTimeout(resolve, CLOSE_WAIT_MS).unref()
  })
  await Promise.race([manager.close(), tooLong]).catch(() => undefined)
}
