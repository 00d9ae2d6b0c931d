// What callers give, checked by name: a mistake is an ArgumentError that starts with the name of the argument, and says what would be right. Pure.

import { ArgumentError } from './errors.ts'
import { nearest } from './nearest.ts'

const kinds = {
  text: (value: unknown) => typeof value === 'string',
  number: (value: unknown) => typeof value === 'number' && !Number.isNaN(value),
  boolean: (value: unknown) => typeof value === 'boolean',
  object: (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value),
  list: (value: unknown) => Array.isArray(value),
  map: (value: unknown) => typeof (value as { get?: unknown } | null)?.get === 'function',
  function: (value: unknown) => typeof value === 'function',
}
type Kind = keyof typeof kinds

const said: Readonly<Record<Kind, string>> = {
  text: 'text',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
  list: 'a list',
  map: 'a map',
  function: 'a function',
}

/** A thing of ours that callers hand back: what it is, and the fields by which it is known. A `?` may be undefined. */
export interface Thing {
  readonly what: string
  readonly fields: Readonly<Record<string, Kind | `${Kind}?`>>
}

export const aSocket: Thing = { what: 'a socket, as a snapshot gives it', fields: { key: 'text' } }
/** One that something is done to. */
export const aFullSocket: Thing = { ...aSocket, fields: { key: 'text', protocol: 'text', owners: 'list' } }
export const aProcess: Thing = { what: 'a process, as a snapshot gives it', fields: { key: 'text', pid: 'number' } }
export const aSnapshot: Thing = { what: 'a snapshot, as sockets() gives it', fields: { sockets: 'list', processes: 'map' } }
export const aSource: Thing = { what: 'a source, as openSource() gives it', fields: { takeSnapshot: 'function' } }
export const tcpStatistics: Thing = { what: 'what TCP knows, as the tcp of a socket gives it', fields: {} }

/** What was given, in a few words. */
function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)
  for (const kind of ['list', 'object', 'function'] as const) if (kinds[kind](value)) return said[kind]
  return String(value)
}

/** Any argument that is one value. */
export function checkKind(argument: string, given: unknown, kind: Kind): void {
  if (!kinds[kind](given)) throw new ArgumentError(`${argument}: needs ${said[kind]}, got ${shown(given)}`)
}

/** A thing of ours. */
export function checkIs(argument: string, given: unknown, thing: Thing): void {
  const wrong = wrongField(given, thing)
  if (wrong === undefined) return
  const got = wrong === '' ? `got ${shown(given)}` : `but its ${wrong} is ${shown((given as Record<string, unknown>)[wrong])}`
  throw new ArgumentError(`${argument}: needs ${thing.what}, ${got}`)
}

/** A list of such things. */
export function checkEach(argument: string, given: unknown, thing: Thing): void {
  checkKind(argument, given, 'list')
  const list = given as readonly unknown[]
  for (let i = 0; i < list.length; i++) if (wrongField(list[i], thing) !== undefined) checkIs(`${argument}[${i}]`, list[i], thing)
}

/** The first field that is not as it should be; the empty name when it is no object at all. */
function wrongField(given: unknown, { fields }: Thing): string | undefined {
  if (!kinds.object(given)) return ''
  for (const name in fields) {
    const kind = fields[name]!
    const value = (given as Record<string, unknown>)[name]
    const isOptional = kind.endsWith('?')
    if (isOptional && value === undefined) continue
    if (!kinds[(isOptional ? kind.slice(0, -1) : kind) as Kind](value)) return name
  }
  return undefined
}

/** An object that holds these keys and no others. */
export function checkKeys(argument: string, given: unknown, known: readonly string[]): void {
  if (!kinds.object(given)) throw new ArgumentError(`${argument}: needs an object, got ${shown(given)}`)
  for (const key of Object.keys(given as object)) {
    if (known.includes(key)) continue
    const near = nearest(key, known)
    const hint = near === undefined ? `there is no such key; there are ${known.join(', ')}` : `did you mean ${near}?`
    throw new ArgumentError(`${argument}.${key}: ${hint}`)
  }
}

/** A time to wait, as a timer of JavaScript can. */
export function checkMillis(argument: string, given: unknown): void {
  if (!(typeof given === 'number' && given > 0 && given <= 2 ** 31 - 1))
    throw new ArgumentError(`${argument}: needs milliseconds above 0, got ${shown(given)}`)
}

/** A number of things. */
export function checkCount(argument: string, given: unknown): void {
  if (!(Number.isInteger(given) && (given as number) >= 0))
    throw new ArgumentError(`${argument}: needs a whole number from 0, got ${shown(given)}`)
}
