// Waiting for what a program draws: for a frame, for its end, for rest. Each wait is woken by events and ends at its bound; none sleeps.

import { isAtRest } from './process-state.ts'

export interface Exit {
  readonly exitCode: number
  /** Like SIGTERM; null when the program ended by itself. */
  readonly signal: string | null
}

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

  /** Whether the program comes to rest within the bound: it wrote something, then nothing for `quietMs`, and waits for input. */
  function comesToRest(quietMs: number, within: number): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (isResting: boolean): void => {
        watchers.delete(onProgress)
        clearTimeout(quiet)
        clearTimeout(bound)
        resolve(isResting)
      }
      const onProgress = (): void => {
        if (progress.ended !== null) finish(true)
        else quiet.refresh()
      }
      const look = (): void => {
        const before = progress.written
        // Output may lie unread when this process itself was held up: one turn of the event loop takes it in.
        setImmediate(() => {
          const isQuiet = before > 0 && progress.written === before && progress.unparsed === 0
          if (progress.ended !== null || (isQuiet && isAtRest(progress.pid))) finish(true)
          else quiet.refresh()
        })
      }
      const quiet = setTimeout(look, quietMs)
      const bound = setTimeout(() => finish(false), within)
      watchers.add(onProgress)
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
