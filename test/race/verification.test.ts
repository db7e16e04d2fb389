// Proving a store that others are changing: no false alarm, with the lock or, read-only, without.

import { expect, test } from 'vitest'
import type { AuditProblem } from '../../src/index.ts'
import { startChild } from '../store/children.ts'
import { newPlace, openManagerAt } from '../store/harness.ts'
import { expectProven } from '../store/story.ts'

const PROCESSES = 2
const CHANGES = 100

test.each([false, true])(
  'two processes change the store, a third proves it again and again (read-only: %s): it is always whole',
  async (readOnly) => {
    const place = newPlace()
    const manager = await openManagerAt(place)
    const { key } = await manager.generateApiKey({ userId: 'ann' })
    const { key: other } = await manager.generateApiKey({ userId: 'bob' })
    const children = [key.id, other.id]
      .slice(0, PROCESSES)
      .map((id, index) => startChild(new URL('./change-store.ts', import.meta.url), { args: [place.keys, `p${index}`, `${CHANGES}`, id] }))
    for (const child of children) expect(await child.line()).toBe('ready')
    const verifier = await openManagerAt(place, { readOnly })
    let isDone = false
    const done = Promise.all(children.map((child) => child.done())).finally(() => {
      isDone = true
    })
    for (const child of children) child.say('go')
    const wrong: AuditProblem[] = []
    let verified = 0
    for (; !isDone; verified++) wrong.push(...(await verifier.verifyAudit()).problems)
    await done
    expect(wrong).toEqual([])
    expect(verified).toBeGreaterThan(5)
    await expectProven(manager)
  },
)
