// Trees from outside are read here, once, into trees of our own: an invalid one is refused with the place of the mistake, and later
// changes, or getters that return another value each time, have no effect.

import { definedOf } from '../../model/defined.ts'
import { ArgumentError } from '../../model/errors.ts'
import type { FieldRegistry } from '../../fields/registry.ts'
import { families, type Family } from '../../model/socket.ts'
import { addressWords } from './address.ts'
import { compileRegex } from './regex.ts'
import { filterLimits } from './scan.ts'
import { stateWords } from './states.ts'
import type { Comparison, Filter, Host, HostFilter, Pattern, Range, StateStep } from './tree.ts'

/** Nodes and values of a tree: more than any text can produce. */
const maxItems = 100_000

/** The tree, checked and copied. An invalid tree is an ArgumentError that starts with the argument and the place in it. */
export function readTree(argument: string, given: unknown, fields: FieldRegistry): Filter {
  if (!isObject(given) || own(argument, given, 'kind') === undefined)
    throw new ArgumentError(`${argument}: needs text, or a tree as parseFilter returns it`)
  return new TreeReader(argument, fields).node(argument, given, 0)
}

const isObject = (given: unknown): given is object => typeof given === 'object' && given !== null

/** An own property; inherited ones do not count. A getter or a proxy that throws is refused like any other mistake. */
function own(place: string, given: object, key: string): unknown {
  try {
    return Object.hasOwn(given, key) ? (given as Record<string, unknown>)[key] : undefined
  } catch (cause) {
    throw new ArgumentError(`${place}.${key}: cannot be read`, { cause })
  }
}

function refuse(place: string, needs: string): never {
  throw new ArgumentError(`${place}: needs ${needs}`)
}

const comparisons: readonly Comparison[] = ['=', '>', '<', '>=', '<=']
const sides: readonly HostFilter['side'][] = ['src', 'dst', 'remote', 'ip']

/** Reads one tree, and counts its nodes and values. */
class TreeReader {
  readonly #argument: string
  readonly #fields: FieldRegistry
  #items = 0

  constructor(argument: string, fields: FieldRegistry) {
    this.#argument = argument
    this.#fields = fields
  }

  node(place: string, given: unknown, depth: number): Filter {
    if (depth > filterLimits.depth) throw new ArgumentError(`${this.#argument}: has more than ${filterLimits.depth} levels, or is circular`)
    this.#count()
    if (!isObject(given)) refuse(place, 'a tree as parseFilter returns it')
    const kind = own(place, given, 'kind')
    switch (kind) {
      case 'everything':
      case 'autobound':
        return { kind }
      case 'and':
      case 'or':
        return { kind, parts: this.#list(place, given, 'parts', (at, part) => this.node(at, part, depth + 1)) }
      case 'not':
        return { kind, part: this.node(`${place}.part`, own(place, given, 'part'), depth + 1) }
      case 'host':
        return { kind, side: oneOf(place, given, 'side', sides), hosts: this.#list(place, given, 'hosts', readHost) }
      case 'number':
        return this.#number(place, given)
      case 'text': {
        const field = text(place, given, 'field')
        if (this.#fields.text(field) === undefined) refuse(`${place}.field`, `the first name of a text field, got ${shown(field)}`)
        return { kind, field, patterns: this.#list(place, given, 'patterns', readPattern) }
      }
      case 'state':
        return { kind, steps: this.#list(place, given, 'steps', readStep) }
      case 'device':
        return { kind, name: text(place, given, 'name') }
      case 'mark':
        return { kind, value: whole(place, given, 'value', 0xffffffff), mask: whole(place, given, 'mask', 0xffffffff) }
      case 'cgroup':
        return { kind, path: text(place, given, 'path') }
      default:
        return refuse(place, `a tree as parseFilter returns it; its kind is ${shown(kind)}`)
    }
  }

  #number(place: string, given: object): Filter {
    const field = text(place, given, 'field')
    if (this.#fields.number(field) === undefined) refuse(`${place}.field`, `the first name of a number field, got ${shown(field)}`)
    const op = oneOf(place, given, 'op', comparisons)
    const values = this.#list(place, given, 'values', readRange)
    if (op !== '=' && (values.length > 1 || values[0]![0] !== values[0]![1])) refuse(`${place}.values`, `one value with ${op}`)
    return { kind: 'number', field, op, values }
  }

  #count(): void {
    if (++this.#items > maxItems) throw new ArgumentError(`${this.#argument}: has more than ${maxItems} nodes and values`)
  }

  /** A list that is not empty. */
  #list<T>(place: string, given: object, key: string, each: (place: string, given: unknown) => T): T[] {
    const list = own(place, given, key)
    const at = `${place}.${key}`
    const length = lengthOf(at, list)
    if (length === 0) refuse(at, 'at least one')
    const read: T[] = []
    for (let i = 0; i < length; i++) {
      this.#count()
      read.push(each(`${at}[${i}]`, own(at, list as object, String(i))))
    }
    return read
  }
}

function lengthOf(place: string, list: unknown): number {
  let length: number | undefined
  try {
    length = Array.isArray(list) ? list.length : undefined
  } catch (cause) {
    throw new ArgumentError(`${place}: cannot be read`, { cause })
  }
  return length ?? refuse(place, 'a list')
}

/** Foreign text in a message: shortened. */
const shown = (given: unknown): string => (typeof given === 'string' ? JSON.stringify(given.slice(0, 40)) : typeof given)

function text(place: string, given: object, key: string): string {
  const value = own(place, given, key)
  return typeof value === 'string' && value !== '' ? value : refuse(`${place}.${key}`, 'text')
}

function oneOf<T extends string>(place: string, given: object, key: string, words: readonly T[]): T {
  const value = own(place, given, key)
  return words.includes(value as T) ? (value as T) : refuse(`${place}.${key}`, `one of ${words.join(', ')}`)
}

function whole(place: string, given: object, key: string, max: number): number {
  const value = own(place, given, key)
  return isWholeNumber(value) && value <= max ? value : refuse(`${place}.${key}`, `a whole number from 0 to ${max}`)
}

function readRange(place: string, given: unknown): Range {
  if (lengthOf(place, given) !== 2) refuse(place, 'two numbers, from and to')
  const from = own(place, given as object, '0')
  const to = own(place, given as object, '1')
  if (!isNumber(from) || !isNumber(to) || to < from) return refuse(place, 'two numbers, the smaller first')
  return [from, to]
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)

function readPattern(place: string, given: unknown): Pattern {
  if (!isObject(given)) refuse(place, 'a pattern')
  const kind = oneOf(place, given, 'kind', ['exact', 'glob', 'regex'])
  if (kind !== 'regex') {
    const value = own(place, given, 'text')
    return typeof value === 'string' ? { kind, text: value } : refuse(`${place}.text`, 'text')
  }
  const source = text(place, given, 'source')
  const ignoreCase = own(place, given, 'ignoreCase')
  if (typeof ignoreCase !== 'boolean') return refuse(`${place}.ignoreCase`, 'true or false')
  const made = compileRegex(source, ignoreCase)
  if (typeof made === 'string') throw new ArgumentError(`${place}.source: ${made}`)
  return { kind, source, ignoreCase }
}

function readStep(place: string, given: unknown): StateStep {
  if (!isObject(given)) refuse(place, 'a step')
  const word = text(place, given, 'word')
  if (!Object.hasOwn(stateWords, word)) refuse(`${place}.word`, `a word for states as printFilter writes it, got ${shown(word)}`)
  const exclude = own(place, given, 'exclude')
  return typeof exclude === 'boolean' ? { word, exclude } : refuse(`${place}.exclude`, 'true or false')
}

function readHost(place: string, given: unknown): Host {
  if (!isObject(given)) refuse(place, 'an address')
  const of = <T>(key: string, needs: string, is: (value: unknown) => value is T): T | undefined => {
    const value = own(place, given, key)
    return value === undefined || is(value) ? value : refuse(`${place}.${key}`, needs)
  }
  const family = of('family', `one of ${families.join(', ')}`, (value): value is Family => families.includes(value as Family))
  const path = of('path', 'text', isText)
  const address = of('address', 'text', isText)
  const zone = of('zone', 'text', isText)
  const isInternet = family === undefined || family === 'ipv4' || family === 'ipv6'
  const size = address === undefined || !isInternet ? 0 : sizeOf(place, address, family)
  const prefix = of('prefix', `a whole number from 0 to ${size}`, (value): value is number => isWholeNumber(value) && value <= size)
  const port = of('port', isInternet ? 'a port' : 'a number or text', (value): value is number | string =>
    isInternet ? isWholeNumber(value) && value <= 65_535 : isWholeNumber(value) || isText(value),
  )
  return definedOf({ family, address, prefix, zone, port, path })
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isWholeNumber = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

/** The number of bits of an address. */
function sizeOf(place: string, address: string, family: Family | undefined): number {
  const size = (addressWords(address)?.length ?? 0) * 32
  if (size === 0 || (family !== undefined && (family === 'ipv4') !== (size === 32)))
    refuse(`${place}.address`, `an IP address in digits${family === undefined ? '' : ` of ${family}`}, got ${shown(address)}`)
  return size
}
