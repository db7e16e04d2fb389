// Which command's answer is presented how: as JSON, as a text, as a table on a terminal and tab-separated lines elsewhere.

import { auditAcceptLoss, auditExport, auditHead, auditList, auditVerify } from '../commands/audit.ts'
import { hygiene } from '../commands/hygiene.ts'
import { list, show, users } from '../commands/list.ts'
import { stats, validate } from '../commands/validate.ts'
import type { AuditRecord } from '../domain/audit.ts'
import * as present from './present.ts'
import { anchorText, lossText, reportText } from './present-audit.ts'
import { findingsText } from './present-findings.ts'
import type { Run } from './terminal.ts'

type Presenter<R> = (run: Run, result: R) => void | Promise<void>

/** JSON as it is, or a text of its own. */
const either =
  <R>(text: (result: R, run: Run) => string): Presenter<R> =>
  (run, result) =>
    run.terminal.writeOut(run.isJson ? present.toJson(result) : text(result, run))

/** JSON, a table on a terminal, tab-separated lines otherwise. */
const tabular =
  <R extends { readonly nextCursor: string | null; readonly total: number }>(
    header: readonly string[],
    rows: (result: R) => present.Row[],
    table: (result: R, now: number) => present.Row[],
  ): Presenter<R> =>
  async (run, result) => {
    const { terminal, isJson, isColoured, warn } = run
    if (isJson) return terminal.writeOut(present.toJson(result))
    if (!terminal.isOutputTTY) terminal.writeOut(present.toTabs(rows(result), header))
    else if (result.total === 0) warn('nothing is found')
    else
      terminal.writeOut(
        await terminal.drawTable({
          rows: table(result, terminal.now()),
          flexible: present.FLEXIBLE,
          columns: terminal.columns,
          isColoured,
        }),
      )
    if (result.nextCursor !== null) warn(`there are more, ${result.total} in all; go on with --cursor ${result.nextCursor}`)
  }

const presentRecords: Presenter<AsyncIterable<AuditRecord>> = async (run, records) => {
  const { terminal, isJson, isColoured, parsed } = run
  if (isJson) {
    for await (const record of records) terminal.writeOut(present.toJson(record))
    return
  }
  if (!terminal.isOutputTTY || parsed.texts.has('follow')) {
    terminal.writeOut(present.toTabs([], present.RECORD_COLUMNS))
    for await (const record of records)
      terminal.writeOut(
        present
          .toTabs([present.recordRow(record)], present.RECORD_COLUMNS)
          .split('\n')
          .slice(1)
          .join('\n'),
      )
    return
  }
  const rows: present.Row[] = []
  for await (const record of records) rows.push(present.recordTableRow(record))
  terminal.writeOut(
    rows.length === 0 ? '' : await terminal.drawTable({ rows, flexible: present.FLEXIBLE, columns: terminal.columns, isColoured }),
  )
}

const presentExport: Presenter<{ format: 'jsonl' | 'csv'; records: AsyncIterable<AuditRecord> }> = async (
  { terminal },
  { format, records },
) => {
  if (format === 'csv') terminal.writeOut(present.CSV_HEADER)
  for await (const record of records) terminal.writeOut(format === 'csv' ? present.csvLine(record) : present.toJson(record))
}

export const PRESENTERS: ReadonlyMap<string, Presenter<never>> = new Map<string, Presenter<never>>([
  [validate.words, either(present.verdictText)],
  [list.words, tabular(present.KEY_COLUMNS, present.keyRows, present.keyTable)],
  [users.words, tabular(present.USER_COLUMNS, present.userRows, present.userTable)],
  [show.words, either((life: never, { terminal }) => present.lifeText(life, terminal.now()))],
  [stats.words, either((usage: never, { terminal }) => present.statsText(usage, terminal.isOutputTTY))],
  [auditList.words, presentRecords],
  [auditExport.words, presentExport],
  [auditHead.words, either(anchorText)],
  [auditVerify.words, either(reportText)],
  [auditAcceptLoss.words, either(lossText)],
  [hygiene.words, either(findingsText)],
])
