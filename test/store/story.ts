// States of an embedded store as a death, a restored backup or a hand could leave them, built out of a store that was used.

import { rmSync, writeFileSync } from 'node:fs'
import { expect } from 'vitest'
import type { AuditRecord, Entry } from '../../src/domain/audit.ts'
import type { ApiKeyManager, AuditReport } from '../../src/index.ts'
import type { Place } from './harness.ts'
import { linesOf, newPlace, openManagerAt } from './harness.ts'

/** A place whose store was used by one manager that is closed now. */
export interface Story {
  readonly place: Place
  /** The text of keys.json before each step of the story, and after the last. */
  readonly versions: readonly string[]
  readonly last: string
}

export type Step = (manager: ApiKeyManager) => Promise<unknown>

/** Runs the steps one after the other. */
export async function tell(steps: readonly Step[], options: Parameters<typeof openManagerAt>[1] = {}): Promise<Story> {
  const place = newPlace()
  const manager = await openManagerAt(place, options)
  const versions: string[] = []
  for (const step of steps) {
    versions.push(textOrNothing(place))
    await step(manager)
  }
  await manager.close()
  const last = textOrNothing(place)
  return { place, versions: [...versions, last], last }
}

function textOrNothing({ files, text }: Place): string {
  return files().includes('keys.json') ? text() : ''
}

/** Puts a keys.json back; nothing removes the file. */
export function putBack({ keys }: Place, text: string): void {
  if (text === '') rmSync(keys)
  else writeFileSync(keys, text)
}

export function keyLines(text: string): string[] {
  return linesOf(text)
    .slice(1, -1)
    .map((line) => line.replace(/,$/, ''))
}

export function cutLog(place: Place, lines: number): void {
  writeFileSync(
    place.log,
    place
      .text(place.log)
      .split('\n')
      .slice(0, -1 - lines)
      .map((line) => `${line}\n`)
      .join(''),
  )
}

export const actions = (place: Place): string[] => place.records().map(({ action }: Pick<Entry, 'action'>) => action)
export const lastRecord = (place: Place, action: string): AuditRecord | undefined =>
  place.records().findLast((record) => record.action === action)

export async function expectProven(manager: ApiKeyManager): Promise<AuditReport> {
  const report = await manager.verifyAudit()
  expect(report).toMatchObject({ ok: true, firstBad: null, problems: [] })
  return report
}
