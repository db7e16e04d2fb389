// Whether a value from the file is a key: types and formats, nothing about its history. Names stay as they are found.

import { parseCidr } from '../../src/domain/address.ts'
import { KEY_ID, SHORT_ID } from '../../src/domain/key.ts'
import { MAX_LIMIT, MAX_WINDOW_SECONDS } from '../../src/domain/limit.ts'
import { ENVIRONMENTS, STORED_HASH } from '../../src/domain/token.ts'

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/

const isText = (value: unknown): boolean => typeof value === 'string'
const isTextOrNull = (value: unknown): boolean => value === null || typeof value === 'string'
const isMoment = (value: unknown): boolean => typeof value === 'string' && ISO.test(value) && !Number.isNaN(Date.parse(value))
const isMomentOrNull = (value: unknown): boolean => value === null || isMoment(value)
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText)
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

const isUpTo = (value: unknown, most: number): boolean => isCount(value) && (value as number) <= most

const isRateLimit = (value: unknown): boolean =>
  isObject(value) &&
  isText(value['name']) &&
  isUpTo(value['limit'], MAX_LIMIT) &&
  isUpTo(value['windowSeconds'], MAX_WINDOW_SECONDS) &&
  Object.keys(value).length === 3

const isSecret = (value: unknown): boolean =>
  isObject(value) &&
  typeof value['shortId'] === 'string' &&
  SHORT_ID.test(value['shortId']) &&
  typeof value['hash'] === 'string' &&
  STORED_HASH.test(value['hash']) &&
  isMoment(value['createdAt']) &&
  isMomentOrNull(value['notAfter']) &&
  isTextOrNull(value['retiredReason']) &&
  Object.keys(value).length === 5

const MEMBERS: readonly (readonly [name: string, isRight: (value: unknown) => boolean])[] = [
  ['id', (value) => typeof value === 'string' && KEY_ID.test(value)],
  ['userId', isText],
  ['name', isTextOrNull],
  ['environment', (value) => (ENVIRONMENTS as readonly unknown[]).includes(value)],
  ['scopes', isTexts],
  ['rateLimits', (value) => Array.isArray(value) && value.every(isRateLimit)],
  ['allowedIps', (value) => isTexts(value) && (value as string[]).every((block) => parseCidr(block) !== null)],
  ['notBefore', isMomentOrNull],
  ['expiresAt', isMomentOrNull],
  ['disabledAt', isMomentOrNull],
  ['revokedAt', isMomentOrNull],
  ['revokedBy', isTextOrNull],
  ['revokedReason', isTextOrNull],
  ['createdAt', isMoment],
  ['createdBy', isText],
  ['updatedAt', isMoment],
  ['revision', isCount],
  ['tags', isTexts],
  ['metadata', (value) => isObject(value) && Object.values(value).every(isText)],
  ['secrets', (value) => Array.isArray(value) && value.length > 0 && value.every(isSecret)],
]

/** The name of the first member that is missing or wrong, an unknown one, or `null` when the value is a key; '' when it is no object. */
export function wrongMember(value: unknown): string | null {
  if (!isObject(value)) return ''
  for (const [name, isRight] of MEMBERS) if (!isRight(value[name])) return name
  const names = Object.keys(value)
  return names.length === MEMBERS.length ? null : (names.find((name) => !MEMBERS.some(([known]) => known === name)) ?? '')
}
