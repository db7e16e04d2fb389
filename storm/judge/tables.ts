// Reads the tables of a store in PostgreSQL, as plain rows, and says whether what stands beside the lines agrees with them: what a
// database finds keys and records by. Shares no code with what wrote them; changes nothing.

type Row = Readonly<Record<string, unknown>>

/** What was read of the tables at one moment. Numbers may be texts, as drivers give them. */
export interface DumpedTables {
  /** `seq, at (seconds since 1970), line, action, key_id, user_id, actor, os_user`, by seq. */
  readonly audit: readonly Row[]
  /** All columns, in the order of their birth. */
  readonly keys: readonly Row[]
  readonly secrets: readonly Row[]
  readonly owners: readonly Row[]
  /** `brand, seq, hash, keys_seq, keys_hash, keys`. */
  readonly head: Row
}

interface Line {
  readonly seq: number
  readonly at: string
  readonly actor: Row
  readonly secrets: readonly { readonly shortId: string; readonly notAfter: string | null }[]
  readonly userId: string
  readonly tags: readonly string[]
  readonly [member: string]: unknown
}

const linesOf = (rows: readonly Row[]): string => rows.map(({ line }) => `${line}\n`).join('')

/** The dump as the files of an embedded store would have it, for the judge of those. The head vouches as a usage file does. */
export function filesOf({ audit, keys, head }: DumpedTables): { readonly keys: Buffer; readonly usage: Buffer; readonly log: Buffer } {
  const anchor = JSON.stringify({ seq: Number(head['keys_seq']), hash: head['keys_hash'] })
  const header = `{"format":"keywright/1","brand":"${head['brand']}","audit":${anchor},"keys":[\n`
  const usage = { format: 'keywright-usage/1', audit: { seq: Number(head['seq']), hash: head['hash'] } }
  return {
    keys: Buffer.from(`${header}${keys.map(({ line }) => line).join(',\n')}${keys.length > 0 ? '\n' : ''}]}\n`),
    usage: Buffer.from(JSON.stringify(usage)),
    log: Buffer.from(linesOf(audit)),
  }
}

/** Columns of keys that repeat a member of the line, and which. */
const KEY_COLUMNS: readonly (readonly [column: string, member: string])[] = [
  ['id', 'id'],
  ['user_id', 'userId'],
  ['name', 'name'],
  ['environment', 'environment'],
  ['not_before', 'notBefore'],
  ['expires_at', 'expiresAt'],
  ['disabled_at', 'disabledAt'],
  ['revoked_at', 'revokedAt'],
  ['created_at', 'createdAt'],
  ['created_by', 'createdBy'],
  ['updated_at', 'updatedAt'],
  ['revision', 'revision'],
  ['scopes', 'scopes'],
  ['tags', 'tags'],
]

const parsed = (row: Row): Line | null => {
  try {
    return JSON.parse(String(row['line'])) as Line
  } catch {
    return null
  }
}
const isSame = (column: unknown, member: unknown): boolean =>
  typeof member === 'number' ? Number(column) === member : JSON.stringify(column) === JSON.stringify(member)
const sorted = (texts: readonly string[]): string => [...texts].sort().join(' ')

/** What contradicts the lines. A line that is itself wrong is for the judge of lines. */
export function judgeTables({ audit, keys, secrets, owners, head }: DumpedTables): string[] {
  const wrong: string[] = []
  const end = Math.max(0, ...audit.map(({ seq }) => Number(seq)))
  if (end !== Number(head['seq'])) wrong.push(`the log ends with seq ${end}, and the head vouches for seq ${head['seq']}`)
  for (const row of audit) {
    const line = parsed(row)
    if (line === null) continue
    const columns: readonly (readonly [string, unknown, unknown])[] = [
      ['seq', row['seq'], line.seq],
      ['at', Math.round(Number(row['at']) * 1000), Date.parse(line.at)],
      ['action', row['action'], line['action']],
      ['key_id', row['key_id'], line['keyId']],
      ['user_id', row['user_id'], line.userId],
      ['actor', row['actor'], line.actor['name']],
      ['os_user', row['os_user'], line.actor['osUser']],
    ]
    for (const [column, is, should] of columns)
      if (!isSame(is, should)) wrong.push(`seq ${row['seq']} has the ${column} ${is} beside ${should}`)
  }
  const lines = keys.map(parsed)
  const shortIds: string[] = []
  const counts = new Map<string, number>()
  for (const [index, line] of lines.entries()) {
    const row = keys[index] as Row
    if (line === null) continue
    for (const [column, member] of KEY_COLUMNS)
      if (!isSame(row[column], line[member])) wrong.push(`key ${row['id']} has the ${column} ${row[column]} beside ${line[member]}`)
    const ends = line.secrets.map(({ notAfter }) => notAfter ?? '').sort()
    if ((row['grace_until'] ?? '') !== ends.at(-1)) wrong.push(`key ${row['id']} has the grace_until ${row['grace_until']}`)
    const texts = [line['name'] ?? '', line.userId, line['id'], ...line.secrets.map(({ shortId }) => shortId), ...line.tags]
    if (row['search'] !== texts.map((text) => String(text).toLowerCase()).join('\n')) wrong.push(`key ${row['id']} has another search`)
    for (const { shortId } of line.secrets) shortIds.push(`${shortId}=${row['id']}`)
    counts.set(line.userId, (counts.get(line.userId) ?? 0) + 1)
  }
  if (sorted(shortIds) !== sorted(secrets.map(({ short_id, key_id }) => `${short_id}=${key_id}`)))
    wrong.push('the secrets are others than those of the keys')
  if (sorted([...counts].map((one) => one.join('='))) !== sorted(owners.map((row) => `${row['user_id']}=${row['keys']}`)))
    wrong.push('the owners are others than those of the keys, or have another number of them')
  if (Number(head['keys']) !== keys.length) wrong.push(`the head counts ${head['keys']} keys, there are ${keys.length}`)
  return wrong
}
