// The lives of the demo's keys as a plan: who gets which key when, what happens to it, how it is used. Pure; runs no command.

import type { ChangeCommand } from '../commands/command.ts'
import { generate } from '../commands/generate.ts'
import { purge } from '../commands/purge.ts'
import { revoke } from '../commands/revoke.ts'
import { rotate } from '../commands/rotate.ts'
import type { Actor } from '../domain/audit.ts'
import { DAY_MS, HOUR_MS, isoFrom } from '../domain/time.ts'
import type { Owner, OwnerKind, Role } from './cast.ts'
import * as cast from './cast.ts'
import type { Chance } from './chance.ts'
import type { Fate } from './fates.ts'
import { EDIT_DAYS, EDITS, FATES, LEFT_DAYS_AGO, PURGE } from './fates.ts'
import type { Shape } from './rhythm.ts'
import { hourOfDay } from './rhythm.ts'

/** Input as it is typed, by field name. */
export type Texts = Readonly<Record<string, readonly string[]>>

/** One command that somebody ran. The key it is about is added when it is known. */
export interface Deed {
  readonly at: number
  readonly actor: Actor
  readonly command: ChangeCommand
  readonly texts: Texts
}

/** How a key is used. */
export interface Habit extends Pick<Fate, 'strayPerMinute' | 'mistakesPerMinute'> {
  readonly callsPerMinute: number
  readonly shape: Shape
  readonly asked: readonly string[]
  readonly startsAt: number
  readonly stopsAt: number
  readonly handoverMs: number
  /** Which server verifies it. */
  readonly server: string
}

export interface Life {
  /** The birth comes first. */
  readonly deeds: readonly Deed[]
  readonly habit: Habit
}

export interface Plan {
  readonly lives: readonly Life[]
  /** Deeds that are about no single key. */
  readonly deeds: readonly Deed[]
}

const MAX_EDITS = 3
const SLOWEST_FIRST_USE_MS = 5 * HOUR_MS
const OFFICE_BEGINS = 8.5
const OFFICE_HOURS = 9

interface Setting {
  readonly at: number
  readonly chance: Chance
  readonly ownerOf: (kind: OwnerKind) => Owner
}

/** The time so many days ago; people are at work then, unless it was just now. */
function momentAgo({ at, chance }: Setting, days: number): number {
  const moment = Math.floor(at - days * DAY_MS)
  if (days < 2) return moment
  return Math.floor(moment + (OFFICE_BEGINS - hourOfDay(moment, at) + chance.between([0, OFFICE_HOURS])) * HOUR_MS)
}

/** Every owner gets a key before some get many. */
function createOwners(chance: Chance): Setting['ownerOf'] {
  const all = Map.groupBy(
    chance.shuffled(cast.OWNERS).filter((owner) => owner !== cast.LEAVER),
    ({ kind }) => kind,
  )
  const waiting = new Map([...all].map(([kind, owners]) => [kind, [...owners]]))
  return (kind) => {
    const owners = all.get(kind) as Owner[]
    return waiting.get(kind)?.shift() ?? (owners[Math.floor(owners.length * chance.between([0, 1]) ** 2)] as Owner)
  }
}

export function planLives(at: number, chance: Chance): Plan {
  const setting: Setting = { at, chance, ownerOf: createOwners(chance) }
  const lives = Object.values(FATES).flatMap((fate) => Array.from({ length: fate.count }, () => planLife(setting, fate)))
  const [admin, , operator] = cast.ADMINS as readonly [Actor, Actor, Actor]
  return {
    lives,
    deeds: [
      {
        at: momentAgo(setting, LEFT_DAYS_AGO),
        actor: admin,
        command: revoke,
        texts: { userId: [cast.LEAVER.userId], reason: ['left the company'] },
      },
      { at: momentAgo(setting, PURGE.daysAgo), actor: operator, command: purge, texts: { olderThanSeconds: [PURGE.olderThan] } },
    ],
  }
}

function planLife(setting: Setting, fate: Fate): Life {
  const { at, chance, ownerOf } = setting
  const kind = chance.pick(fate.ofWhom)
  const owner = fate.isOfLeaver === true ? cast.LEAVER : ownerOf(kind)
  const role = chance.pick(fate.isBroad === true ? cast.BROAD_ROLES : cast.ROLES[kind])
  const bornAt = momentAgo(setting, chance.between(fate.ageDays))
  const birth = planBirth(setting, fate, owner, role, bornAt)
  const finale = planFinale(setting, fate)
  const endsAt = Math.min(at, finale[0]?.at ?? at, Date.parse(birth.texts['expiresAt']?.[0] ?? '') || at)
  const edits = fate.isOfLeaver === true ? [] : planEdits(setting, owner, birth, endsAt)
  const startsAt = Date.parse(birth.texts['notBefore']?.[0] ?? isoFrom(bornAt)) + chance.between([1, SLOWEST_FIRST_USE_MS])
  return {
    deeds: [birth, ...edits, ...finale],
    habit: {
      callsPerMinute: fate.pace[1] === 0 ? 0 : chance.scaled(fate.pace),
      shape: chance.pick(fate.shapes),
      asked: role.asked,
      startsAt: Math.floor(startsAt),
      stopsAt: fate.stopsDaysAgo === undefined ? Number.POSITIVE_INFINITY : at - chance.between(fate.stopsDaysAgo) * DAY_MS,
      handoverMs: (fate.handoverDays ?? 0.5) * DAY_MS,
      server: kind === 'partner' ? cast.SERVERS[2] : chance.pick(cast.SERVERS.slice(0, 2)),
      strayPerMinute: fate.strayPerMinute ?? 0,
      mistakesPerMinute: fate.mistakesPerMinute ?? 0,
    },
  }
}

const textsOf = (texts: Readonly<Record<string, string | readonly string[] | null>>): Texts =>
  Object.fromEntries(
    Object.entries(texts).flatMap(([name, given]) =>
      given === null || given.length === 0 ? [] : [[name, typeof given === 'string' ? [given] : given] as const],
    ),
  )

function planBirth({ at, chance }: Setting, fate: Fate, owner: Owner, role: Role, bornAt: number): Deed {
  const { kind, userId } = owner
  const purpose = chance.pick(cast.PURPOSES[kind])
  const isTest = purpose === 'sandbox' || (kind === 'person' && chance.isHit(0.3)) || chance.isHit(0.08)
  const expiresInDays = fate.expiresInDays ?? (chance.isHit(kind === 'service' ? 0.5 : 0.15) ? null : ([8, 340] as const))
  const inDays = (days: number): string => isoFrom(Math.floor(at + days * DAY_MS))
  return {
    at: bornAt,
    actor: chance.pick(kind === 'person' ? [...cast.SUPPORT, ...cast.ADMINS] : [...cast.MACHINES, ...cast.SUPPORT]),
    command: generate,
    texts: textsOf({
      userId,
      name: chance.isHit(0.06) ? null : purpose,
      environment: isTest ? 'test' : 'live',
      scopes: role.granted,
      expiresAt: expiresInDays === null ? null : inDays(chance.between(expiresInDays)),
      notBefore: fate.startsInDays === undefined ? null : inDays(chance.between(fate.startsInDays)),
      rateLimits: fate.limits ?? chance.pick(cast.LIMITS[kind]),
      allowedIps: kind !== 'person' && chance.isHit(0.12) ? [chance.pick(cast.OFFICE_BLOCKS)] : [],
      tags: chance.shuffled(cast.TAGS).slice(0, chance.pick([0, 1, 1, 2])),
      metadata: kind === 'partner' ? `contract=C-${Math.floor(chance.between([1000, 9999]))}` : null,
    }),
  }
}

function planFinale(setting: Setting, { finale }: Fate): Deed[] {
  if (finale === undefined) return []
  const { command, daysAgo, graceDays = 0 } = finale
  const because = command === revoke ? cast.REVOKED_BECAUSE : cast.DISABLED_BECAUSE
  const texts = command === rotate ? { graceSeconds: `${graceDays}d` } : { reason: setting.chance.pick<string>(because) }
  const at = momentAgo(setting, setting.chance.between(daysAgo))
  return [{ at, actor: setting.chance.pick(cast.ADMINS), command, texts: textsOf(texts) }]
}

/** Edits between birth and end, each with time for itself. */
function planEdits(setting: Setting, { kind }: Owner, birth: Deed, endsAt: number): Deed[] {
  const { chance } = setting
  const room = Math.floor((endsAt - birth.at) / DAY_MS / (2 * EDIT_DAYS))
  const count = Math.min(room, chance.count(1), MAX_EDITS)
  const rooms = chance.shuffled(Array.from({ length: Math.max(0, room) }, (_, index) => index)).slice(0, count)
  return rooms.flatMap((index) => {
    const begin = birth.at + (2 * index * EDIT_DAYS + chance.between([1, EDIT_DAYS - 1])) * DAY_MS
    const words: Texts = {
      EXTRA: [chance.pick(cast.EXTRA_SCOPES)],
      TAG: [chance.pick(cast.TAGS), 'reviewed'],
      GRANTED: birth.texts['scopes'] ?? [],
      END: [isoFrom(Math.floor(begin + 2 * DAY_MS))],
      'NAME, renewed': [`${birth.texts['name']?.[0] ?? kind}, renewed`],
    }
    return chance.pick(EDITS).map(({ command, afterDays, texts }) => ({
      at: Math.floor(begin + afterDays * DAY_MS),
      actor: chance.pick([...cast.ADMINS, ...cast.SUPPORT]),
      command,
      texts: Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, words[text] ?? [text]])),
    }))
  })
}
