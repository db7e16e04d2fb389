// Flushes open managers when the process is about to end, and then lets it end as it would have.

type Flush = () => Promise<void>

const SIGNALS = ['SIGINT', 'SIGTERM'] as const
/** How long a signal waits for the flush: a busy store must not keep a process from ending. */
const SIGNAL_WAIT_MS = 1000
const SHARED = Symbol.for('keywright.flushes')

/** One set for the process: two copies of the library must not take each other for the host's own listener. */
const flushes: Set<Flush> = ((globalThis as Record<symbol, unknown>)[SHARED] as Set<Flush> | undefined) ?? new Set<Flush>()
Object.assign(globalThis, { [SHARED]: flushes })

const flushAll = (): Promise<PromiseSettledResult<void>[]> => Promise.allSettled([...flushes].map((flush) => flush()))

let isEnding = false

/** Where the host listens to the signal itself, it also decides what becomes of the process. */
const onSignal = (signal: NodeJS.Signals): void => {
  // Asked first, before the host's once-listeners take themselves away.
  const isHostListening = process.listenerCount(signal) > 1
  const end = (): void => {
    if (isHostListening) return
    stopListening()
    process.kill(process.pid, signal)
  }
  if (isEnding) {
    end()
    return
  }
  isEnding = !isHostListening
  const tooLong = new Promise((resolve) => setTimeout(resolve, SIGNAL_WAIT_MS).unref())
  void Promise.race([flushAll(), tooLong]).then(end)
}

/** Once: a flush that fails is not tried for ever by a process that has nothing else to do. */
const onBeforeExit = (): void => void flushAll()

function stopListening(): void {
  for (const signal of SIGNALS) process.off(signal, onSignal)
  process.off('beforeExit', onBeforeExit)
}

/** Registers a flush for SIGINT, SIGTERM and beforeExit; answers what takes it back. */
export function onProcessEnd(flush: Flush): () => void {
  if (flushes.size === 0) {
    for (const signal of SIGNALS) process.prependListener(signal, onSignal)
    process.once('beforeExit', onBeforeExit)
  }
  flushes.add(flush)
  return () => {
    if (flushes.delete(flush) && flushes.size === 0) stopListening()
  }
}
