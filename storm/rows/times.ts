// Clocks that step back and forth, and limits under adversarial arrivals: through the library's door, on a clock that the storm moves.

import { ApiKeyManager } from '../../src/index.ts'
import { storeIn } from '../../test/crash/scenarios.ts'
import { exactLog, PATTERNS, quickRandom, worstIn } from '../../test/domain/arrivals.ts'
import { placeAt } from '../../test/store/place.ts'
import { judged } from '../aftermath.ts'
import type { Row, Storm, Wrong } from '../storm.ts'
import { upTo } from '../storm.ts'

const START = Date.UTC(2026, 10, 23, 12)
const HOUR_MS = 3_600_000
const STEPS_MS = [-HOUR_MS, -HOUR_MS, 365 * 24 * HOUR_MS, -24 * HOUR_MS, HOUR_MS, 1000, 0] as const
const STEPS = 20

/** A life of keys while the clock steps: what was refused for good stays refused, and the log's time never goes back. */
async function tryClock(storm: Storm, wrong: Wrong): Promise<void> {
  const folder = storm.newFolder()
  let now = START
  let latest = now
  const manager = await ApiKeyManager.open({ store: storeIn(folder), clock: () => now, onWarning: () => undefined })
  const known = new Map<string, string>()
  for (const step of upTo(STEPS)) {
    const { token, key } = await manager.generateApiKey({ userId: 'ann', expiresInDays: 1 + storm.below(400) })
    const { code: first } = await manager.validateApiKey(token)
    // Behind a step back the process still verifies by the later time: a short life may be over at once.
    if (first !== 'VALID' && now === latest) wrong(`a new key is ${first} at step ${step}`)
    known.set(token, first)
    const fate = storm.below(3)
    if (fate === 0) await manager.revokeApiKey(key.id, { reason: 'over' })
    else if (fate === 1) known.set((await manager.rotateApiKey(key.id, { graceSeconds: storm.below(7200) })).token, 'VALID')
    now += STEPS_MS[storm.below(STEPS_MS.length)] as number
    latest = Math.max(latest, now)
    for (const [shown, before] of known) {
      const { code } = await manager.validateApiKey(shown)
      if (before !== 'VALID' && code === 'VALID') wrong(`a token that was ${before} is valid again after step ${step}`)
      known.set(shown, code)
    }
  }
  await manager.close()
  const times = placeAt(folder)
    .records()
    .map(({ at }) => at)
  if (times.some((at, index) => index > 0 && at < (times[index - 1] as string))) wrong('the log’s time goes back')
  judged(folder, 'in the end').forEach(wrong)
}

async function clocks(storm: Storm): Promise<void> {
  const trials = storm.trials(`a life of ${STEPS} keys, the clock stepping back an hour or a day, forth a year`)
  await trials.each(upTo(storm.size(200, 5)), (_, wrong) => tryClock(storm, wrong))
}

const WINDOW_SECONDS = 60
const WINDOW_MS = WINDOW_SECONDS * 1000
const WINDOWS = 10

async function limits(storm: Storm): Promise<void> {
  const trials = storm.trials('a limit under adversarial arrivals: never more in any window, at least 0.95 of an exact log')
  const folder = storm.newFolder()
  let now = START
  const manager = await ApiKeyManager.open({
    store: storeIn(folder),
    clock: () => now,
    flushIntervalMs: 60_000,
    onWarning: () => undefined,
  })
  let [most, least] = [0, 1]
  const cases = Object.entries(PATTERNS).flatMap(([name, pattern]) =>
    Array.from(upTo(storm.size(40, 1)), () => ({
      name,
      pattern,
      limit: 1 + storm.below(storm.size(1000, 60)),
      seed: storm.below(2 ** 31),
    })),
  )
  await trials.each(
    cases,
    async ({ pattern, limit, seed }, wrong) => {
      const { token } = await manager.generateApiKey({ userId: 'ann', rateLimits: [{ limit, windowSeconds: WINDOW_SECONDS }] })
      const begin = now + WINDOW_MS
      const exact = exactLog(limit, WINDOW_MS)
      const admitted: number[] = []
      for (const at of pattern(limit, WINDOW_MS, WINDOWS, quickRandom(seed)).map((ms) => Math.floor(ms))) {
        now = begin + at
        exact.take(at)
        if ((await manager.validateApiKey(token)).valid) admitted.push(at)
      }
      const worst = worstIn(admitted, WINDOW_MS) / limit
      const share = admitted.length / Math.max(1, exact.admitted.length)
      most = Math.max(most, worst)
      least = Math.min(least, share)
      if (worst > 1 || share < 0.95) wrong(`${worst} of the limit in a window, ${share} of an exact log`)
    },
    { name: ({ name, limit, seed }) => `${name}, limit ${limit}, seed ${seed}` },
  )
  await manager.close()
  trials.measured('most in a window', most, '× the limit')
  trials.measured('least admitted', least, '× an exact log')
}

export const timeRows: readonly Row[] = [
  { name: 'clocks', about: 'clock backwards by an hour, forwards by a year: log time never goes back, nothing revives', run: clocks },
  { name: 'limits', about: 'rate limits: at most 1.000 × the limit in any window, at least 0.95 × an exact log', run: limits },
]
