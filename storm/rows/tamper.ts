// Hands in the files: every byte of the log, every line, the tail, other files, the keys. The product and the judge name the first wrong record.

import { readFileSync, writeFileSync } from 'node:fs'
import { sha256 } from '../../src/domain/audit.ts'
import type { Vouched } from '../../src/domain/audit-check.ts'
import { createAuditCheck } from '../../src/domain/audit-check.ts'
import { ApiKeyManager } from '../../src/index.ts'
import { copyFolder, storeIn, withManager } from '../../test/crash/scenarios.ts'
import { placeAt } from '../../test/store/place.ts'
import type { JudgedKeys } from '../judge/files.ts'
import { judgeKeys } from '../judge/files.ts'
import { judgeFiles, judgeStore } from '../judge/judge.ts'
import { splitLines } from '../judge/records.ts'
import type { Row, Storm, Trials, Wrong } from '../storm.ts'
import { upTo } from '../storm.ts'

const KEYS = 5
const OTHER_RECORDS = 20

const NEWLINE = 10
const FLIPS_ON_DISK = 500

interface Made {
  readonly folder: string
  readonly keysBytes: Buffer
  readonly keys: JudgedKeys
  readonly log: Buffer
}

/** A store with a log of so many records over five keys. */
async function storeOf(storm: Storm, records: number): Promise<Made> {
  const folder = storm.newFolder()
  await withManager(folder, async (manager) => {
    const made = await Promise.all(Array.from(upTo(KEYS), (number) => manager.generateApiKey({ userId: `u${number}` })))
    for (let round = 1; round < records / KEYS; round++)
      await Promise.all(made.map(({ key }) => manager.updateApiKey(key.id, { name: `${round}` })))
  })
  const keysBytes = readFileSync(storeIn(folder))
  return { folder, keysBytes, keys: judgeKeys(keysBytes), log: readFileSync(placeAt(folder).log) }
}

function vouchedBy({ anchor, lines }: JudgedKeys): Vouched {
  return {
    anchors: [{ by: 'keys.json', anchor }],
    keyDigests: new Map([...lines].map(([id, line]) => [id, sha256(line)])),
    allKeysDigest: sha256([...lines.values()].join('\n')),
    seenSeq: anchor.seq,
  }
}

interface Spoiled {
  readonly what: string
  readonly log: Buffer
  readonly firstBad: number
}

/** The product's check of a log's bytes, and the judge's: both name that record. */
function compare({ keys, keysBytes }: Made, { log, firstBad }: Omit<Spoiled, 'what'>, wrong: Wrong): void {
  const check = createAuditCheck(vouchedBy(keys))
  for (const line of splitLines(log).lines) check.add(line)
  const found = check.finish()
  if (found.ok || found.firstBad !== firstBad) wrong(`audit verify names seq ${found.firstBad} instead of ${firstBad}`)
  const judgement = judgeFiles({ keys: keysBytes, usage: null, log: [{ firstSeq: null, bytes: log }] })
  if (judgement.firstBad !== firstBad) wrong(`the judge names seq ${judgement.firstBad} instead of ${firstBad}`)
}

async function tryFlips(storm: Storm, made: Made, trials: Trials): Promise<void> {
  const log = Buffer.from(made.log)
  const seqs = new Uint32Array(log.length)
  for (let at = 1, seq = 1; at < log.length; at++) seqs[at] = log[at - 1] === 10 ? ++seq : seq
  seqs[0] = 1
  // What a bound cuts off is a fair sample: positions in an order of the seed's.
  const positions = storm.shuffled(Array.from(upTo(log.length))).slice(0, storm.size(log.length, 400))
  await trials.each(
    positions,
    (at, wrong) => {
      const byte = log[at] as number
      log[at] = byte ^ (1 << storm.below(8))
      compare(made, { log, firstBad: seqs[at] as number }, wrong)
      log[at] = byte
    },
    { name: (at) => `byte ${at} of seq ${seqs[at]}` },
  )
}

/** The same on disk, through all that reads files; bytes of lines, not their ends. */
async function tryFlipsOnDisk(storm: Storm, made: Made, trials: Trials): Promise<void> {
  const positions = storm.shuffled(Array.from(upTo(made.log.length)).filter((at) => made.log[at] !== NEWLINE))
  await trials.each(
    positions.slice(0, storm.size(FLIPS_ON_DISK, 10)),
    (at, wrong) => {
      const log = Buffer.from(made.log)
      log[at] = (log[at] as number) ^ 0x40
      const seq = log.subarray(0, at).reduce((count, byte) => count + (byte === NEWLINE ? 1 : 0), 1)
      return onDisk(storm, made, (copy) => writeFileSync(placeAt(copy).log, log), seq, wrong)
    },
    { name: (at) => `byte ${at}` },
  )
}

const joined = (lines: readonly Buffer[]): Buffer => Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]))

function* spoiledLines({ log }: Made): Generator<Spoiled> {
  const { lines } = splitLines(log)
  for (const [index, line] of lines.entries()) {
    const firstBad = index + 1
    const next = lines[index + 1]
    yield { what: 'deleted', log: joined(lines.toSpliced(index, 1)), firstBad }
    yield { what: 'doubled', log: joined(lines.toSpliced(index, 0, line)), firstBad }
    yield { what: 'the last', log: joined(lines.slice(0, index)), firstBad }
    yield { what: 'cut in its middle', log: Buffer.concat([joined(lines.slice(0, index)), line.subarray(0, line.length / 2)]), firstBad }
    if (next !== undefined) yield { what: 'swapped with the next', log: joined(lines.toSpliced(index, 2, next, line)), firstBad }
  }
}

/** Edits of keys.json by hand, and the ids that they touch. */
function* keyEdits({ lines }: JudgedKeys): Generator<{ what: string; lines: string[]; named: string[] }> {
  const all = [...lines.values()]
  const stranger = (line: string): string =>
    line.replace(/key_\w{12}/, 'key_Stranger0000').replace(/"shortId":"\w{12}"/, '"shortId":"Stranger0000"')
  for (const [index, [id, line]] of [...lines].entries()) {
    yield { what: 'edited', lines: all.toSpliced(index, 1, line.replace('"tags":[]', '"tags":["mine"]')), named: [id] }
    yield { what: 'removed', lines: all.toSpliced(index, 1), named: [id] }
    yield { what: 'added', lines: [...all, stranger(line)], named: ['key_Stranger0000'] }
    yield { what: 'exchanged', lines: all.toSpliced(index, 1, stranger(line)), named: [id, 'key_Stranger0000'] }
  }
}

/** A copy of the store with other files, as a manager that only reads sees it, and as the judge does. */
async function onDisk(
  storm: Storm,
  { folder }: Made,
  spoil: (copy: string) => void,
  expected: number | readonly string[],
  wrong: Wrong,
): Promise<void> {
  const copy = storm.newFolder()
  copyFolder(folder, copy)
  spoil(copy)
  const manager = await ApiKeyManager.open({ store: storeIn(copy), readOnly: true, onWarning: () => undefined })
  const { ok, firstBad, problems } = await manager.verifyAudit()
  await manager.close()
  const judgement = judgeStore(storeIn(copy))
  const shown = (seq: number | null, ids: readonly (string | undefined)[]): string =>
    typeof expected === 'number' ? `${seq}` : [...ids].sort().join()
  const right = typeof expected === 'number' ? `${expected}` : [...expected].sort().join()
  if (
    ok ||
    shown(
      firstBad,
      problems.map(({ keyId }) => keyId),
    ) !== right
  )
    wrong(`audit verify names ${JSON.stringify(problems)} instead of ${right}`)
  if (shown(judgement.firstBad, judgement.wrongKeys) !== right) wrong(`the judge names ${JSON.stringify(judgement)} instead of ${right}`)
}

async function tamper(storm: Storm): Promise<void> {
  const made = await storeOf(storm, storm.size(200, 50))
  const other = await storeOf(storm, OTHER_RECORDS)
  const whole = storm.trials('the whole log: nothing is found')
  await whole.each([made.folder], (folder, wrong) => {
    const { isWhole, wrong: found } = judgeStore(storeIn(folder))
    if (!isWhole) wrong(found.join())
  })
  const lines = storm.trials('each line deleted, swapped, doubled, cut, the tail cut there')
  await lines.each(spoiledLines(made), (spoiled, wrong) => compare(made, spoiled, wrong), {
    name: ({ what, firstBad }) => `seq ${firstBad} ${what}`,
  })
  const keys = storm.trials('keys of keys.json edited, removed, added, exchanged by hand')
  await keys.each(
    keyEdits(made.keys),
    (edit, wrong) => {
      const [header = ''] = made.keysBytes.toString('utf8').split('\n')
      const text = `${header}\n${edit.lines.join(',\n')}\n]}\n`
      return onDisk(storm, made, (copy) => writeFileSync(storeIn(copy), text), edit.named, wrong)
    },
    { name: ({ what }) => what },
  )
  const files = storm.trials('the log on disk exchanged for another, emptied, garbled')
  const logs: [what: string, log: Buffer, firstBad: number][] = [
    ['another store’s', other.log, OTHER_RECORDS + 1],
    ['empty', Buffer.alloc(0), 1],
    ['no log', Buffer.from('no log\n'), 1],
  ]
  await files.each(
    logs,
    ([, log, firstBad], wrong) => onDisk(storm, made, (copy) => writeFileSync(placeAt(copy).log, log), firstBad, wrong),
    { name: ([what]) => what },
  )
  await tryFlipsOnDisk(storm, made, storm.trials('one bit flipped in a byte of the log on disk'))
  await tryFlips(storm, made, storm.trials('one bit flipped in each byte of the log, each by itself'))
}

export const tamperRows: readonly Row[] = [
  { name: 'tamper', about: 'the log and the keys edited by hand: found, and the first wrong record named', lines: 6, run: tamper },
]
