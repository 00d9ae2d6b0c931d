// Snapshots and events on the wire.

import type { EventGap, SocketEvent } from '../model/event.ts'
import { ProcessTable, type Process } from '../model/process.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Socket } from '../model/socket.ts'
import { safeJson } from '../model/text.ts'
import { readDocument, writeDocument, type Parts } from './document.ts'
import { envelope, schema, type Meta } from './envelope.ts'
import { enveloped } from './head.ts'
import { event, processes, sockets } from './nouns.ts'
import { constant, object, optional, text, type Shape } from './shape.ts'

/** The tables of a snapshot, as lists. */
export interface Tables {
  readonly sockets: readonly Socket[]
  readonly processes: readonly Process[]
}

export const snapshotShape = enveloped<'sockets', Tables>('sockets', { sockets, processes })

/** A snapshot as a document, in parts. */
export function writeSnapshot(snapshot: Snapshot, meta: Meta): Parts {
  return writeDocument(envelope('sockets', meta, { sockets: snapshot.sockets, processes: snapshot.processes }))
}

/** A snapshot that a peer sent, with its meta data. */
export function readSnapshot(input: unknown): { readonly meta: Meta; readonly snapshot: Snapshot } {
  const { meta, ...tables } = readDocument(input, 'snapshot', snapshotShape)
  const { atMs, source, gaps } = meta
  return { meta, snapshot: { atMs, source, sockets: tables.sockets, processes: processTable(tables.processes), gaps } }
}

/** Processes by pid. */
export const processTable = (list: readonly Process[]): ProcessTable => new ProcessTable(list.map(process => [process.pid, process]))

/** A line of a stream has its schema, or belongs to a stream whose first line has it. */
interface EventHead {
  readonly schema?: typeof schema
  readonly at?: string
}
const eventHead = object<EventHead>({ schema: optional(constant(schema)), at: optional(text()) })

export const eventShape: Shape<SocketEvent | EventGap> = {
  read(value, at) {
    eventHead.read(value, at)
    return event.read(value, at)
  },
  schema: definitions => ({ allOf: [eventHead.schema(definitions), event.schema(definitions)] }),
}

/** An event as one line. */
export function writeEvent(event: SocketEvent | EventGap): string {
  return safeJson({ schema, at: new Date(event.atMs).toISOString(), ...event })
}

/** Reads an event that a peer sent. */
export const readEvent = (input: unknown): SocketEvent | EventGap => readDocument(input, 'event', eventShape)
