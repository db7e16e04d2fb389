// Settling before notes go on the log: counts are kept, not refused, while an operator has yet to bring log and store together.

import type { Actor } from '../../src/domain/audit.ts'
import type { Warn } from '../../src/domain/ports.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import type { Committing } from './commit.ts'
import { settle } from './commit.ts'

/** Answers false while the log is broken, and tells of it once: nobody may ever ask for a change in a process that only verifies. */
export function createNoteSettling(committing: Committing, actor: Actor, warn: Warn): () => Promise<boolean> {
  let told = ''
  return async () => {
    try {
      await settle(committing, actor, 'note')
      told = ''
      return true
    } catch (error) {
      if (!(error instanceof KeywrightError && error.code === 'AUDIT_BROKEN')) throw error
      const { code, message, hint } = error
      if (message !== told) warn({ code, message: hint === undefined ? message : `${message}; ${hint}` })
      told = message
      return false
    }
  }
}
