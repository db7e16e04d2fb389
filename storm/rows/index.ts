// All rows, in the order in which they are printed.

import type { Row } from '../storm.ts'
import { damageRows } from './damage.ts'
import { diskRows } from './disks.ts'
import { errorRows } from './errors.ts'
import { inputRows } from './inputs.ts'
import { killRows } from './kills.ts'
import { placeRows } from './places.ts'
import { postgresRows } from './postgres.ts'
import { postgresFaultRows } from './postgres-faults.ts'
import { postgresTamperRows } from './postgres-tamper.ts'
import { processRows } from './processes.ts'
import { secretRows } from './secrets.ts'
import { tamperRows } from './tamper.ts'
import { timeRows } from './times.ts'

export const ROWS: readonly Row[] = [
  ...killRows,
  ...errorRows,
  ...damageRows,
  ...diskRows,
  ...placeRows,
  ...processRows,
  ...tamperRows,
  ...timeRows,
  ...inputRows,
  ...secretRows,
  ...postgresRows,
  ...postgresFaultRows,
  ...postgresTamperRows,
]
