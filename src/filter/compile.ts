// Compiles a tree to a function that tests a socket. Everything that does not depend on the socket is computed before the first one.

import { ArgumentError } from '../model/errors.ts'
import type { FieldContext, FilterContext, NumberField, TextField } from '../fields/field.ts'
import type { FieldRegistry } from '../fields/registry.ts'
import { remoteOrZero } from '../fields/endpoint.ts'
import { standardFields } from '../fields/standard.ts'
import type { Process } from '../model/process.ts'
import { states, type Endpoint, type Socket } from '../model/socket.ts'
import { compileGlob } from './language/glob.ts'
import { hostTest } from './language/host.ts'
import { parseFilter } from './language/parse.ts'
import { readTree } from './language/read-tree.ts'
import { compileRegex } from './language/regex.ts'
import { statesOf } from './language/states.ts'
import type { Filter, HostFilter, NumberFilter, Pattern, Range } from './language/tree.ts'

/** Whether a socket matches. */
export type SocketTest = (socket: Socket, processes: ReadonlyMap<number, Process>, context?: FilterContext) => boolean

type Test = (socket: Socket, context: FieldContext) => boolean

/**
 * Compiles a filter or its text to a test for sockets. An unknown value matches no comparison, and so matches every `not` of one.
 */
export const compileFilter = (filter: Filter | string, fields: FieldRegistry = standardFields): SocketTest =>
  compileTree(typeof filter === 'string' ? parseFilter(filter, { fields }) : readTree('filter', filter, fields), fields)

/** Compiles a tree that was read or parsed. */
export function compileTree(filter: Filter, fields: FieldRegistry): SocketTest {
  const test = compile(filter, fields)
  // What fields read beside a socket is made once for all sockets of a snapshot.
  let made: FieldContext = contextOf(new Map(), undefined)
  let from: FilterContext | undefined
  return (socket, processes, context) => {
    if (processes !== made.processes || context !== from) {
      from = context
      made = contextOf(processes, context)
    }
    return test(socket, made)
  }
}

const contextOf = (processes: ReadonlyMap<number, Process>, given: FilterContext | undefined): FieldContext => ({
  processes,
  names: undefined,
  ageMs: socket => given?.ageMs?.(socket),
  rate: socket => given?.rate?.(socket),
  ephemeralPorts: given?.ephemeralPorts,
})

function compile(filter: Filter, fields: FieldRegistry): Test {
  switch (filter.kind) {
    case 'everything':
      return () => true
    case 'and':
    case 'or':
      return joined(
        filter.kind,
        filter.parts.map(part => compile(part, fields)),
      )
    case 'not': {
      const part = compile(filter.part, fields)
      return (s, c) => !part(s, c)
    }
    case 'host':
      return joined(
        'or',
        filter.hosts.map(host => onSide(filter.side, hostTest(host))),
      )
    case 'number':
      return numberFieldTest(fields.number(filter.field)!, numberTest(filter))
    case 'text':
      return textFieldTest(fields.text(filter.field)!, patternsTest(filter.patterns))
    case 'state': {
      const set = statesOf(filter)
      return set.size === states.length ? () => true : ({ state }) => state !== undefined && set.has(state)
    }
    case 'device':
      return ({ interface: device }) => device !== undefined && (device.name === filter.name || String(device.index) === filter.name)
    case 'mark':
      // As in ss and the kernel, the mask is not applied to the value.
      return ({ mark }) => mark !== undefined && (mark & filter.mask) >>> 0 === filter.value
    case 'cgroup':
      return cgroupTest(filter.path)
    case 'autobound':
      return autobound
  }
}

function numberFieldTest({ some, value, scale }: NumberField, test: (value: number) => boolean): Test {
  if (some !== undefined) return (s, c) => some(s, c, test)
  if (scale === 1)
    return (s, c) => {
      const known = value(s, c)
      return known !== undefined && test(known as number)
    }
  return (s, c) => {
    const known = value(s, c)
    return known !== undefined && test((known as number) * scale)
  }
}

function textFieldTest(field: TextField, test: (text: string) => boolean): Test {
  const { value } = field
  if (field.type === 'boolean') {
    const isFor = { true: test('true'), false: test('false') }
    return (s, c) => {
      const known = value(s, c)
      return known !== undefined && (known === true ? isFor.true : isFor.false)
    }
  }
  const { some } = field
  if (some !== undefined) return (s, c) => some(s, c, test)
  return (s, c) => {
    const known = value(s, c)
    return known !== undefined && test(String(known))
  }
}

// A balanced tree, so that a long list of conditions does not become a long chain of calls.
function joined(kind: 'and' | 'or', tests: readonly Test[]): Test {
  if (tests.length === 1) return tests[0]!
  const half = tests.length >> 1
  const a = joined(kind, tests.slice(0, half))
  const b = joined(kind, tests.slice(half))
  return kind === 'or' ? (s, c) => a(s, c) || b(s, c) : (s, c) => a(s, c) && b(s, c)
}

function onSide(side: HostFilter['side'], test: (end: Endpoint | undefined, socket: Socket) => boolean): Test {
  if (side === 'src') return s => test(s.local, s)
  if (side === 'dst') return s => test(remoteOrZero(s), s)
  if (side === 'remote') return s => s.remote !== undefined && test(s.remote, s)
  return s => test(s.local, s) || (s.remote !== undefined && test(s.remote, s))
}

function numberTest({ op, values }: NumberFilter): (value: number) => boolean {
  const [first, last] = values[0]!
  if (op === '>') return value => value > first
  if (op === '<') return value => value < first
  if (op === '>=') return value => value >= first
  if (op === '<=') return value => value <= first
  if (values.length === 1) return first === last ? value => value === first : value => value >= first && value <= last
  return rangesTest(values)
}

// Sorted and merged, so that a long list can be searched by bisection.
function rangesTest(values: readonly Range[]): (value: number) => boolean {
  const merged: [number, number][] = []
  for (const [from, to] of [...values].sort((a, b) => a[0] - b[0])) {
    const before = merged.at(-1)
    if (before !== undefined && from <= before[1]) before[1] = Math.max(before[1], to)
    else merged.push([from, to])
  }
  return value => {
    let low = 0
    let high = merged.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (merged[middle]![1] < value) low = middle + 1
      else high = middle
    }
    return low < merged.length && merged[low]![0] <= value
  }
}

/** A test for a text: it matches one of the patterns. */
export function patternsTest(patterns: readonly Pattern[]): (text: string) => boolean {
  const exact = new Set(patterns.flatMap(pattern => (pattern.kind === 'exact' ? [pattern.text] : [])))
  const others = patterns.flatMap(pattern => (pattern.kind === 'exact' ? [] : [patternTest(pattern)]))
  if (others.length > 0) return text => exact.has(text) || others.some(test => test(text))
  if (exact.size > 1) return text => exact.has(text)
  const [only] = exact
  return text => text === only
}

function patternTest(pattern: Exclude<Pattern, { kind: 'exact' }>): (text: string) => boolean {
  if (pattern.kind === 'glob') return compileGlob(pattern.text)
  const test = compileRegex(pattern.source, pattern.ignoreCase)
  if (typeof test === 'string') throw new ArgumentError(test)
  return remembering(test)
}

// The same names recur; evaluating an expression takes far longer than looking up its result.
function remembering(test: (text: string) => boolean): (text: string) => boolean {
  const answers = new Map<string, boolean>()
  return text => {
    const known = answers.get(text)
    if (known !== undefined) return known
    if (answers.size === 1000) answers.clear()
    const answer = test(text)
    answers.set(text, answer)
    return answer
  }
}

/** The path inside the cgroup file system: without its mount point, and with a leading slash. */
export const cgroupPath = (path: string): string =>
  `/${path.replace(/^\/sys\/fs\/cgroup(?:\/unified)?(?=\/|$)/, '').replace(/^\/+|\/+$/g, '')}`

function cgroupTest(text: string): Test {
  if (/^\d+$/.test(text)) return ({ cgroup }) => cgroup !== undefined && String(cgroup.id) === text
  const path = cgroupPath(text)
  return ({ cgroup }) => cgroup?.path !== undefined && cgroupPath(cgroup.path) === path
}

/** The ports that Linux chooses from by default. */
const usual = [32768, 60999] as const

// The states that ss calls autobound, by family. Where the kernel evaluates this too, its result is more accurate.
const autobound: Test = ({ family, local }, context) => {
  if (family === 'unix') return local.path === undefined || /^@[0-9a-f]{5}$/.test(local.path)
  if (family === 'vsock') return (local.port ?? 0) > 1023
  if (local.port === undefined) return false
  const [from, to] = context.ephemeralPorts ?? usual
  return local.port >= from && local.port <= to
}
