// The last pulse of the store, for an app that stands open: looked for when the store tells of a change, and now and then. Reads only.

import type { Pulse, Store } from './domain/ports.ts'

/** How often news are looked for where nothing tells of them: counts, the log, trouble and its end. */
const LOOK_MS = 250

export interface Live {
  /** The last pulse; null before the first look. */
  readonly get: () => Pulse | null
  /** Calls the listener with each pulse that differs from the one before. */
  readonly subscribe: (listener: (pulse: Pulse) => void) => () => void
  readonly close: () => void
}

type Watched = Pick<Store, 'pulse' | 'watch'>

const isSame = (a: Pulse, b: Pulse): boolean =>
  a.revision === b.revision &&
  a.keys === b.keys &&
  a.usage === b.usage &&
  a.others === b.others &&
  a.lastSeq === b.lastSeq &&
  a.trouble?.message === b.trouble?.message

export function createLive({ pulse, watch }: Watched): Live {
  const listeners = new Set<(pulse: Pulse) => void>()
  let last: Pulse | null = null
  let isLooking = false
  let isOpen = true

  const look = async (): Promise<void> => {
    if (isLooking) return
    isLooking = true
    try {
      const next = await pulse()
      if (!isOpen || (last !== null && isSame(last, next))) return
      last = next
      for (const listener of listeners) listener(next)
    } finally {
      isLooking = false
    }
  }

  const unwatch = watch(() => void look())
  const timer = setInterval(() => void look(), LOOK_MS)
  void look()
  return {
    get: () => last,
    subscribe(listener) {
      listeners.add(listener)
      if (last !== null) listener(last)
      return () => void listeners.delete(listener)
    },
    close() {
      isOpen = false
      clearInterval(timer)
      unwatch()
    },
  }
}
