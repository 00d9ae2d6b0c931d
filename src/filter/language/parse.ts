// Text to tree: conditions joined by and, or, not and parentheses. A single condition is read in condition.ts.

import { ArgumentError } from '../../model/errors.ts'
import { checkKeys, checkKind } from '../../model/arguments.ts'
import { families, type Family } from '../../model/socket.ts'
import type { FieldRegistry } from '../../fields/registry.ts'
import { standardFields } from '../../fields/standard.ts'
import { readCondition } from './condition.ts'
import { fail, filterLimits, skipSpace, take, type Reader } from './scan.ts'
import { servicePort } from './services.ts'
import { join, type Filter } from './tree.ts'

/** Options for parsing a filter. */
export interface ParseOptions {
  /** The family of addresses that name none, as set by `ss -x`, `ss -0` and `--vsock`. */
  readonly family?: Family | undefined
  /** The port of a service; takes precedence over the built-in table. */
  readonly service?: (name: string) => number | undefined
  /** The fields that it can name. Default: the built-in ones. */
  readonly fields?: FieldRegistry
}

/** Parses a filter. Text that is not a filter throws a FilterError with the position. */
export function parseFilter(text: string, options: ParseOptions = {}): Filter {
  if (typeof text !== 'string') throw new ArgumentError(`text: needs the text of a filter, got ${typeof text}`)
  checkKeys('options', options, ['family', 'service', 'fields'] satisfies (keyof ParseOptions)[])
  if (options.family !== undefined && !families.includes(options.family))
    throw new ArgumentError(`options.family: needs one of ${families.join(', ')}, got ${String(options.family)}`)
  if (options.service !== undefined) checkKind('options.service', options.service, 'function')
  if (text.length > filterLimits.characters)
    fail(text, 0, 1, `a filter has at most ${filterLimits.characters} characters`, 'a shorter filter')
  const reader: Reader = {
    text,
    at: 0,
    fields: options.fields ?? standardFields,
    family: options.family,
    port: name => options.service?.(name) ?? servicePort(name),
    conditions: 0,
    values: 0,
    nested: 0,
  }
  skipSpace(reader)
  if (reader.at === text.length) return { kind: 'everything' }
  const { filter } = readList(reader)
  if (reader.at < text.length) fail(text, reader.at, reader.at + 1, 'this parenthesis was never opened', 'the end, or a further condition')
  return filter
}

// The depth is that of the tree: its printed form has at most as many parentheses.
interface Read {
  readonly filter: Filter
  readonly depth: number
}

const and = /&&?|and(?![\w.:=-])/iy
const or = /\|\|?|or(?![\w.:=-])/iy
const not = /!(?!=)|not(?![\w.:=-])/iy

// As in ss, `and` and `or` have the same precedence, from left to right; two adjacent conditions are joined by `and`.
function readList(s: Reader): Read {
  let read = readOne(s)
  for (;;) {
    skipSpace(s)
    if (s.at === s.text.length || s.text[s.at] === ')') return read
    const kind = take(s, or) !== undefined ? 'or' : 'and'
    if (kind === 'and') take(s, and)
    const next = readOne(s)
    const deeper = (one: Read): number => (one.filter.kind === kind ? one.depth : one.depth + 1)
    read = { filter: join(kind, [read.filter, next.filter]), depth: deep(s, Math.max(deeper(read), deeper(next))) }
  }
}

function deep(s: Reader, depth: number): number {
  if (depth > filterLimits.depth) fail(s.text, s.at - 1, s.at, `a filter is at most ${filterLimits.depth} levels deep`, 'a flatter filter')
  return depth
}

function readOne(s: Reader): Read {
  skipSpace(s)
  const start = s.at
  if (s.at === s.text.length) fail(s.text, start, start, 'a condition is missing here', 'a condition such as sport = :80')
  // Redundant parentheses create no tree, but they do use the stack.
  s.nested++
  deep(s, s.nested / 2)
  let read: Read
  if (take(s, not) !== undefined) {
    const { filter: part, depth } = readOne(s)
    read = { filter: { kind: 'not', part }, depth: deep(s, depth + 1) }
  } else if (s.text[start] === '(') {
    s.at++
    read = readList(s)
    if (s.text[s.at] !== ')') fail(s.text, start, start + 1, 'this parenthesis is never closed', ')')
    s.at++
  } else {
    if (++s.conditions > filterLimits.conditions)
      fail(s.text, start, start + 1, `a filter has at most ${filterLimits.conditions} conditions`, 'fewer conditions, or a list of values')
    read = { filter: readCondition(s), depth: 0 }
  }
  s.nested--
  return read
}
