// Whether the rows of the log's table say what their lines say: a column that lies hides a record from who looks for it. Pure.

import type { AuditRecord } from '../../src/domain/audit.ts'
import { parseRecord } from '../../src/domain/audit.ts'
import type { AuditReport } from '../../src/domain/audit-check.ts'
import type { AuditProblem, SeqRange } from '../../src/domain/problem-list.ts'
import { createProblemList } from '../../src/domain/problem-list.ts'
import { isoFrom } from '../../src/domain/time.ts'

/** A row as the verification reads it; `at` in seconds since 1970. */
export interface AuditTableRow {
  readonly seq: number
  readonly at: number
  readonly line: string
  readonly action: string | null
  readonly key_id: string | null
  readonly user_id: string | null
  readonly actor: string | null
  readonly os_user: string | null
}

export const TABLE_ROW = "seq, date_part('epoch', at) AS at, line, action, key_id, user_id, actor, os_user"

/** Notes beyond are left out. */
const MAX_NOTES = 1_000

const instantOf = (seconds: number): string => {
  const ms = Math.round(seconds * 1000)
  return Number.isFinite(new Date(ms).getTime()) ? isoFrom(ms) : String(seconds)
}

/** Whether the line begins and goes on as Keywright writes it for these columns: a twentieth of what parsing it costs. */
function isAsWritten({ seq, at, line, action, key_id, user_id, actor, os_user }: AuditTableRow): boolean {
  const begin = `{"seq":${seq},"at":"${instantOf(at)}","actor":{"name":${JSON.stringify(actor)},"osUser":${JSON.stringify(os_user)},"host":`
  const middle = `"},"action":${JSON.stringify(action)},"keyId":${JSON.stringify(key_id)},"userId":${JSON.stringify(user_id)},"outcome":"`
  return line.startsWith(begin) && line.includes(middle, begin.length)
}

/** What a row says otherwise than its record. */
function contradictionsIn(row: AuditTableRow, record: AuditRecord): string[] {
  const columns: readonly (readonly [column: string, is: string | null, should: string | null])[] = [
    ['seq', String(row.seq), String(record.seq)],
    ['at', instantOf(row.at), record.at],
    ['action', row.action, record.action],
    ['key_id', row.key_id, record.keyId],
    ['user_id', row.user_id, record.userId],
    ['actor', row.actor, record.actor.name],
    ['os_user', row.os_user, record.actor.osUser],
  ]
  return columns.flatMap(([column, is, should]) => (is === should ? [] : [column]))
}

export interface RowCheck {
  readonly add: (row: AuditTableRow, line: Buffer) => void
  /** A problem that no row tells of. */
  readonly bad: (problem: AuditProblem) => void
  /** What was found up to there is accepted, as far as the record names it. */
  readonly accept: (loss: AuditRecord) => void
  /** From the first to the last record that is contradicted; null where none is. */
  readonly range: () => SeqRange | null
  /** The report of the lines, with what the rows say besides. */
  readonly finish: (report: AuditReport) => AuditReport
}

export function createRowCheck(): RowCheck {
  const problems = createProblemList()
  const notes: string[] = []

  return {
    bad: problems.add,
    add(row, line) {
      if (isAsWritten(row)) return
      const record = parseRecord(line)
      // What is wrong with the line itself the check of the log says.
      const columns = typeof record === 'string' ? [] : contradictionsIn(row, record)
      if (typeof record === 'string' || columns.length === 0) return
      problems.add({ seq: record.seq, problem: `its row says otherwise than its line, in ${columns.join(', ')}` })
    },
    accept: (loss) => void notes.push(...problems.accept(loss).slice(0, MAX_NOTES - notes.length)),
    range: problems.range,
    finish(report) {
      const seqs = [report.firstBad, problems.range()?.from].filter((seq) => seq != null)
      const listed = problems.listed()
      const unlisted = problems.count() - listed.length
      return {
        ...report,
        ok: report.ok && problems.count() === 0,
        firstBad: seqs.length === 0 ? null : Math.min(...seqs),
        problems: [...report.problems, ...listed],
        notes: [...report.notes, ...notes, ...(unlisted > 0 ? [`${unlisted} more rows that contradict their lines are not listed`] : [])],
      }
    },
  }
}
