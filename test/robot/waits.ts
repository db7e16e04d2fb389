// Waiting for what a program draws: for a frame, for its end, for rest. Each wait is woken by events and ends at its bound; none sleeps.

import { activityOf } from './process-state.ts'

export interface Exit {
  readonly exitCode: number
  /** Like SIGTERM; null when the program ended by itself. */
  readonly signal: string | null
}

/** For so long a program must not even run to be at rest. */
const STILL_MS = 100

/** What is known of a program at the moment. */
export interface Progress {
  readonly pid: number
  /** Bytes that it wrote. */
  readonly written: number
  /** Pieces of its output that the emulator has yet to parse. */
  readonly unparsed: number
  readonly ended: Exit | null
  describe(): string
}

export type Waits = ReturnType<typeof createWaits>

export function createWaits(progress: Progress) {
  const watchers = new Set<() => void>()

  /** Looks after each piece of output until `look` answers something; fails at the bound, or when the program has ended. */
  function watch<T>(what: string, within: number, look: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        watchers.delete(check)
        clearTimeout(bound)
      }
      const check = (): void => {
        const found = look()
        if (found === undefined && progress.ended === null) return
        stop()
        if (found !== undefined) resolve(found)
        else reject(new Error(`${what}: the program has ended with ${JSON.stringify(progress.ended)}; ${progress.describe()}`))
      }
      const bound = setTimeout(() => {
        stop()
        reject(new Error(`${what}: not within ${within} ms; ${progress.describe()}`))
      }, within)
      watchers.add(check)
      check()
    })
  }

  /**
   * Whether the program comes to rest within the bound: it wrote something once, and for `quietMs` it wrote nothing and its main thread did not run.
   * Output alone would not tell: a program that is kept from running on a busy machine is quiet too, with its input unread.
   */
  function comesToRest(quietMs: number, within: number): Promise<boolean> {
    return new Promise((resolve) => {
      let before = { written: progress.written, trace: activityOf(progress.pid).trace }
      const finish = (isResting: boolean): void => {
        watchers.delete(restart)
        clearTimeout(quiet)
        clearTimeout(bound)
        resolve(isResting)
      }
      const restart = (): void => {
        before = { written: progress.written, trace: activityOf(progress.pid).trace }
        if (progress.ended === null) quiet.refresh()
        else finish(true)
      }
      const look = (): void => {
        // Output may lie unread when this process itself was held up: one turn of the event loop takes it in.
        setImmediate(() => {
          const { trace, isWaiting } = activityOf(progress.pid)
          const isQuiet = progress.written > 0 && progress.unparsed === 0 && progress.written === before.written
          // Over a longer time a program may look around now and then without writing.
          if (isQuiet && isWaiting && (quietMs > STILL_MS || trace === before.trace)) finish(true)
          else restart()
        })
      }
      const quiet = setTimeout(look, quietMs)
      const bound = setTimeout(() => finish(false), within)
      watchers.add(restart)
      if (progress.ended !== null) finish(true)
    })
  }

  return {
    watch,
    comesToRest,
    /** Something was parsed, or the program ended. */
    tell(): void {
      for (const watcher of watchers) watcher()
    },
  }
}
