// Reads the files of an embedded store as 3-storage lays them out. Shares no code with what wrote them; changes nothing.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { JudgedAnchor } from './chain.ts'
import { splitLines, ZEROS } from './records.ts'

/** What is larger than this is no store of a storm. */
const MOST_BYTES = 1 << 30

export interface StoredFiles {
  readonly keys: Buffer | null
  readonly usage: Buffer | null
  /** The segments of the log, oldest first, the active one last; `firstSeq` null for the active one. */
  readonly log: readonly { readonly firstSeq: number | null; readonly bytes: Buffer }[]
}

function bytesOf(path: string): Buffer | null {
  if (!existsSync(path)) return null
  if (statSync(path).size > MOST_BYTES) throw new Error(`${path} is larger than the judge reads`)
  return readFileSync(path)
}

/** The files of the store whose keys are at that path. */
export function readFiles(keysPath: string): StoredFiles {
  const folder = dirname(keysPath)
  const stem = basename(keysPath, '.json')
  const logs = join(folder, 'logs')
  const name = stem === 'keys' ? 'security-audit' : `${stem}.security-audit`
  const segments = (existsSync(logs) ? readdirSync(logs) : []).flatMap((file) => {
    const firstSeq = file.startsWith(`${name}.`) ? /^(\d+)\.log$/.exec(file.slice(name.length + 1))?.[1] : undefined
    return firstSeq === undefined ? [] : [{ firstSeq: Number(firstSeq), bytes: bytesOf(join(logs, file)) ?? Buffer.alloc(0) }]
  })
  const active = bytesOf(join(logs, `${name}.log`))
  return {
    keys: bytesOf(keysPath),
    usage: bytesOf(join(folder, `${stem}.usage.json`)),
    log: [...segments.sort((a, b) => a.firstSeq - b.firstSeq), ...(active === null ? [] : [{ firstSeq: null, bytes: active }])],
  }
}

export interface JudgedKeys {
  readonly anchor: JudgedAnchor
  /** The line of each key as it stands there, without comma and line end. */
  readonly lines: ReadonlyMap<string, string>
  readonly wrong: readonly string[]
}

const KEY_MEMBERS =
  'id userId name environment scopes rateLimits allowedIps notBefore expiresAt disabledAt revokedAt revokedBy revokedReason createdAt createdBy updatedAt revision tags metadata secrets'
const SECRET_MEMBERS = 'shortId hash createdAt notAfter retiredReason'
const STORED_HASH = /^(?:sha256|hmac-sha256:[A-Za-z0-9._-]{1,32}):[A-Za-z0-9_-]{43}$/

interface StoredKey {
  readonly id: string
  readonly revision: number
  readonly secrets: readonly { readonly shortId: string; readonly hash: string }[]
}

function wrongWithKey(key: StoredKey, shortIds: Set<string>): string | null {
  if (Object.keys(key).join(' ') !== KEY_MEMBERS) return `has the members ${Object.keys(key).join(' ')}`
  if (!Number.isSafeInteger(key.revision) || key.revision < 1) return `has the revision ${key.revision}`
  for (const secret of key.secrets) {
    if (Object.keys(secret).join(' ') !== SECRET_MEMBERS) return 'has a secret with other members'
    if (!STORED_HASH.test(secret.hash)) return 'has a secret without its hash'
    if (shortIds.has(secret.shortId)) return `has the shortId ${secret.shortId} of another secret`
    shortIds.add(secret.shortId)
  }
  return null
}

/** What keys.json says; a file that is not there says what the empty store says. */
export function judgeKeys(bytes: Buffer | null): JudgedKeys {
  const wrong: string[] = []
  const found = new Map<string, string>()
  const empty = { by: 'keys.json', seq: 0, hash: ZEROS }
  if (bytes === null) return { anchor: empty, lines: found, wrong }
  const { lines, rest } = splitLines(bytes)
  const texts = lines.map((line) => line.toString('utf8'))
  const [header = '', ...body] = texts
  const match = /^\{"format":"keywright\/1","brand":"[a-z0-9_]+","audit":\{"seq":(\d+),"hash":"([0-9a-f]{64})"\},"keys":\[$/.exec(header)
  if (match === null || body.pop() !== ']}' || rest.length > 0)
    return { anchor: empty, lines: found, wrong: ['keys.json is not laid out as a store'] }
  const shortIds = new Set<string>()
  for (const [index, text] of body.entries()) {
    const isLast = index === body.length - 1
    if (text.endsWith(',') === isLast) wrong.push(`line ${index + 2} of keys.json has a comma too many or too few`)
    const line = isLast ? text : text.slice(0, -1)
    try {
      const key = JSON.parse(line) as StoredKey
      const problem = found.has(key.id) ? 'stands twice' : wrongWithKey(key, shortIds)
      if (problem !== null) wrong.push(`key ${key.id} ${problem}`)
      found.set(key.id, line)
    } catch {
      wrong.push(`line ${index + 2} of keys.json is no JSON`)
    }
  }
  return { anchor: { by: 'keys.json', seq: Number(match[1]), hash: match[2] as string }, lines: found, wrong }
}

/** The record that the usage file vouches for, null when there is none; or what is wrong with the file. */
export function judgeUsage(bytes: Buffer | null): JudgedAnchor | string | null {
  if (bytes === null) return null
  try {
    const { format, audit } = JSON.parse(bytes.toString('utf8')) as { format: string; audit: { seq: number; hash: string } }
    if (format !== 'keywright-usage/1') return `keys.usage.json has the format ${format}`
    return { by: 'keys.usage.json', seq: audit.seq, hash: audit.hash }
  } catch {
    return 'keys.usage.json is no JSON'
  }
}
