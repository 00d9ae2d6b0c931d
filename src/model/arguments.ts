// Checks of callers' arguments: a mistake is an ArgumentError that starts with the name of the argument and states what is required. Pure.

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

const kindTexts: Readonly<Record<Kind, string>> = {
  text: 'text',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
  list: 'a list',
  map: 'a map',
  function: 'a function',
}

/** An object of this library that callers pass back: what it is, and the fields by which it is recognized. A `?` may be undefined. */
export interface ObjectKind {
  readonly what: string
  readonly fields: Readonly<Record<string, Kind | `${Kind}?`>>
}

export const aSocket: ObjectKind = { what: 'a socket of a snapshot', fields: { key: 'text' } }
/** The argument of an action. */
export const aFullSocket: ObjectKind = { ...aSocket, fields: { key: 'text', protocol: 'text', owners: 'list' } }
export const aProcess: ObjectKind = { what: 'a process of a snapshot', fields: { key: 'text', pid: 'number' } }
export const aSnapshot: ObjectKind = { what: 'a snapshot, as sockets() returns it', fields: { sockets: 'list', processes: 'map' } }
export const tcpStatistics: ObjectKind = { what: 'TCP statistics, such as the tcp of a socket', fields: {} }

/** A short text for the value that was found. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)
  for (const kind of ['list', 'object', 'function'] as const) if (kinds[kind](value)) return kindTexts[kind]
  return String(value)
}

/** Checks an argument that is a single value. */
export function checkKind(argument: string, given: unknown, kind: Kind): void {
  if (!kinds[kind](given)) throw new ArgumentError(`${argument}: needs ${kindTexts[kind]}, got ${shown(given)}`)
}

/** Checks an argument that is an object of this library. */
export function checkIs(argument: string, given: unknown, kind: ObjectKind): void {
  const wrong = wrongField(given, kind)
  if (wrong === undefined) return
  const got = wrong === '' ? `got ${shown(given)}` : `but its ${wrong} is ${shown((given as Record<string, unknown>)[wrong])}`
  throw new ArgumentError(`${argument}: needs ${kind.what}, ${got}`)
}

/** Checks a list of such objects. */
export function checkEach(argument: string, given: unknown, kind: ObjectKind): void {
  checkKind(argument, given, 'list')
  const list = given as readonly unknown[]
  for (let i = 0; i < list.length; i++) if (wrongField(list[i], kind) !== undefined) checkIs(`${argument}[${i}]`, list[i], kind)
}

/** The first wrong field; the empty name when the value is not an object at all. */
function wrongField(given: unknown, { fields }: ObjectKind): string | undefined {
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

/** Checks an object that may have these keys and no others. */
export function checkKeys(argument: string, given: unknown, known: readonly string[]): void {
  if (!kinds.object(given)) throw new ArgumentError(`${argument}: needs an object, got ${shown(given)}`)
  for (const key of Object.keys(given as object)) {
    if (known.includes(key)) continue
    const near = nearest(key, known)
    const hint = near === undefined ? `unknown key; expected one of ${known.join(', ')}` : `did you mean ${near}?`
    throw new ArgumentError(`${argument}.${key}: ${hint}`)
  }
}

/** Checks a time to wait: a delay that a JavaScript timer accepts. */
export function checkMillis(argument: string, given: unknown): void {
  if (!(typeof given === 'number' && given > 0 && given <= 2 ** 31 - 1))
    throw new ArgumentError(`${argument}: needs milliseconds above 0, got ${shown(given)}`)
}

/** Checks a number that counts. */
export function checkCount(argument: string, given: unknown): void {
  if (!(Number.isInteger(given) && (given as number) >= 0))
    throw new ArgumentError(`${argument}: needs a whole number from 0, got ${shown(given)}`)
}
