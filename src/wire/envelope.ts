// What every JSON document and every line of a stream starts with: the schema, what it is, and the moment that it is about.

import type { Gap } from '../model/gap.ts'
import type { Snapshot } from '../model/snapshot.ts'

/** The name and version of the format. A new field does not change it; a changed or lost one does. */
export const schema = 'sockscope/1'

/** What a document is. */
export type DocumentKind = 'sockets' | 'groups' | 'ports' | 'port' | 'free' | 'stats' | 'explain' | 'top' | 'kill' | 'close' | 'doctor'

/** What is said about a snapshot beside its sockets. */
export interface Meta {
  /** The version of sockscope. */
  readonly version: string
  /** The machine that was looked at; absent for a recording, which does not have its name. */
  readonly host: string | undefined
  /** When, as ISO 8601. */
  readonly at: string
  /** When, in milliseconds since 1970. */
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

/** A document: what every reader finds first, and the body behind it. */
export const envelope = <Body extends object>(kind: DocumentKind, meta: Meta, body: Body) => ({ schema, kind, meta, ...body })

/** The moment of one record in a stream. */
export interface Moment {
  /** When, in milliseconds since 1970. */
  readonly atMs: number
  /** The number of the frame that the record belongs to; undefined where records do not come in frames. */
  readonly frame: number | undefined
}

/** The moment of a frame. */
export const momentOf = ({ atMs, sequence }: { readonly atMs: number; readonly sequence: number }): Moment => ({ atMs, frame: sequence })

/** One record of a stream: its type and its moment, and the body behind them. */
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
