// What people may set in keywright.config.json beside the store. A file that is wrong is refused, not guessed.

import { readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isPlainText } from '../../src/domain/field.ts'
import { KeywrightError } from '../../src/domain/refusal.ts'
import type { Template } from '../../src/domain/template.ts'
import { parseTemplate, TEMPLATE_NAME } from '../../src/domain/template.ts'
import { quoted } from '../../src/domain/text.ts'
import { isBrand } from '../../src/domain/token.ts'
import { errnoOf, faultAt } from '../faults.ts'
import { sinkAt } from '../sink/kinds.ts'
import { firstJsonError, placeAt } from './locate.ts'

export interface Settings {
  readonly brand?: string
  readonly auditLog?: string
  /** The address of a second place for every record of the log. */
  readonly auditSink?: string
  readonly segmentBytes?: number
  readonly validateSummary?: 'hour' | 'day' | 'off'
  /** Keys of the terminal app by the command that they run. */
  readonly keys?: Readonly<Record<string, readonly string[]>>
  readonly templates?: Readonly<Record<string, Template>>
}

const CONFIG_NAME = 'keywright.config.json'
const MIN_SEGMENT_BYTES = 4096
const MAX_CONFIG_BYTES = 1024 * 1024
const MAX_BOUND_COMMANDS = 200
const MAX_KEYS_PER_COMMAND = 8
const MAX_TEMPLATES = 200
const COMMAND_NAME = /^[a-z-]+(\.[a-z-]+)*$/

/** A setting as it is used, or what is wrong with it. */
type Read = { readonly value: unknown } | { readonly problem: string }

const READERS: Readonly<Record<keyof Settings, (given: unknown) => Read>> = {
  brand: (given) =>
    typeof given === 'string' && isBrand(given)
      ? { value: given }
      : { problem: 'brand must be words of a-z and 0-9 joined by _, at most 27 characters' },
  auditLog: (given) =>
    typeof given === 'string' && given.endsWith('.log') ? { value: given } : { problem: 'auditLog must be a path that ends in .log' },
  auditSink: readSink,
  segmentBytes: (given) =>
    Number.isSafeInteger(given) && (given as number) >= MIN_SEGMENT_BYTES
      ? { value: given }
      : { problem: `segmentBytes must be a whole number of at least ${MIN_SEGMENT_BYTES}` },
  validateSummary: (given) =>
    ['hour', 'day', 'off'].includes(given as string) ? { value: given } : { problem: 'validateSummary must be hour, day or off' },
  keys: readKeys,
  templates: readTemplates,
}

export function configPathOf(keys: string): string {
  return join(dirname(keys), CONFIG_NAME)
}

/** The settings beside the store, or none. */
export function readSettings(keys: string): Settings {
  const path = configPathOf(keys)
  let text: string
  try {
    const { size } = statSync(path)
    if (size > MAX_CONFIG_BYTES)
      throw new KeywrightError('INVALID_INPUT', `${path} is larger than ${MAX_CONFIG_BYTES} bytes; settings are not`)
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return {}
    throw faultAt('STORE_UNAVAILABLE', 'reading the settings', path, error)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    const { line, column } = placeAt(text, firstJsonError(text) ?? 0)
    throw new KeywrightError('INVALID_INPUT', `${path}:${line}:${column}: this is not JSON; mend the settings or remove the file`)
  }
  const read = readMembers(value)
  if ('problem' in read) throw new KeywrightError('INVALID_INPUT', `${path}: ${read.problem}`)
  return read.value as Settings
}

const isObject = (given: unknown): given is object => typeof given === 'object' && given !== null && !Array.isArray(given)

function readMembers(given: unknown): Read {
  if (!isObject(given)) return { problem: 'the settings are not an object' }
  const settings: [string, unknown][] = []
  for (const [name, value] of Object.entries(given)) {
    const reader = Object.hasOwn(READERS, name) ? READERS[name as keyof Settings] : undefined
    if (reader === undefined) return { problem: `${quoted(name)} is not a setting; use ${Object.keys(READERS).join(', ')}` }
    const read = reader(value)
    if ('problem' in read) return read
    settings.push([name, read.value])
  }
  return { value: Object.fromEntries(settings) }
}

/** An object of at most that many members, each of which is read. */
function readEach(setting: keyof Settings, given: unknown, most: number, each: (name: string, value: unknown) => Read): Read {
  if (!isObject(given)) return { problem: `${setting} must be an object` }
  const entries = Object.entries(given)
  if (entries.length > most) return { problem: `${setting} must have at most ${most} members` }
  const read: [string, unknown][] = []
  for (const [name, value] of entries) {
    const one = each(name, value)
    if ('problem' in one) return one
    read.push([name, one.value])
  }
  return { value: Object.fromEntries(read) }
}

function readSink(given: unknown): Read {
  if (typeof given !== 'string') return { problem: 'auditSink must be a text' }
  const sink = sinkAt(given)
  return 'problem' in sink ? { problem: `auditSink: ${sink.problem}` } : { value: given }
}

function readKeys(given: unknown): Read {
  return readEach('keys', given, MAX_BOUND_COMMANDS, (name, value) => {
    if (!COMMAND_NAME.test(name)) return { problem: `keys: ${quoted(name)} is no name of a command of the app, as in keys.revoke` }
    const keys: unknown[] = Array.isArray(value) ? value : [value]
    const isRight =
      keys.length > 0 && keys.length <= MAX_KEYS_PER_COMMAND && keys.every((key) => typeof key === 'string' && isPlainText(key))
    return isRight ? { value: keys } : { problem: `keys: ${quoted(name)} must be a key or a list of 1 to ${MAX_KEYS_PER_COMMAND} keys` }
  })
}

function readTemplates(given: unknown): Read {
  return readEach('templates', given, MAX_TEMPLATES, (name, value) => {
    if (!TEMPLATE_NAME.test(name)) return { problem: `templates: ${quoted(name)} must be 1 to 40 characters of A-Z, a-z, 0-9, . _ and -` }
    const template = parseTemplate(value)
    return 'problem' in template ? { problem: `templates.${name}${template.problem}` } : { value: template }
  })
}
