// Scopes: the examples of the model, and what must hold for all of them.

import { describe, expect, test } from 'vitest'
import { covers, isRequirableScope, isScope, missingScopes, sortedUnique } from '../../src/domain/scope.ts'
import { grantable, requirable } from './arbitraries.ts'
import { always, fc } from './seed.ts'

describe('covering', () => {
  test.each([
    ['read:*', 'read:users', true],
    ['read:*', 'read:users:email', true],
    ['read:*', 'read', false],
    ['*:users', 'write:users', true],
    ['*:users', 'write:users:email', false],
    ['*:users', 'users', false],
    ['read:users', 'read:users:email', false],
    ['read:users:email', 'read:users', false],
    ['*', 'read', true],
    ['*', 'a:b:c:d', true],
    ['*:*', 'read', false],
    ['*:*', 'a:b:c', true],
    ['read:*:email', 'read:users:email', true],
    ['read:*:email', 'read:users:name', false],
    ['read:*:email', 'read:email', false],
    ['a:*:*', 'a:b', false],
    ['a:*:*', 'a:b:c:d', true],
    ['read', 'reader', false],
    ['read:user', 'read:users', false],
  ])('%s covers %s: %s', (granted, required, isCovered) => {
    expect(covers(granted, required)).toBe(isCovered)
  })

  test('every scope covers itself', () => {
    always(requirable, (scope) => expect(covers(scope, scope)).toBe(true))
  })

  test('* covers every scope', () => {
    always(requirable, (scope) => expect(covers('*', scope)).toBe(true))
  })

  test('a scope without * covers itself only', () => {
    always(fc.tuple(requirable, requirable), ([granted, required]) => expect(covers(granted, required)).toBe(granted === required))
  })

  test('a scope covers just what its pattern says', () => {
    always(
      fc.tuple(grantable, requirable),
      ([granted, required]) => {
        const source = granted
          .split(':')
          .map((segment, index, all) => (segment !== '*' ? segment.replaceAll('.', '\\.') : index === all.length - 1 ? '.+' : '[^:]+'))
          .join(':')
        expect(covers(granted, required)).toBe(new RegExp(`^${source}$`).test(required))
      },
      2000,
    )
  })

  test('what is missing is just what no granted scope covers, in the order asked', () => {
    always(fc.tuple(fc.array(grantable, { maxLength: 6 }), fc.array(requirable, { maxLength: 6 })), ([granted, required]) => {
      expect(missingScopes(granted, required)).toEqual(required.filter((scope) => !granted.some((grant) => covers(grant, scope))))
    })
    expect(missingScopes([], ['read'])).toEqual(['read'])
  })
})

describe('the shape of a scope', () => {
  test.each(['read', 'read:users', 'a:b:c:d', '*', 'read:*', '*:*:*:*', 'a.b_c-d:0', '__proto__', 'constructor'])(
    '%s may be granted',
    (scope) => {
      expect(isScope(scope)).toBe(true)
    },
  )

  test.each(['', ':', 'read:', ':read', 'a::b', 'a:b:c:d:e', 'Read', 'read users', 'read*', '**', 'read:u*', 'é', 'read\n'])(
    '%j may not be granted',
    (scope) => {
      expect(isScope(scope)).toBe(false)
    },
  )

  test('a scope has at most 200 characters', () => {
    expect(['a'.repeat(200), 'a'.repeat(201), 'a:'.repeat(5e5)].map(isScope)).toEqual([true, false, false])
  })

  test('what may be required is what may be granted, without *', () => {
    always(grantable, (scope) => expect(isRequirableScope(scope)).toBe(isScope(scope) && !scope.includes('*')))
  })
})

describe('stored order', () => {
  test('sorting keeps every value once, in the order of code units, and does nothing the second time', () => {
    always(fc.array(fc.string({ unit: 'binary', maxLength: 4 })), (values) => {
      const sorted = sortedUnique(values)
      expect([...new Set(sorted)].sort()).toEqual([...new Set(values)].sort())
      expect(sorted.every((value, index) => index === 0 || (sorted[index - 1] as string) < value)).toBe(true)
      expect(sortedUnique(sorted)).toEqual(sorted)
    })
  })
})
