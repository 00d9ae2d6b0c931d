// What a name refers to in columns, sort keys, templates and groups: a field, or a path of the model.

import type { Socket } from '../model/socket.ts'
import { compareText } from '../model/text.ts'
import type { Cell, Field, FieldContext, Need, Subject, Subjects } from './field.ts'
import type { FieldRegistry } from './registry.ts'

/** A value that is referred to by a name. */
export interface NamedValue<S extends Subject = 'socket'> {
  /** The name, as it was written. */
  readonly name: string
  /** The field; undefined for a path, whose value is that of the model. */
  readonly field: Field<S> | undefined
  readonly needs: readonly Need[]
  readonly value: (subject: Subjects[S], context: FieldContext) => Cell
}

/** What each member of a socket needs that is not in the plain record. */
const members: Readonly<Record<keyof Socket, readonly Need[]>> = {
  key: [],
  protocol: [],
  family: [],
  state: [],
  local: [],
  remote: [],
  owners: ['owners'],
  ownerless: ['owners'],
  uid: [],
  inode: [],
  queues: [],
  timer: [],
  interface: [],
  namespace: [],
  mark: [],
  classId: [],
  cgroup: ['cgroup'],
  memory: ['memory'],
  options: ['options'],
  tcp: ['tcp'],
  traffic: [],
  securityContext: ['socketContext'],
  detail: [],
}

/** The value of that name; undefined when there is none. A path with a dot in it, such as `tcp.rttMicros`, is read from the model. */
export function namedValue(name: string, fields: FieldRegistry): NamedValue | undefined {
  const path = name.includes('.') ? pathValue(name) : undefined
  if (path !== undefined) return path
  const field = fields.find('socket', name)
  return field === undefined ? pathValue(name) : { name, field, needs: field.needs, value: field.value }
}

function pathValue(name: string): NamedValue | undefined {
  const steps = name.split('.')
  const member = steps[0]!
  if (!/^[a-zA-Z]\w*(\.\w+)*$/.test(name) || !Object.hasOwn(members, member)) return undefined
  const value = (socket: Socket): Cell => {
    let at: unknown = socket
    for (const step of steps) {
      if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined
      at = (at as Record<string, unknown>)[step]
    }
    return typeof at === 'object' && at !== null ? JSON.stringify(at) : (at as Cell)
  }
  return { name, field: undefined, needs: members[member as keyof Socket], value }
}

/** The order of two values; unknown ones come last in either direction. */
export function compareCells(a: Cell, b: Cell, descending: boolean): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? 1 : -1
  const order = typeof a === 'number' && typeof b === 'number' ? a - b : compareText(String(a), String(b))
  return descending ? -order : order
}
