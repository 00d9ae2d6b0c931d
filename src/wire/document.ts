// JSON documents as text: written in parts, so that a large one needs no large string, and read from a peer that may be hostile.

import { DecodeError } from '../model/errors.ts'
import { safeJson } from '../model/text.ts'
import { isObject, Place, type Shape } from './shape.ts'

/** The limits of one document: a forged one cannot make its reader use more memory than this. */
export const documentLimits = {
  /** All of it, in UTF-16 units. */
  text: 256 * 1024 * 1024,
  /** The depth of objects and lists inside each other. */
  nesting: 64,
  sockets: 1_000_000,
  processes: 1_000_000,
  events: 1_000_000,
  rows: 1_000_000,
  /** Owners of one socket. */
  owners: 100_000,
  /** The arguments of one command line, and the length of one: the limits of Linux. */
  commandWords: 1_000_000,
  commandWord: 2 * 1024 * 1024,
  gaps: 10_000,
  /** Members of a table by name, flags, rates of a history, ranges of ports. */
  few: 10_000,
} as const

/** A document in parts; joined, they are its text. */
export type Parts = Generator<string, void, undefined>

/** Writes an object. Members that are undefined are left out; lists and the values of maps are written element by element. */
export function* writeDocument(members: object): Parts {
  let before = '{'
  for (const [name, value] of Object.entries<unknown>({ ...members })) {
    if (value === undefined) continue
    const values = value instanceof Map ? value.values() : Array.isArray(value) ? value : undefined
    const head = `${before}${JSON.stringify(name)}:`
    if (values === undefined) yield `${head}${safeJson(value)}`
    else {
      yield `${head}[`
      yield* writeList(values)
      yield ']'
    }
    before = ','
  }
  yield before === '{' ? '{}' : '}'
}

/** Elements are joined up to this length, so that each part is worth a system call. */
const partLength = 16_384

function* writeList(values: Iterable<unknown>): Parts {
  let part = ''
  let isFirst = true
  for (const value of values) {
    part += `${isFirst ? '' : ',\n'}${safeJson(value ?? null)}`
    isFirst = false
    if (part.length < partLength) continue
    yield part
    part = ''
  }
  if (part !== '') yield part
}

/** The text of a document that is small enough for one string. */
export const textOf = (parts: Iterable<string>): string => [...parts].join('')

/** Reads a value that a peer sent, as text or already parsed; `root` is its name in errors. */
export function readDocument<T>(input: unknown, root: string, shape: Shape<T>): T {
  return shape.read(parseDocument(input, root), new Place(root))
}

/** The plain value of a document. */
export function parseDocument(input: unknown, root: string): Readonly<Record<string, unknown>> {
  const value = typeof input === 'string' ? parseText(input, root) : input
  if (!isObject(value)) throw new Place(root).needs('an object', value)
  return value
}

function parseText(text: string, root: string): unknown {
  const place = new Place(root)
  if (text.length > documentLimits.text) throw place.error(`needs at most ${documentLimits.text} characters, got ${text.length}`)
  // Checked before parsing: a parser can be made to allocate a hundred bytes for each unclosed bracket.
  if (measureJson(text).depth > documentLimits.nesting) throw place.error(`is nested more than ${documentLimits.nesting} levels deep`)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new DecodeError(root, 0, text.length, '', { text: 'is not JSON', cause })
  }
}

/** The depth of JSON text, and about the memory that its value costs: measured before it is parsed. */
export function measureJson(text: string): { readonly depth: number; readonly costBytes: number } {
  let depth = 0
  let open = 0
  let costBytes = 0
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: {
        const start = i
        // Skips a string: brackets in it do not count.
        for (i++; i < text.length; i++) {
          const unit = text.charCodeAt(i)
          if (unit === 0x22) break
          if (unit === 0x5c) i++
        }
        costBytes += 32 + i - start
        break
      }
      case 0x5b:
      case 0x7b:
        costBytes += 64
        depth = Math.max(depth, ++open)
        break
      case 0x5d:
      case 0x7d:
        open--
        break
      case 0x2c: // Commas and colons: one for each element and member.
      case 0x3a:
        costBytes += 16
        break
      default:
    }
  }
  return { depth, costBytes }
}
