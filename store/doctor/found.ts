// How a check says what it found, several findings as one, and an error as a finding. Looks at nothing.

import type { ExaminedOutcome, Found } from '../../src/domain/examination.ts'
import { EXAMINED_OUTCOMES } from '../../src/domain/examination.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import { meaningOf } from '../faults.ts'

/** Of more of a kind only the first are told. */
const MAX_TOLD = 5

export const fine = (detail: string): Found => ({ outcome: 'ok', detail, fix: null })
export const skipped = (detail: string): Found => ({ outcome: 'skipped', detail, fix: null })
export const warning = (detail: string, fix: string | null): Found => ({ outcome: 'warning', detail, fix })
export const problem = (detail: string, fix: string | null): Found => ({ outcome: 'problem', detail, fix })

/** The words of an error that would stop the store. */
export function problemOf(error: unknown): Found {
  return error instanceof KeywrightError
    ? problem(error.message, error.hint ?? null)
    : problem(`it could not be looked at: ${meaningOf(error)}`, 'mend what it says, then run: keywright doctor')
}

/** The worst of several findings with all of that kind; the other text where there is none. */
export function worstOf(found: readonly Found[], otherwise: string): Found {
  const outcome = EXAMINED_OUTCOMES.find((one) => found.some((single) => single.outcome === one))
  if (outcome === undefined || outcome === 'ok') return fine(otherwise)
  const these = found.filter((single) => single.outcome === outcome)
  const fixes = new Set(these.flatMap(({ fix }) => (fix === null ? [] : [fix])))
  return {
    outcome,
    detail: told(these.map(({ detail }) => detail)),
    fix: fixes.size === 0 ? null : [...fixes].slice(0, MAX_TOLD).join('; '),
  }
}

/** Texts one after the other, and how many more there are. */
export function told(texts: readonly string[]): string {
  const more = texts.length - MAX_TOLD
  return `${texts.slice(0, MAX_TOLD).join('; ')}${more > 0 ? `; and ${more} more` : ''}`
}

/** A finding of that severity for each. */
export function foundEach<T>(things: readonly T[], outcome: ExaminedOutcome, words: (thing: T) => Pick<Found, 'detail' | 'fix'>): Found[] {
  return things.map((thing) => ({ outcome, ...words(thing) }))
}
