// What an examination asks about the log's second place and the keys that sign and prove the log. Delivers nothing, makes no file.

import { dirname } from 'node:path'
import type { Anchor } from '../../src/domain/audit.ts'
import { parseRecord } from '../../src/domain/audit.ts'
import type { Found } from '../../src/domain/examination.ts'
import { shellWord } from '../../src/domain/text.ts'
import { readPublicKey, readSigningKey } from '../log/audit-key.ts'
import { goesOnBehind } from '../log/behind.ts'
import { linesBackward } from '../log/read.ts'
import { createDelivered } from '../sink/delivered.ts'
import { fileOf } from '../sink/file-sink.ts'
import { sinkAt } from '../sink/kinds.ts'
import { fine, problem } from './found.ts'
import type { Scene } from './scene.ts'
import { existing } from './scene.ts'

export async function lookAtSink({ settings, surroundings, paths, log }: Scene): Promise<Found> {
  const address = surroundings.auditSink ?? settings.value?.auditSink ?? ''
  if (address === '') return fine('there is none')
  const sink = sinkAt(address)
  if ('problem' in sink) return problem(sink.problem, 'mend auditSink in keywright.config.json or KEYWRIGHT_AUDIT_SINK')
  const file = fileOf(address)
  if (file !== null && !existing(dirname(file)))
    return problem(
      `the folder of the sink ${address} is not there: every change is refused`,
      `make it: mkdir -p -m 700 ${shellWord(dirname(file))}`,
    )
  const last = file === null ? await createDelivered(paths.keys, address).read() : await lastIn(file)
  const head = log.value?.head.seq ?? 0
  if (last === null) return fine(`${address} has nothing yet; it gets all ${head} records with the next change`)
  if (last !== 'garbled' && (await goesOnBehind(paths.log, last)))
    return fine(`${address} has the records up to seq ${last.seq} of ${head}`)
  return problem(
    last === 'garbled'
      ? `the last line of the sink ${address} is no record: every change is refused`
      : `the sink ${address} holds a record of seq ${last.seq} that the log does not: every change is refused`,
    'the log was cut or put back, or the sink is another one’s: compare them, then move the sink’s file away',
  )
}

async function lastIn(path: string): Promise<Anchor | 'garbled' | null> {
  if (!existing(path)) return null
  for await (const { bytes, isWhole } of linesBackward(path)) {
    if (!isWhole) continue
    const record = parseRecord(bytes)
    return typeof record === 'string' ? 'garbled' : { seq: record.seq, hash: record.hash }
  }
  return null
}

export function lookAtAuditKeys({ surroundings, paths, isInsecureAllowed }: Scene): Found {
  const { signing, public: proving } = surroundings.auditKeys
  const awayFrom = [dirname(paths.keys), dirname(paths.log)]
  readSigningKey(signing, { awayFrom, isInsecureAllowed, warn: () => undefined })
  if (proving !== undefined) readPublicKey(proving)
  const told = [...(signing === undefined ? [] : [`${signing} signs the log`]), ...(proving === undefined ? [] : [`${proving} proves it`])]
  return fine(told.length === 0 ? 'there are none' : told.join(', '))
}
