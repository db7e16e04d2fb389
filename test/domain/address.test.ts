// Addresses and blocks: what is one, how it is kept, and what it matches; judged by Node's own parser and block list.

import { BlockList, isIP } from 'node:net'
import { describe, expect, test } from 'vitest'
import { addressMatcher, parseCidr } from '../../src/domain/address.ts'
import { always, fc } from './seed.ts'

const EVERYWHERE = addressMatcher(['0.0.0.0/0', '::/0'])

describe('a block', () => {
  test.each([
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['10.1.2.3', '10.1.2.3/32'],
    ['192.168.1.255/25', '192.168.1.128/25'],
    ['1.2.3.4/0', '0.0.0.0/0'],
    ['1.2.3.4/31', '1.2.3.4/31'],
    ['2001:DB8::1', '2001:db8::1/128'],
    ['2001:db8:1:2:3:4:5:6/32', '2001:db8::/32'],
    ['2001:db8::ffff/127', '2001:db8::fffe/127'],
    ['::1/0', '::/0'],
    ['::ffff:10.1.2.3', '10.1.2.3/32'],
    ['::ffff:10.1.2.3/104', '10.0.0.0/8'],
    ['::ffff:a01:203/120', '10.1.2.0/24'],
    ['::FFFF:0:0/96', '0.0.0.0/0'],
    ['64:ff9b::1.2.3.4/96', '64:ff9b::/96'],
  ])('%s is kept as %s', (given, kept) => {
    expect(parseCidr(given)).toBe(kept)
  })

  test.each([
    ...[
      '',
      '/',
      '10.0.0.0/',
      '/8',
      '10.0.0.0/8/8',
      '10.0.0.0/33',
      '10.0.0.0/-1',
      '10.0.0.0/08',
      '10.0.0.0/+8',
      '10.0.0.0/8 ',
      ' 10.0.0.0',
      '10.0.0.0/255.0.0.0',
    ],
    ...[
      '::/129',
      '::ffff:1.2.3.4/95',
      '2001:db8::/1e1',
      'fe80::1%eth0',
      'fe80::1%eth0/64',
      '[::1]',
      '1::2::3',
      ':::',
      '12345::',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
    ],
    ...[
      '010.0.0.1',
      '10.0.0.01',
      '0x0a.0.0.1',
      '10.1',
      '167772161',
      '256.0.0.1',
      '1.2.3',
      '1.2.3.4.5',
      '1.2.3.4.',
      'localhost',
      'example.com/8',
      '١.٢.٣.٤',
    ],
  ])('%s is refused', (given) => {
    expect(parseCidr(given)).toBeNull()
  })

  test.each(['::ffff:010.0.0.1', '::ffff:0x10.0.0.1', '::ffff:10.0.0.00', '64:ff9b::1.2.3.08'])(
    '%s is refused: its dotted end is octal or hexadecimal to some readers',
    (given) => {
      expect(parseCidr(given)).toBeNull()
      expect(EVERYWHERE(given)).toBe(false)
    },
  )

  test('is kept the same when it is given as it is kept', () => {
    const bases = fc.oneof(fc.ipV4(), fc.ipV6())
    always(fc.tuple(bases, fc.nat(128)), ([base, bits]) => {
      const kept = parseCidr(`${base}/${bits}`)
      if (kept !== null) expect(parseCidr(kept)).toBe(kept)
    })
  })
})

const asText = (parts: readonly number[]): string => parts.map((part) => part.toString(16)).join(':')
const nearby = fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)
const v4 = fc.array(fc.oneof(nearby, fc.nat(255)), { minLength: 4, maxLength: 4 }).map((parts) => parts.join('.'))
const isMapped = (parts: readonly number[]): boolean => parts.slice(0, 5).every((part) => part === 0) && parts[5] === 0xffff
const v6 = fc
  .array(fc.oneof(nearby, fc.constantFrom(0xffff, 0x8000), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
  .filter((parts) => !isMapped(parts))
  .map(asText)

describe('matching', () => {
  test('an IPv4 address is in just those blocks in which Node sees it', () => {
    always(fc.tuple(fc.array(fc.tuple(v4, fc.nat(32)), { maxLength: 4 }), v4), ([blocks, address]) => {
      const list = new BlockList()
      for (const [base, bits] of blocks) list.addSubnet(base, bits, 'ipv4')
      const matches = addressMatcher(blocks.map(([base, bits]) => parseCidr(`${base}/${bits}`) as string))
      expect(matches(address)).toBe(list.check(address, 'ipv4'))
      expect(matches(`::ffff:${address}`)).toBe(matches(address))
    })
  })

  test('an IPv6 address is in just those blocks in which Node sees it', () => {
    always(fc.tuple(fc.array(fc.tuple(v6, fc.nat(128)), { maxLength: 4 }), v6), ([blocks, address]) => {
      const list = new BlockList()
      for (const [base, bits] of blocks) list.addSubnet(base, bits, 'ipv6')
      expect(addressMatcher(blocks.map(([base, bits]) => parseCidr(`${base}/${bits}`) as string))(address)).toBe(
        list.check(address, 'ipv6'),
      )
    })
  })

  test('an address of one family is in no block of the other, mapped ones aside', () => {
    expect(addressMatcher(['::/0'])('1.2.3.4')).toBe(false)
    expect(addressMatcher(['0.0.0.0/0'])('::1')).toBe(false)
    expect(addressMatcher(['10.0.0.0/8'])('::ffff:10.9.9.9')).toBe(true)
    expect(addressMatcher(['10.0.0.0/8'])('::ffff:a09:909')).toBe(true)
    expect(addressMatcher([parseCidr('::ffff:10.0.0.0/104') as string])('10.9.9.9')).toBe(true)
  })

  test('an IPv6 address that only ends like an IPv4 one is no IPv4 address', () => {
    expect(addressMatcher(['10.0.0.1/32'])('::10.0.0.1')).toBe(false)
    expect(parseCidr('::10.0.0.1')).toBe(parseCidr('::a00:1'))
  })

  test('a text is an address just when Node takes it for one, zones aside', () => {
    const characters = fc.string({ unit: fc.constantFrom(...':.0123456789abcdefF%/x '), maxLength: 24 })
    const pieces = fc
      .array(fc.constantFrom(':', '::', 'ffff', '0', '1.2.3.4', '01', '.', 'abcde', '255', '256', '%eth0'), { maxLength: 10 })
      .map((parts) => parts.join(''))
    const spelled = fc.oneof(characters, pieces, fc.ipV4Extended(), fc.ipV4(), fc.ipV6(), v6)
    always(spelled, (text) => expect(`${text} ${EVERYWHERE(text)}`).toBe(`${text} ${isIP(text) !== 0 && !text.includes('%')}`), 5000)
  })

  test('a block that was edited by hand into none matches nothing, and its neighbours still match', () => {
    const matches = addressMatcher(['10.0.0.1', 'nonsense', '192.168.0.0/16'])
    expect([matches('10.0.0.2'), matches('192.168.1.1')]).toEqual([false, true])
  })

  test('a text of a megabyte is no block and in none', () => {
    for (const text of ['1'.repeat(1e6), ':'.repeat(1e6), '1.2.3.4'.repeat(1e5), `${'0:'.repeat(5e5)}1`])
      expect(EVERYWHERE(text)).toBe(false)
  })
})
