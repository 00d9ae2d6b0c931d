// The order of sockets in every output: the same input gives the same order.

import { ArgumentError } from '../model/errors.ts'
import type { FieldContext } from '../fields/field.ts'
import { compareCells } from '../fields/named.ts'
import type { FieldRegistry } from '../fields/registry.ts'
import { standardFields } from '../fields/standard.ts'
import { families, protocols, states, type Socket } from '../model/socket.ts'
import { compareText } from '../model/text.ts'
import { findColumn, type Column } from './columns.ts'

const rank = <T extends string>(words: readonly T[]): ReadonlyMap<string | undefined, number> => new Map(words.map((word, i) => [word, i]))
const protocolRank = rank(protocols)
const familyRank = rank(families)
const stateRank = rank(states)

/** Protocol, state and both ports in one number, as far as these have 16 bits: at 50,000 sockets most comparisons need no more. */
function rankOf(s: Socket): number {
  const local = s.local.port ?? 0
  const ports = local < 65_536 ? local * 65_536 + Math.min(s.remote?.port ?? 0, 65_535) : 2 ** 32 - 1
  return (protocolRank.get(s.protocol)! * 32 + (stateRank.get(s.state) ?? 31)) * 2 ** 32 + ports
}

/** For sockets of the same rank: by their ports, which may have 32 bits, family, addresses, inode and key. */
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
const usual = (a: Socket, b: Socket): number => rankOf(a) - rankOf(b) || tie(a, b)

function usualOrder(sockets: readonly Socket[]): readonly Socket[] {
  const ranks = new Float64Array(sockets.length)
  const places = new Uint32Array(sockets.length)
  for (let i = 0; i < ranks.length; i++) {
    ranks[i] = rankOf(sockets[i]!)
    places[i] = i
  }
  places.sort((i, j) => ranks[i]! - ranks[j]! || tie(sockets[i]!, sockets[j]!))
  return Array.from(places, i => sockets[i]!)
}

/** The sort order of sockets. */
export interface Order {
  /** The sort keys. */
  readonly columns: readonly Column[]
  readonly sort: (sockets: readonly Socket[], context: FieldContext) => readonly Socket[]
}

/** Parses sort keys, `column` or `column:desc`, the most significant first; unknown values come last. A wrong column is an ArgumentError. */
export function parseOrder(by: readonly string[], fields: FieldRegistry = standardFields): Order {
  const keys = by.flatMap(text => text.split(',')).map(text => parseKey(text, fields))
  if (keys.length === 0) return { columns: [], sort: usualOrder }
  return {
    columns: keys.map(key => key.column),
    sort: (sockets, context) => {
      const rows = sockets.map(socket => ({ socket, values: keys.map(key => key.column.order(socket, context)) }))
      rows.sort((a, b) => {
        for (const [i, key] of keys.entries()) {
          const order = compareCells(a.values[i], b.values[i], key.descending)
          if (order !== 0) return order
        }
        return usual(a.socket, b.socket)
      })
      return rows.map(row => row.socket)
    },
  }
}

function parseKey(text: string, fields: FieldRegistry): { readonly column: Column; readonly descending: boolean } {
  const [name = '', direction = 'asc', ...rest] = text.trim().split(':')
  const column = findColumn(name, fields)
  if (column === undefined) throw new ArgumentError(`--sort: unknown column ${JSON.stringify(name)}; see sockscope help fields`)
  if (rest.length > 0 || (direction !== 'asc' && direction !== 'desc'))
    throw new ArgumentError(`--sort ${JSON.stringify(text)}: expected asc or desc after the colon`)
  return { column, descending: direction === 'desc' }
}
