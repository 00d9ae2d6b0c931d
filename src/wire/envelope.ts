// The start of every JSON document and every line of a stream: the schema, the kind of document, and its time.

import type { Gap } from '../model/gap.ts'
import type { Snapshot } from '../model/snapshot.ts'

/** The name and version of the format. A new field does not change it; a changed or removed one does. */
export const schema = 'sockscope/1'

/** The kind of a document. */
export type DocumentKind = 'sockets' | 'groups' | 'ports' | 'port' | 'free' | 'stats' | 'explain' | 'top' | 'kill' | 'close' | 'doctor'

/** The meta data of a snapshot. */
export interface Meta {
  /** The version of sockscope. */
  readonly version: string
  /** The machine that was inspected; absent for a recording, which does not contain its name. */
  readonly host: string | undefined
  /** The time, as ISO 8601. */
  readonly at: string
  /** The time, in milliseconds since 1970. */
  readonly atMs: number
  /** The source: `linux`, `linux (bpf)`, `replay linux`. */
  readonly source: string
  /** Nothing was hidden, lost or interrupted. */
  readonly complete: boolean
  /** What could not be seen. */
  readonly gaps: readonly Gap[]
}

/** The meta part of a snapshot. */
export function metaOf(snapshot: Pick<Snapshot, 'atMs' | 'source' | 'gaps'>, version: string, host: string | undefined): Meta {
  const { atMs, source, gaps } = snapshot
  return { version, host, at: isoTime(atMs), atMs, source, complete: gaps.length === 0, gaps }
}

/** A document: schema, kind and meta data, followed by the body. */
export const envelope = <Body extends object>(kind: DocumentKind, meta: Meta, body: Body) => ({ schema, kind, meta, ...body })

/** The time of one record in a stream. */
export interface Moment {
  /** The time, in milliseconds since 1970. */
  readonly atMs: number
  /** The number of the frame that the record belongs to; undefined for records without frames. */
  readonly frame: number | undefined
}

/** The moment of a frame. */
export const momentOf = ({ atMs, sequence }: { readonly atMs: number; readonly sequence: number }): Moment => ({ atMs, frame: sequence })

/** One record of a stream: its type and its moment, followed by the body. */
export const record = <Body extends object>(type: string, { atMs, frame }: Moment, body: Body) => ({
  type,
  at: isoTime(atMs),
  atMs,
  frame,
  ...body,
})

/** The moment of a row in CSV, in the order of `momentColumns`. */
export const momentCells = ({ atMs, frame }: Moment): readonly (string | number | undefined)[] => [isoTime(atMs), frame]
/** The columns that the rows of a stream start with. */
export const momentColumns: readonly string[] = ['at', 'frame']

const isoTime = (atMs: number): string => new Date(atMs).toISOString()
