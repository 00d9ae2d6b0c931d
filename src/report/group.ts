// Sockets counted by a common value.

import { ArgumentError } from '../model/errors.ts'
import type { FieldContext } from '../fields/field.ts'
import { namedValue, type NamedValue } from '../fields/named.ts'
import type { FieldRegistry } from '../fields/registry.ts'
import { standardFields } from '../fields/standard.ts'
import type { Socket } from '../model/socket.ts'

/** The names that are listed for grouping; every field is accepted. */
export const groupNames = (fields: FieldRegistry = standardFields): readonly string[] =>
  fields
    .of('socket')
    .filter(field => field.groups)
    .map(field => field.names[0]!)

/** A group of sockets. */
export interface Group {
  /** The value that the sockets have in common. */
  readonly name: string
  /** How many sockets there are. */
  readonly sockets: number
  /** How many of them listen. */
  readonly listening: number
  /** How many of them are connected. */
  readonly established: number
}

/** Counts the sockets by a field or a path of the model; the biggest group first, then by name. */
export function groupSockets(
  sockets: readonly Socket[],
  by: string,
  context: FieldContext,
  fields: FieldRegistry = standardFields,
): readonly Group[] {
  const found = namedValue(by, fields)
  if (found === undefined) throw new ArgumentError(`group: unknown field ${JSON.stringify(by)}`)
  const groups = new Map<string, { sockets: number; listening: number; established: number }>()
  for (const socket of sockets) {
    const name = nameOf(socket, found, context)
    const group = groups.get(name) ?? { sockets: 0, listening: 0, established: 0 }
    group.sockets++
    if (socket.state === 'LISTEN') group.listening++
    if (socket.state === 'ESTABLISHED') group.established++
    groups.set(name, group)
  }
  return [...groups].map(([name, group]) => ({ name, ...group })).sort((a, b) => b.sockets - a.sockets || (a.name < b.name ? -1 : 1))
}

function nameOf(socket: Socket, { field, value }: NamedValue, context: FieldContext): string {
  if (field?.group !== undefined) return field.group(socket, context)
  return String(value(socket, context) ?? '(none)')
}
