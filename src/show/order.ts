// The order of sockets in every output: the same input gives the same order.

import { families, protocols, states, type Socket } from '../model/socket.ts'
import { findColumn, type Cell, type Surroundings } from './columns.ts'

const rank = <T extends string>(words: readonly T[]): ReadonlyMap<string | undefined, number> => new Map(words.map((word, i) => [word, i]))
const protocolRank = rank(protocols)
const familyRank = rank(families)
const stateRank = rank(states)

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const kindOf = (s: Socket): number => protocolRank.get(s.protocol)! * 32 + (stateRank.get(s.state) ?? 31)

/** For sockets of the same kind. */
function tie(a: Socket, b: Socket): number {
  return (
    (a.local.port ?? 0) - (b.local.port ?? 0) ||
    (a.remote?.port ?? 0) - (b.remote?.port ?? 0) ||
    familyRank.get(a.family)! - familyRank.get(b.family)! ||
    compareText(a.local.address ?? a.local.path ?? '', b.local.address ?? b.local.path ?? '') ||
    compareText(a.remote?.address ?? '', b.remote?.address ?? '') ||
    (a.inode ?? 0) - (b.inode ?? 0) ||
    compareText(a.key, b.key)
  )
}

/** By protocol, state, port and address: listeners first. */
const usual = (a: Socket, b: Socket): number => kindOf(a) - kindOf(b) || tie(a, b)

/** Ports and place go into one number together, which is sorted many times faster than by a function: 32 bits and 21 of the 53 that a number has. */
const mostPlaces = 2 ** 21

function usualOrder(sockets: readonly Socket[]): readonly Socket[] {
  if (sockets.length > mostPlaces) return sockets.toSorted(usual)
  const kinds = new Map<number, number[]>()
  for (let i = 0; i < sockets.length; i++) {
    const socket = sockets[i]!
    const local = socket.local.port ?? 0
    const remote = socket.remote?.port ?? 0
    if (local > 65_535 || remote > 65_535) return sockets.toSorted(usual) // Those of VSOCK have 32 bits.
    const kind = kindOf(socket)
    const number = (local * 65_536 + remote) * mostPlaces + i
    const numbers = kinds.get(kind)
    if (numbers) numbers.push(number)
    else kinds.set(kind, [number])
  }
  const sorted: Socket[] = []
  for (const kind of [...kinds.keys()].sort((a, b) => a - b)) {
    const numbers = Float64Array.from(kinds.get(kind)!).sort()
    for (let i = 0; i < numbers.length;) {
      const ports = Math.floor(numbers[i]! / mostPlaces)
      const from = sorted.length
      for (; i < numbers.length && Math.floor(numbers[i]! / mostPlaces) === ports; i++) sorted.push(sockets[numbers[i]! % mostPlaces]!)
      const same = sorted.length - from
      if (same > 1) for (const [at, socket] of sorted.slice(from).sort(tie).entries()) sorted[from + at] = socket
    }
  }
  return sorted
}

/** Puts sockets in order. */
export type Sorter = (sockets: readonly Socket[], around: Surroundings) => readonly Socket[]

/** Sorts by `column` or `column:desc`, the first of them first; what is unknown comes last. A wrong column is a TypeError. */
export function sorter(by: readonly string[]): Sorter {
  const keys = by.flatMap(text => text.split(',')).map(parseKey)
  if (keys.length === 0) return usualOrder
  return (sockets, around) => {
    const rows = sockets.map(socket => ({ socket, values: keys.map(k => k.value(socket, around)) }))
    rows.sort((a, b) => {
      for (const [i, key] of keys.entries()) {
        const order = compare(a.values[i], b.values[i], key.descending)
        if (order !== 0) return order
      }
      return usual(a.socket, b.socket)
    })
    return rows.map(row => row.socket)
  }
}

function parseKey(text: string): { value: (socket: Socket, around: Surroundings) => Cell; descending: boolean } {
  const [id = '', direction = 'asc', ...rest] = text.trim().split(':')
  const found = findColumn(id)
  if (found === undefined) throw new TypeError(`--sort: there is no column ${JSON.stringify(id)}; see sockscope help columns`)
  if (rest.length > 0 || (direction !== 'asc' && direction !== 'desc'))
    throw new TypeError(`--sort ${JSON.stringify(text)}: after the colon comes asc or desc`)
  return { value: found.value, descending: direction === 'desc' }
}

function compare(a: Cell, b: Cell, descending: boolean): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1
  const order = typeof a === 'number' && typeof b === 'number' ? a - b : compareText(String(a), String(b))
  return descending ? -order : order
}
