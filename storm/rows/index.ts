// All rows, in the order in which they are printed.

import type { Row } from '../storm.ts'
import { damageRows } from './damage.ts'
import { errorRows } from './errors.ts'
import { killRows } from './kills.ts'
import { processRows } from './processes.ts'
import { tamperRows } from './tamper.ts'

export const ROWS: readonly Row[] = [...killRows, ...errorRows, ...damageRows, ...processRows, ...tamperRows]
