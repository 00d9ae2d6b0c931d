// Lists of ports: `80,443,8000-8100`, with or without a leading colon.

import { ArgumentError } from '../../model/errors.ts'
import type { PortRange } from '../../model/limits.ts'
import { join, type Filter } from './tree.ts'

const maxRanges = 1000

/** Parses ports and ranges, in the order in which they are written. A mistake is an ArgumentError that starts with the name of the argument. */
export function parseRanges(text: string, argument = 'ports'): readonly PortRange[] {
  if (typeof text !== 'string') throw new ArgumentError(`${argument}: needs text such as 80,443,8000-8100, got ${typeof text}`)
  const parts = text.split(',')
  if (parts.length > maxRanges) throw new ArgumentError(`${argument}: at most ${maxRanges} ranges, got ${parts.length}`)
  return parts.map(part => parseRange(part.trim().replace(/^:/, ''), argument))
}

/** Parses ports and ranges; sorted, and merged where they touch. A mistake is an ArgumentError that starts with the name of the argument. */
export const parsePorts = (text: string, argument = 'ports'): readonly PortRange[] => mergeRanges(parseRanges(text, argument))

/** Ranges in ascending order, merged where they touch. */
export function mergeRanges(ranges: readonly PortRange[]): readonly PortRange[] {
  const joined: PortRange[] = []
  for (const range of [...ranges].sort((a, b) => a.first - b.first)) {
    const last = joined.at(-1)
    if (last !== undefined && range.first <= last.last + 1)
      joined[joined.length - 1] = { first: last.first, last: Math.max(last.last, range.last) }
    else joined.push(range)
  }
  return joined
}

/** Checks ranges that a caller made. */
export function checkRanges(argument: string, ranges: readonly PortRange[]): readonly PortRange[] {
  if (!Array.isArray(ranges) || ranges.length === 0)
    throw new ArgumentError(`${argument}: needs ports such as 80,443,8000-8100, or a list of { first, last }`)
  for (const range of ranges as readonly (Partial<PortRange> | null | undefined)[]) {
    const { first, last } = range ?? {}
    for (const port of [first, last])
      if (!Number.isInteger(port) || port! < 1 || port! > 65_535)
        throw new ArgumentError(`${argument}: needs a port from 1 to 65535, got ${String(port)}`)
    checkOrder(argument, first!, last!)
  }
  return ranges
}

function checkOrder(argument: string, first: number, last: number): void {
  if (last < first) throw new ArgumentError(`${argument}: ${first}-${last} ends before it starts`)
}

function parseRange(text: string, argument: string): PortRange {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text)
  if (match === null) throw new ArgumentError(`${argument}: ${JSON.stringify(text)} is not a port; write 80, 80,443 or 8000-8100`)
  const first = Number(match[1])
  const last = Number(match[2] ?? match[1])
  if (first < 1 || last > 65_535) throw new ArgumentError(`${argument}: ${JSON.stringify(text)} is not between 1 and 65535`)
  checkOrder(argument, first, last)
  return { first, last }
}

/** The filter for sockets whose local port (`sport`), or the port of either end (`port`), is in one of the ranges. */
export const portsFilter = (field: 'sport' | 'port', ranges: readonly PortRange[]): Filter => ({
  kind: 'number',
  field,
  op: '=',
  values: ranges.map(({ first, last }) => [first, last]),
})

/**
 * What a filter for listeners requires of their port, as a filter that takes the connections of these listeners too, which have the same local
 * port. Undefined: it requires nothing of it.
 */
export function listenerPorts(filter: Filter): Filter | undefined {
  switch (filter.kind) {
    case 'number':
      // A listener has only its own end.
      return filter.field === 'sport' || filter.field === 'port' ? { ...filter, field: 'sport' } : undefined
    case 'not': {
      const part = filter.part.kind === 'number' ? listenerPorts(filter.part) : undefined
      return part && { kind: 'not', part }
    }
    case 'and':
    case 'or': {
      const parts = filter.parts.map(listenerPorts).filter(part => part !== undefined)
      const says = filter.kind === 'and' ? parts.length > 0 : parts.length === filter.parts.length
      return says ? join(filter.kind, parts) : undefined
    }
    default:
      return undefined
  }
}

/** Whether the port is in one of the ranges. */
export const inRanges = (port: number | undefined, ranges: readonly PortRange[]): boolean =>
  port !== undefined && ranges.some(r => port >= r.first && port <= r.last)
