// What an examination asks of the files from inside: settings, keys, counts, log, and whether they agree. Changes nothing.

import { brokenLog, byUsage } from '../../src/domain/disagreement.ts'
import type { Found } from '../../src/domain/examination.ts'
import type { Key } from '../../src/domain/key.ts'
import type { RecoveryPlan } from '../../src/domain/recovery.ts'
import { planRecovery, redoAll } from '../../src/domain/recovery.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { shellWord } from '../../src/domain/text.ts'
import { createUsageFile } from '../json/usage-file.ts'
import { segmentPath } from '../log/segments.ts'
import { fine, problem, problemOf, skipped, told, warning, worstOf } from './found.ts'
import type { LogPart, Scene } from './scene.ts'
import { existing } from './scene.ts'

const ACCEPT = 'go on as it is with: keywright audit accept-loss --reason R'

export function lookAtSettings({ settings, config }: Scene): Found {
  if (settings.error !== null) {
    const found = problemOf(settings.error)
    return { ...found, fix: found.fix ?? `mend ${config}, or move it away` }
  }
  if (!existing(config)) return fine('there are none')
  return fine(`${config} sets ${Object.keys(settings.value).join(', ') || 'nothing'}`)
}

const isFormatError = (error: unknown): boolean => error instanceof KeywrightError && error.code === 'STORE_FORMAT'

export function lookAtFormat({ keys }: Scene): Found {
  if (keys.error !== null) return isFormatError(keys.error) ? problemOf(keys.error) : skipped('keys.json could not be read')
  return keys.value.lines === null ? fine('there is no store yet') : fine(keys.value.lines.document.format)
}

export function lookAtKeys({ keys, paths }: Scene): Found {
  if (keys.error !== null) return isFormatError(keys.error) ? skipped('its format is not known') : problemOf(keys.error)
  if (keys.value.lines === null) return fine(`${paths.keys} is not there yet`)
  const { length } = keys.value.lines.document.keys
  return fine(`${length} ${length === 1 ? 'key' : 'keys'}`)
}

export function lookAtUsage({ paths }: Scene): Found {
  if (!existing(paths.usage)) return fine('nothing was counted yet')
  const file = createUsageFile(
    paths.usage,
    () => new Uint8Array(),
    () => undefined,
  )
  try {
    file.refresh()
    const trouble = file.trouble()
    if (trouble !== null) return problemOf(trouble)
    if (!file.isGarbled()) return fine(`calls counted: ${file.document().calls}`)
    return warning(
      `the counts in ${paths.usage} are garbled; keys are verified all the same, and counting begins anew`,
      `put ${paths.usage} back from a backup where its counts matter; else nothing needs to be done: the next count gives it another name`,
    )
  } finally {
    file.close()
  }
}

export function lookAtLog({ log }: Scene): Found {
  if (log.error !== null) return problemOf(log.error)
  const { parts, report } = log.value
  const files = parts.filter(({ path }) => existing(path)).length
  if (files === 0) return fine('there is none')
  return fine(`${report.records} ${report.records === 1 ? 'record' : 'records'} in ${files} ${files === 1 ? 'file' : 'files'}`)
}

export function lookAtSegments({ log, paths }: Scene): Found {
  if (log.error !== null) return skipped('the log could not be read')
  const { parts, report } = log.value
  const found: Found[] = []
  let expected = 1
  for (const part of parts) {
    if (part.first !== null && part.first > expected) found.push(missingBefore(part, expected, paths.log))
    else if (part.path !== paths.log && part.first !== null && part.path !== segmentPath(paths.log, part.first))
      found.push(misnamed(part, segmentPath(paths.log, part.first)))
    expected = (part.last ?? expected - 1) + 1
  }
  const files = parts.length - 1
  // A chain that is whole without them: their loss was accepted.
  if (found.length > 0 && report.firstBad === null) return fine(`${told(found.map(({ detail }) => detail))}; that was accepted`)
  return worstOf(found, files === 0 ? 'the log has not been divided' : `${files} finished, none is missing`)
}

function missingBefore({ path, first }: LogPart, expected: number, log: string): Found {
  return problem(
    `records ${expected} to ${(first ?? 1) - 1} are missing before ${path}`,
    `put ${segmentPath(log, expected)} back from a backup; where there is none, ${ACCEPT}`,
  )
}

function misnamed({ path, first }: LogPart, right: string): Found {
  return problem(
    `${path} begins with seq ${first}, which is not what its name says`,
    existing(right)
      ? `look at both: ${right} is there too; move the one that is no part of this log away, then give the other its name`
      : `mv -n ${shellWord(path)} ${shellWord(right)}`,
  )
}

export function lookAtTornLine({ log, lock, paths }: Scene): Found {
  if (log.error !== null) return skipped('the log could not be read')
  const bytes = log.value.parts.at(-1)?.tornBytes ?? 0
  if (bytes === 0) return fine('none is torn')
  if (lock.kind === 'held') return fine('it is just being written')
  return warning(
    `the last line of ${paths.log}, of ${bytes} bytes, was not finished: a process died writing it; nothing that was answered is lost`,
    `nothing needs to be done: the next change keeps it in ${paths.log}.torn and cuts it off`,
  )
}

export function lookAtChain({ log }: Scene): Found {
  if (log.error !== null) return skipped('the log could not be read')
  const { report, head } = log.value
  const bad = report.problems.filter(({ seq }) => seq !== undefined)
  if (bad.length === 0) return fine(head.seq === 0 ? 'there are no records' : `whole up to seq ${head.seq}`)
  return problem(
    told(bad.map(({ seq, problem: what }) => `seq ${seq} ${what}`)),
    `see all with: keywright audit verify; put the log back from a backup; where there is none, ${ACCEPT}`,
  )
}

export function lookAtKeysAnchor({ keys, keysTail, paths }: Scene): Found {
  if (keysTail.error !== null || keys.error !== null) return skipped('keys.json or the log could not be read')
  const { broken } = keysTail.value
  if (broken !== null) return problemOf(brokenLog(broken, paths))
  return fine(`it holds seq ${keys.value.lines?.document.audit.seq ?? 0}`)
}

export function lookAtUsageAnchor({ usageAnchor, usageTail, paths }: Scene): Found {
  if (usageAnchor.error !== null || usageTail.error !== null) return skipped('the counts or the log could not be read')
  if (usageTail.value === null) return fine('the counts vouch for none')
  const { broken } = usageTail.value
  if (broken === null) return fine(`it holds seq ${usageAnchor.value?.seq ?? 0}`)
  return problemOf(brokenLog(byUsage(broken), paths))
}

/** What the next change will do, or fail to do; null where that can't be said. */
function planOf({ keys, keysTail }: Scene): RecoveryPlan | null {
  if (keys.error !== null || keysTail.error !== null || keysTail.value.broken !== null) return null
  const { records, torn } = keysTail.value
  const anchor = keys.value.lines?.document.audit ?? { seq: 0, hash: '' }
  const plan = planRecovery(anchor, records, torn !== null)
  if (plan.kind !== 'recover') return plan
  const drafted = new Map<string, Key | null>(keys.value.lines?.document.keys.map((key) => [key.id, key]))
  const byId = (id: string): Key | undefined => drafted.get(id) ?? undefined
  const disagreement = redoAll(plan.redo, { byId, set: (id, key) => void drafted.set(id, key) })
  return disagreement === null ? plan : { kind: 'broken', disagreement }
}

const listed = (seqs: readonly number[], what: string): string[] => (seqs.length === 0 ? [] : [`seq ${seqs.join(', ')} is ${what}`])

export function lookAtRecovery(scene: Scene): Found {
  const plan = planOf(scene)
  if (plan === null) return skipped('keys.json and the log could not be compared')
  if (plan.kind === 'none') return fine('nothing is to be recovered')
  if (scene.lock.kind === 'held') return fine('a change is just being made')
  if (plan.kind === 'broken') return problemOf(brokenLog(plan.disagreement, scene.paths))
  const redone = plan.redo.map(({ seq }) => seq)
  return warning(
    `a change died half-way; by the next one ${[...listed(redone, 'done again'), ...listed(plan.rollBack, 'taken back')].join(', ')}`,
    'nothing needs to be done; it is brought to an end now by: keywright audit verify',
  )
}

export function lookAtDigests(scene: Scene): Found {
  const { log, keys, usageTail } = scene
  const plan = planOf(scene)
  const isWhole = log.value?.report.firstBad === null && (usageTail.value?.broken ?? null) === null
  if (log.error !== null || keys.error !== null || plan === null || plan.kind === 'broken' || !isWhole)
    return skipped('keys can only be compared with a log that is whole')
  const bad = log.value.report.problems
  if (bad.length === 0) return fine('keys and log agree')
  return problem(
    told(bad.map(({ keyId, problem: what }) => `${keyId === undefined ? '' : `key ${keyId} `}${what}`)),
    `see all with: keywright audit verify; put ${scene.paths.keys} back from a backup; where it is right as it is, ${ACCEPT}`,
  )
}
