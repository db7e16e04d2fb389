// Pages of a log on disk: at every seq across tiny segments, with files missing, torn or edited; and searches that find little.

import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { AuditPage, AuditPageQuery, Entry, Head } from '../../src/domain/audit.ts'
import { chainLines, EMPTY_HEAD } from '../../src/domain/audit.ts'
import { isoFrom } from '../../src/domain/time.ts'
import { auditPage } from '../../store/log/page.ts'
import { segmentPath } from '../../store/log/segments.ts'
import { auditTimeline } from '../../store/log/timeline.ts'
import { ACTOR, expectCode, NOON, newPlace } from './harness.ts'

const SECOND_MS = 1000
const RECORDS = 60

const entryAt = (index: number, fields: Partial<Entry> = {}): Entry => ({
  actor: ACTOR,
  at: isoFrom(NOON + index * SECOND_MS),
  action: 'validate.summary',
  keyId: `key_${index % 3}`,
  after: { count: index, since: isoFrom(NOON) },
  ...fields,
})

/** Writes a log whose files have those numbers of records, the last one being the active file. Answers its path. */
function logOf(sizes: readonly number[], entry: (seq: number) => Entry = entryAt): string {
  const { log } = newPlace()
  mkdirSync(dirname(log), { recursive: true })
  let head: Head = EMPTY_HEAD
  for (const [index, size] of sizes.entries()) {
    const from = head.seq + 1
    const made = chainLines(
      head,
      Array.from({ length: size }, (_, place) => entry(from + place)),
    )
    writeFileSync(index === sizes.length - 1 ? log : segmentPath(log, from), made.lines, { mode: 0o600 })
    head = made.head
  }
  return log
}

const read = (log: string, query: Partial<AuditPageQuery> = {}): Promise<AuditPage> =>
  auditPage(log, { filter: {}, around: 'newest', newer: 0, older: 1000, ...query })
const seqs = ({ rows }: AuditPage): number[] => rows.map(({ record }) => record.seq)
const between = (first: number, last: number): number[] => Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => last - index)

const SHAPES: [string, number[]][] = [
  ['one file', [RECORDS]],
  ['segments of one record', Array<number>(RECORDS).fill(1)],
  ['segments of several sizes', [1, 7, 20, 3, 28, 1]],
  ['an empty active file', [30, 30, 0]],
  ['an empty file in the middle', [30, 0, 30]],
]

describe.each(SHAPES)('a log in %s', (_, sizes) => {
  test('is opened at every seq and every moment', async () => {
    const log = logOf(sizes)
    for (let seq = 1; seq <= RECORDS; seq++) {
      const expected = between(Math.max(1, seq - 2), Math.min(RECORDS, seq + 3))
      const bySeq = await read(log, { around: { seq }, newer: 3, older: 3 })
      expect([seq, seqs(bySeq)]).toEqual([seq, expected])
      expect([seq, bySeq.hasNewer, bySeq.hasOlder, bySeq.lastSeq]).toEqual([seq, seq + 3 < RECORDS, seq > 3, RECORDS])
      // A moment between two records means the later one.
      for (const ms of [0, -1, 1 - SECOND_MS])
        expect(await read(log, { around: { at: NOON + seq * SECOND_MS + ms }, newer: 3, older: 3 })).toEqual(bySeq)
    }
    expect(seqs(await read(log))).toEqual(between(1, RECORDS))
    expect(seqs(await read(log, { around: 'oldest', newer: 5, older: 5 }))).toEqual(between(1, 6))
  })

  test('is bounded by since and until at every record', async () => {
    const log = logOf(sizes)
    for (let seq = 1; seq <= RECORDS; seq++) {
      const moment = NOON + seq * SECOND_MS
      expect(seqs(await read(log, { filter: { since: moment } }))).toEqual(between(seq, RECORDS))
      expect(seqs(await read(log, { filter: { until: moment } }))).toEqual(between(1, seq - 1))
      expect(seqs(await read(log, { filter: { since: moment, until: moment + 2 * SECOND_MS, keyId: 'key_0' } }))).toEqual(
        between(seq, Math.min(RECORDS, seq + 1)).filter((one) => one % 3 === 0),
      )
    }
  })

  test('is counted exactly, whatever the spans', async () => {
    const log = logOf(sizes)
    for (const spans of [1, 2, 7, 59, 60, 200]) {
      const [from, to] = [NOON + SECOND_MS, NOON + RECORDS * SECOND_MS]
      const expected = Array<number>(spans).fill(0)
      for (let seq = 1; seq <= RECORDS; seq++) {
        const span = Math.min(spans - 1, Math.floor(((seq - 1) * spans) / (RECORDS - 1)))
        expected[span] = (expected[span] ?? 0) + 1
      }
      expect(await auditTimeline(log, { from: null, to: null, spans })).toEqual({ from, to, counts: expected })
    }
  })
})

describe('a log that is not whole', () => {
  test('a missing segment is passed over, and not counted', async () => {
    const log = logOf([20, 20, 20])
    rmSync(segmentPath(log, 21))
    const there = [...between(41, 60), ...between(1, 20)]
    expect(seqs(await read(log))).toEqual(there)
    for (const seq of [20, 21, 30, 40]) expect(seqs(await read(log, { around: { seq }, newer: 1, older: 1 }))).toEqual([41, 20])
    expect(seqs(await read(log, { filter: { since: NOON + 30 * SECOND_MS } }))).toEqual(between(41, 60))
    expect((await auditTimeline(log, { from: null, to: null, spans: 1 }))?.counts).toEqual([40])
    const halves = await auditTimeline(log, { from: NOON, to: NOON + 60 * SECOND_MS, spans: 2 })
    expect(halves?.counts).toEqual([20, 19])
  })

  test('a missing active file leaves what the segments hold', async () => {
    const log = logOf([20, 20])
    rmSync(log)
    expect(await read(log, { older: 1 })).toMatchObject({ hasOlder: true, lastSeq: 20, rows: [{ record: { seq: 20 } }] })
  })

  test('a torn last line is no record, wherever it is cut', async () => {
    const log = logOf([5, 5])
    const text = readFileSync(log, 'utf8')
    const { lines } = chainLines({ ...EMPTY_HEAD, seq: 10 }, [entryAt(11)])
    for (let cut = 1; cut < lines.length; cut += 13) {
      writeFileSync(log, text + lines.slice(0, cut))
      const page = await read(log)
      expect([seqs(page), page.lastSeq]).toEqual([between(1, 10), 10])
      expect((await auditTimeline(log, { from: null, to: null, spans: 1 }))?.counts).toEqual([10])
    }
    writeFileSync(log, '{"seq":11')
    expect((await read(log)).lastSeq).toBe(5)
  })

  test('an edited record is a row that is not proven; what is no record is none', async () => {
    const log = logOf([10, 10])
    const text = readFileSync(log, 'utf8')
    writeFileSync(log, text.replace('"keyId":"key_2"', '"keyId":"key_9"'))
    const edited = await read(log)
    expect(seqs(edited)).toEqual(between(1, 20))
    expect(edited.rows.filter(({ isProven }) => !isProven).map(({ record }) => record.seq)).toEqual([11])
    expect((await read(log, { filter: { keyId: 'key_9' } })).rows).toMatchObject([{ record: { seq: 11 }, isProven: false }])
    for (const spoiled of ['"seq":"x"', '"seq":1x', '"sec":12']) {
      writeFileSync(log, text.replace('"seq":12', spoiled))
      expect(seqs(await read(log))).toEqual(between(1, 20).filter((seq) => seq !== 12))
      expect(seqs(await read(log, { around: { seq: 12 }, newer: 1, older: 1 }))).toEqual([13, 11])
    }
    appendFileSync(log, 'nonsense\n\n\0\n')
    expect(await read(log, { older: 1 })).toMatchObject({ lastSeq: 20, rows: [{ record: { seq: 20 } }] })
  })

  test('a line longer than any record is passed over, forwards and backwards', async () => {
    const log = logOf([3])
    const [first = '', ...rest] = readFileSync(log, 'utf8').split('\n')
    writeFileSync(log, [first, 'x'.repeat(9 * 1024 * 1024), ...rest].join('\n'))
    expect(seqs(await read(log))).toEqual([3, 2, 1])
    expect(seqs(await read(log, { around: { seq: 0 }, newer: 9 }))).toEqual([3, 2, 1])
    expect(seqs(await read(log, { filter: { keyId: 'key_1' }, around: 'oldest', newer: 9 }))).toEqual([1])
  })

  test('a log that can’t be read is AUDIT_UNAVAILABLE, and one that is not there is empty', async () => {
    const { log } = newPlace()
    expect(await read(log)).toEqual({ rows: [], hasNewer: false, hasOlder: false, lastSeq: 0 })
    expect(await auditTimeline(log, { from: null, to: null, spans: 3 })).toBeNull()
    mkdirSync(log, { recursive: true })
    await expectCode(read(log), 'AUDIT_UNAVAILABLE')
    await expectCode(auditTimeline(log, { from: null, to: null, spans: 3 }), 'AUDIT_UNAVAILABLE')
    const segmented = logOf([5, 5])
    rmSync(segmentPath(segmented, 1))
    mkdirSync(segmentPath(segmented, 1))
    await expectCode(read(segmented), 'AUDIT_UNAVAILABLE')
  })
})

describe('a search through a long log', () => {
  const MANY = 30_000
  const rare = (seq: number): boolean => seq % 7000 === 0
  const longLog = (): string =>
    logOf([MANY / 3, MANY / 3, MANY / 3], (seq) =>
      entryAt(seq, {
        keyId: `key_${seq % 1000}`,
        // What looks like a hit and is none: the needle of an actor stands in every line.
        before: { name: 'zoe' },
        ...(rare(seq) ? { actor: { ...ACTOR, osUser: 'zoe' }, reason: 'Needle in a Haystack' } : {}),
      }),
    )
  const needles = between(1, MANY).filter(rare)

  test('finds the few records that match, from either end and from between', async () => {
    const log = longLog()
    for (const filter of [{ text: 'needle in a HAY' }, { actor: 'zoe' }, { text: 'haystack', actor: 'zoe', action: 'validate' }]) {
      expect(seqs(await read(log, { filter }))).toEqual(needles)
      expect(seqs(await read(log, { filter, around: { seq: 0 }, newer: 100 }))).toEqual(needles)
      const page = await read(log, { filter, around: { seq: 15_000 }, newer: 1, older: 1 })
      expect([seqs(page), page.hasNewer, page.hasOlder]).toEqual([[21_000, 14_000], true, true])
    }
    expect(seqs(await read(log, { filter: { keyId: 'key_0', text: 'needle' } }))).toEqual(needles)
    expect(seqs(await read(log, { filter: { text: 'needle', keyId: 'key_1' } }))).toEqual([])
    expect(await read(log, { filter: { text: 'nowhere' } })).toEqual({ rows: [], hasNewer: false, hasOlder: false, lastSeq: MANY })
  })

  test('and one without a filter misses no line where a piece that is read ends', async () => {
    const log = longLog()
    expect(seqs(await read(log))).toEqual(between(MANY - 999, MANY))
    expect(seqs(await read(log, { around: { seq: 0 }, newer: 1000 }))).toEqual(between(1, 1000))
    expect(seqs(await read(log, { around: { seq: 10_000 }, newer: 1000 }))).toEqual(between(9001, 11_000))
  })

  test('gives every span of letters to the same records, wherever in the log and its pieces they stand', async () => {
    const log = logOf([4000], (seq) => entryAt(seq, { reason: seq % 500 === 0 ? 'x'.repeat(seq % 97) : null, keyId: `key-${seq}-` }))
    for (let seq = 1; seq <= 4000; seq += 37) expect(seqs(await read(log, { filter: { text: `KEY-${seq}-` } }))).toEqual([seq])
    for (const length of [1, 2, 15, 16, 17, 63, 64, 65]) {
      const expected = between(1, 4000).filter((seq) => seq % 500 === 0 && seq % 97 >= length)
      expect(seqs(await read(log, { filter: { text: 'X'.repeat(length) } }))).toEqual(expected)
    }
  })

  test('two searches at once don’t disturb each other', async () => {
    const log = longLog()
    const filters = [{ text: 'haystack' }, { actor: 'zoe' }, { text: 'nowhere' }, { keyId: 'key_0', text: 'needle' }]
    const pages = await Promise.all(filters.map((filter) => read(log, { filter })))
    expect(pages.map(seqs)).toEqual([needles, needles, [], needles])
  })

  test('lets others have their turns, tells of its progress and stops at its signal', async () => {
    const log = longLog()
    let turns = 0
    let isDone = false
    const counting = (async () => {
      for (; !isDone; turns++) await nextTurn()
    })()
    const told: { bytes: number; totalBytes: number; found: number }[] = []
    const filter = { actor: 'zoe' }
    await read(log, { filter, onProgress: (progress) => told.push(progress) })
    isDone = true
    await counting
    expect(turns).toBeGreaterThan(3)
    expect(told.length).toBeGreaterThan(0)
    for (const { bytes, totalBytes, found } of told) {
      expect([bytes > 0, bytes <= totalBytes, found <= needles.length]).toEqual([true, true, true])
    }
    const stop = new AbortController()
    const reason = new Error('another text was typed')
    const searching = read(log, { filter, signal: stop.signal })
    setImmediate(() => stop.abort(reason))
    await expect(searching).rejects.toBe(reason)
  })
})
