// Flushes open managers when the process is about to end, and then lets it end as it would have.

type Flush = () => Promise<void>

const SIGNALS = ['SIGINT', 'SIGTERM'] as const
const flushes = new Set<Flush>()

const flushAll = async (): Promise<void> => {
  await Promise.allSettled([...flushes].map((flush) => flush()))
}

/** Where the host listens to the signal itself, it also decides what becomes of the process. */
const onSignal = (signal: NodeJS.Signals): void => {
  const isHostListening = process.listenerCount(signal) > 1
  flushAll().finally(() => {
    if (isHostListening) return
    stopListening()
    process.kill(process.pid, signal)
  })
}

const onBeforeExit = (): void => void flushAll()

function stopListening(): void {
  for (const signal of SIGNALS) process.off(signal, onSignal)
  process.off('beforeExit', onBeforeExit)
}

/** Registers a flush for SIGINT, SIGTERM and beforeExit; answers what takes it back. */
export function onProcessEnd(flush: Flush): () => void {
  if (flushes.size === 0) {
    for (const signal of SIGNALS) process.on(signal, onSignal)
    process.on('beforeExit', onBeforeExit)
  }
  flushes.add(flush)
  return () => {
    if (flushes.delete(flush) && flushes.size === 0) stopListening()
  }
}
