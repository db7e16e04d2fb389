// Closing a store whose server may have gone silent: what is under way is waited for as long as the server answers anything at all.

import type { Database } from './connection.ts'
import { faultOf } from './connection.ts'

/** A server that has answered nothing for so long is given up. */
export const SILENT_MS = 2_000
/** What ends sooner asks nobody whether the server is there. */
const ASK_AFTER_MS = 500

/**
 * Ends as that does. Once the server is silent `cut` is called, which must make it fail or end at once: it fails where something
 * was still to be saved. `asked`: a connection of its own, for nothing but the question.
 */
export async function whileAnswered(ending: Promise<void>, asked: Database, cut: () => void): Promise<void> {
  const ended = ending.catch(() => undefined)
  try {
    while (!(await isWithin(ended, ASK_AFTER_MS))) {
      // A refusal is an answer too.
      const answered = asked.query('SELECT 1').catch(() => undefined)
      if (await isWithin(Promise.race([ended, answered]), SILENT_MS - ASK_AFTER_MS)) continue
      cut()
      await ending.catch((cause: unknown) => {
        throw faultOf(asked.name, 'closing', new Error('timeout expired', { cause }))
      })
    }
    await ending
  } finally {
    asked.cut()
  }
}

async function isWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}
