// All rows, in the order in which they are printed.

import type { Row } from '../bench.ts'
import { auditRows } from './audit.ts'
import { changeRows } from './change.ts'
import { limitRows } from './limits.ts'
import { openRows } from './open.ts'
import { pauseRows } from './pauses.ts'
import { postgresRows } from './postgres.ts'
import { postgresChangeRows } from './postgres-changes.ts'
import { postgresListRows } from './postgres-lists.ts'
import { postgresYearRows } from './postgres-year.ts'
import { processRows } from './processes.ts'
import { refusalRows } from './refusals.ts'
import { terminalRows } from './terminal.ts'
import { verificationRows } from './verification.ts'
import { windowRows } from './windows.ts'

export const ROWS: readonly Row[] = [
  ...verificationRows,
  ...refusalRows,
  ...limitRows,
  ...pauseRows,
  ...changeRows,
  ...openRows,
  ...auditRows,
  ...processRows,
  ...windowRows,
  ...terminalRows,
  ...postgresRows,
  ...postgresChangeRows,
  ...postgresListRows,
  ...postgresYearRows,
]
