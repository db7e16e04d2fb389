// What an examination of a store looks at, and the shape of what it found. Says nothing about how that is found out.

/** Everything that is looked at, in the order of the report, with what is asked. */
export const EXAMINED = {
  node: 'is this Node new enough',
  'kernel-lock': "can the kernel's locks be used",
  path: 'does the path lead to a file, or to a place for one',
  links: 'do symbolic links on the way belong to this user or root',
  folders: 'are the folders there, readable and writable',
  parents: 'can others on this machine move the folders away',
  owners: 'do all files belong to the user who runs this',
  modes: 'can others on this machine write or read the files',
  access: 'can the files be read, and the log be written',
  'file-system': 'is it one whose locks and renames can be trusted',
  space: 'is there room on the disk for the store to be written anew',
  inodes: 'can more files be made',
  settings: 'can keywright.config.json be read',
  lock: 'who changes the store just now, and did someone die of it',
  leftovers: 'what have dead processes and repairs left beside the files',
  format: 'is it a format that this version knows',
  keys: 'can keys.json be read',
  usage: 'can the counts be read',
  log: 'can the audit log be read',
  segments: 'is a file of the log missing',
  'torn-line': 'is the last line of the log whole',
  chain: 'does every record follow the one before it',
  'keys-anchor': 'does the log hold the record that keys.json vouches for',
  'usage-anchor': 'does the log hold the record that the counts vouch for',
  recovery: 'did a change die half-way, or is keys.json an older copy',
  digests: 'is every key as the log says',
  clock: 'is the clock behind the newest record',
  'audit-keys': 'can the keys be used that sign and prove the log',
  sink: 'does the log agree with its second place',
  opening: 'can the store be opened with the settings and the environment of this process',
} as const satisfies Record<string, string>

export type ExaminedName = keyof typeof EXAMINED
export const EXAMINED_NAMES = Object.keys(EXAMINED) as readonly ExaminedName[]

/** Worst first. `skipped`: something else is in the way. */
export const EXAMINED_OUTCOMES = ['problem', 'warning', 'skipped', 'ok'] as const
export type ExaminedOutcome = (typeof EXAMINED_OUTCOMES)[number]

/** What was found, and what mends it; null where nothing needs to be done. */
export interface Found {
  readonly outcome: ExaminedOutcome
  readonly detail: string
  readonly fix: string | null
}

export interface Examined extends Found {
  readonly check: ExaminedName
}

/** The shape of `doctor --json`. `ok`: there is no problem; warnings may be. */
export interface Examination {
  readonly ok: boolean
  readonly checks: readonly Examined[]
}
