// All rows, in the order in which they are printed.

import type { Row } from '../storm.ts'
import { errorRows } from './errors.ts'
import { killRows } from './kills.ts'

export const ROWS: readonly Row[] = [...killRows, ...errorRows]
