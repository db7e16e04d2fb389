// What colour a record's action has: what ends or stops is told from what begins, and what was refused from both.

import type { AuditRow } from '../../src/domain/audit.ts'
import type { Role } from '../theme.ts'

export function roleOfAction({ record: { action, outcome }, isProven }: AuditRow): Role {
  if (!isProven) return 'bad'
  if (outcome === 'refused') return 'warn'
  if (action === 'key.revoke' || action === 'key.purge' || action.startsWith('store.') || action === 'audit.accept-loss') return 'bad'
  if (action === 'key.generate' || action === 'key.enable' || action === 'audit.verify') return 'good'
  return action.startsWith('key.') ? 'accent' : 'dim'
}
