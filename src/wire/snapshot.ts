// Snapshots on the wire.

import { ProcessTable, type Process } from '../model/process.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Socket } from '../model/socket.ts'
import { readDocument, writeDocument, type Parts } from './document.ts'
import { envelope, type Meta } from './envelope.ts'
import { enveloped } from './head.ts'
import { processes, sockets } from './nouns.ts'

/** The tables of a snapshot, as lists. */
export interface SnapshotTables {
  readonly sockets: readonly Socket[]
  readonly processes: readonly Process[]
}

export const snapshotShape = enveloped<'sockets', SnapshotTables>('sockets', { sockets, processes })

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
