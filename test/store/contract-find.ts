// What every store promises of looking up and of lists.

import { expect, test } from 'vitest'
import type { Key } from '../../src/domain/key.ts'
import { parseKeyRef } from '../../src/domain/key.ts'
import type { KeyQuery } from '../../src/domain/selection.ts'
import { DEFAULT_SORT, parseCursor, parseSort } from '../../src/domain/selection.ts'
import { composeToken } from '../../src/domain/token.ts'
import type { OpenEmpty } from './contract.ts'
import { edit, expectCode, manualClock, NOON, newKey, put } from './harness.ts'

export function findContract(open: OpenEmpty): void {
  test('a key is found by id, by shortId and by token; a wrong secret names no key', async () => {
    const { store } = await open(manualClock())
    const { key, token } = newKey()
    const [secret] = key.secrets
    await put(store, newKey().key, key)
    const wrong = parseKeyRef(composeToken('kw_live', secret?.shortId ?? '', new Uint8Array(32)))
    for (const ref of [key.id, secret?.shortId ?? '', token]) expect(await store.findKey(parseKeyRef(ref))).toEqual(key)
    expect(await store.findKey(wrong)).toBeNull()
    expect(await store.findKey({ by: 'nothing', name: 'x' })).toBeNull()
  })

  test('a credential is that of the very secret, and new after a change', async () => {
    const { store } = await open(manualClock())
    const { key } = newKey()
    const older = { ...newKey().key.secrets[0], notAfter: new Date(NOON + 1000).toISOString() } as Key['secrets'][number]
    await put(store, { ...key, secrets: [...key.secrets, older] })
    const credential = await store.findCredential(older.shortId)
    expect(credential).toMatchObject({ secret: older, secretEndsMs: NOON + 1000, keyId: key.id })
    expect(await store.findCredential('000000000000')).toBeNull()
    await edit(store, key, { revokedAt: new Date(NOON).toISOString() }, 'key.revoke')
    expect((await store.findCredential(older.shortId))?.key.revokedAt).not.toBeNull()
  })
}

export function listContract(open: OpenEmpty): void {
  const query = (more: Partial<KeyQuery>): KeyQuery => ({ filter: {}, sort: DEFAULT_SORT, limit: 50, at: NOON, ...more })

  test('pages follow one another without gap or repetition, whatever is changed in between', async () => {
    const { store } = await open(manualClock())
    const keys = Array.from({ length: 7 }, (_, index) => newKey({ name: `n${index % 3}` }, NOON + index).key)
    await put(store, ...keys)
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const sort = parseSort('name') ?? DEFAULT_SORT
      const from = cursor === null ? null : parseCursor(cursor)
      const page = await store.queryKeys(query({ sort, limit: 3, ...(from === null ? {} : { cursor: from }) }))
      expect(page.total).toBe(7)
      seen.push(...page.items.map(({ id }) => id))
      await edit(store, keys[0] as Key, { tags: [`${seen.length}`] })
      cursor = page.nextCursor
    } while (cursor !== null)
    expect(new Set(seen)).toEqual(new Set(keys.map(({ id }) => id)))
    expect(seen).toHaveLength(7)
  })

  test('a list holds views: status, last use, no hash; newest first, filtered', async () => {
    const { store } = await open(manualClock())
    await put(store, newKey({ userId: 'ann' }).key, newKey({ userId: 'bob' }, NOON + 1).key, newKey({ userId: 'ann' }, NOON + 2).key)
    const page = await store.queryKeys(query({ filter: { userId: 'ann' } }))
    expect(page.items.map(({ createdAt }) => Date.parse(createdAt))).toEqual([NOON + 2, NOON])
    expect(page.items[0]).toMatchObject({ status: 'active', lastUsedAt: null })
    expect(JSON.stringify(page)).not.toContain('sha256:')
  })

  test('a cursor of another order is refused', async () => {
    const { store } = await open(manualClock())
    const cursor = { sort: 'name', value: 'x', id: 'key_000000000000' }
    await expectCode(async () => store.queryKeys(query({ cursor })), 'INVALID_INPUT')
  })

  test('owners come with their keys by status', async () => {
    const { store } = await open(manualClock())
    const [a, b, c] = [newKey({ userId: 'ann' }).key, newKey({ userId: 'bob' }).key, newKey({ userId: 'ann' }).key]
    await put(store, a, b, c)
    await edit(store, c, { disabledAt: new Date(NOON).toISOString() }, 'key.disable')
    const page = await store.queryUsers({ limit: 1, at: NOON })
    expect(page).toMatchObject({ items: [{ userId: 'ann', total: 2, active: 1, disabled: 1 }], total: 2 })
    const cursor = parseCursor(page.nextCursor ?? '') ?? undefined
    expect(await store.queryUsers({ limit: 1, at: NOON, ...(cursor && { cursor }) })).toMatchObject({
      items: [{ userId: 'bob', total: 1 }],
      nextCursor: null,
    })
  })
}
