// The registry: every operation of Keywright, in the order of the help. A new one is a new file and a line here.

import { auditAcceptLoss, auditExport, auditHead, auditList, auditVerify } from './audit.ts'
import type { Command } from './command.ts'
import { copy } from './copy.ts'
import { demo } from './demo.ts'
import { disable, enable } from './disable.ts'
import { doctor } from './doctor.ts'
import { generate } from './generate.ts'
import { graceEnd, graceExtend } from './grace.ts'
import { hygiene } from './hygiene.ts'
import { list, show, users } from './list.ts'
import { migrate } from './migrate.ts'
import { purge } from './purge.ts'
import { revoke } from './revoke.ts'
import { rotate } from './rotate.ts'
import { scopeAdd, scopeRemove, scopeSet } from './scope.ts'
import { update } from './update.ts'
import { stats, validate } from './validate.ts'

export const COMMANDS: readonly Command[] = [
  generate,
  validate,
  list,
  show,
  users,
  stats,
  rotate,
  graceEnd,
  graceExtend,
  revoke,
  disable,
  enable,
  scopeAdd,
  scopeRemove,
  scopeSet,
  update,
  purge,
  auditList,
  auditHead,
  auditVerify,
  auditExport,
  auditAcceptLoss,
  hygiene,
  doctor,
  migrate,
  copy,
  demo,
]
