// Tree to a function that tests a socket. Everything that can be worked out before the first socket is.

import { ArgumentError } from '../model/errors.ts'
import type { Endpoint, Socket } from '../model/socket.ts'
import { compileGlob } from './language/glob.ts'
import { hostTest, remoteOrZero } from './language/host.ts'
import type { NumberTest, Processes } from './numbers.ts'
import { parseFilter } from './language/parse.ts'
import type { FilterContext, SocketTest } from './predicate.ts'
import { compileRegex } from './language/regex.ts'
import { statesOf } from './language/states.ts'
import type { Filter, HostFilter, NumberFilter, Pattern, Range } from './language/tree.ts'
import { checkTree } from './language/tree.ts'
import { states } from '../model/socket.ts'
import { numberField, textField } from './language/words.ts'

type Test = (socket: Socket, processes: Processes, context: FilterContext | undefined) => boolean

/**
 * A test for sockets, from a filter or its text. What is not known matches no comparison, and so every `not` of one.
 */
export function compileFilter(filter: Filter | string): SocketTest {
  if (typeof filter !== 'string') checkTree('filter', filter)
  const test = compile(typeof filter === 'string' ? parseFilter(filter) : filter)
  return (socket, processes, context) => test(socket, processes, context)
}

function compile(filter: Filter): Test {
  switch (filter.kind) {
    case 'everything':
      return () => true
    case 'and':
      return every(filter.parts.map(compile))
    case 'or':
      return any(filter.parts.map(compile))
    case 'not': {
      const part = compile(filter.part)
      return (s, p, c) => !part(s, p, c)
    }
    case 'host':
      return any(filter.hosts.map(host => onSide(filter.side, hostTest(host))))
    case 'number':
      return numberField(filter.field).some(numberTest(filter))
    case 'text':
      return textField(filter.field).some(patternsTest(filter.patterns))
    case 'state': {
      const set = statesOf(filter)
      return set.size === states.length ? () => true : ({ state }) => state !== undefined && set.has(state)
    }
    case 'device':
      return ({ interface: device }) => device !== undefined && (device.name === filter.name || String(device.index) === filter.name)
    case 'mark':
      // As in ss and the kernel, the value is not put under the mask.
      return ({ mark }) => mark !== undefined && (mark & filter.mask) >>> 0 === filter.value
    case 'cgroup':
      return cgroupTest(filter.path)
    case 'autobound':
      return autobound
  }
}

// A tree of halves, so that a long list of conditions does not become a long chain of calls.
function any(tests: readonly Test[]): Test {
  if (tests.length === 1) return tests[0]!
  const half = tests.length >> 1
  const a = any(tests.slice(0, half))
  const b = any(tests.slice(half))
  return (s, p, c) => a(s, p, c) || b(s, p, c)
}

function every(tests: readonly Test[]): Test {
  if (tests.length === 1) return tests[0]!
  const half = tests.length >> 1
  const a = every(tests.slice(0, half))
  const b = every(tests.slice(half))
  return (s, p, c) => a(s, p, c) && b(s, p, c)
}

function onSide(side: HostFilter['side'], test: (end: Endpoint | undefined, socket: Socket) => boolean): Test {
  if (side === 'src') return s => test(s.local, s)
  if (side === 'dst') return s => test(remoteOrZero(s), s)
  if (side === 'remote') return s => s.remote !== undefined && test(s.remote, s)
  return s => test(s.local, s) || (s.remote !== undefined && test(s.remote, s))
}

function numberTest({ op, values }: NumberFilter): NumberTest {
  const [first, last] = values[0]!
  if (op === '>') return value => value > first
  if (op === '<') return value => value < first
  if (op === '>=') return value => value >= first
  if (op === '<=') return value => value <= first
  if (values.length === 1) return first === last ? value => value === first : value => value >= first && value <= last
  return rangesTest(values)
}

// Sorted and put together, so that a long list is searched by halves.
function rangesTest(values: readonly Range[]): NumberTest {
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

/** A test for a text: it fits one of the patterns. */
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
  return remember(test)
}

// The same names come again and again; an expression takes far longer than finding its answer.
function remember(test: (text: string) => boolean): (text: string) => boolean {
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

/** The path inside the cgroup file system: without the place where that is mounted, and with a slash before it. */
export const cgroupPath = (path: string): string =>
  `/${path.replace(/^\/sys\/fs\/cgroup(?:\/unified)?(?=\/|$)/, '').replace(/^\/+|\/+$/g, '')}`

function cgroupTest(text: string): Test {
  if (/^\d+$/.test(text)) return ({ cgroup }) => cgroup !== undefined && String(cgroup.id) === text
  const path = cgroupPath(text)
  return ({ cgroup }) => cgroup?.path !== undefined && cgroupPath(cgroup.path) === path
}

/** The ports that Linux chooses from when nobody changed it. */
const usual = [32768, 60999] as const

// What ss calls autobound, by family. Where the kernel is asked as well, it is the one that knows.
const autobound: Test = ({ family, local }, _, context) => {
  if (family === 'unix') return local.path === undefined || /^@[0-9a-f]{5}$/.test(local.path)
  if (family === 'vsock') return (local.port ?? 0) > 1023
  if (local.port === undefined) return false
  const [from, to] = context?.ephemeralPorts ?? usual
  return local.port >= from && local.port <= to
}
