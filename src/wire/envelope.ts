// The start of every JSON document and every line of a stream: the schema, the kind of document, and its time.

import type { Gap } from '../model/gap.ts'
import type { Snapshot } from '../model/snapshot.ts'
import { safeJson } from '../model/text.ts'

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

/** The kind of a line in a stream. */
export type LineKind = 'event' | 'change' | 'flow' | 'socket' | 'listener'

/** The time of a line. */
export interface LineTime {
  /** The time, as ISO 8601. */
  readonly at: string
  /** The time, in milliseconds since 1970. */
  readonly atMs: number
  /** The number of the frame that the line belongs to, where it belongs to one. */
  readonly frame?: number | undefined
}

export const lineTime = (atMs: number, frame?: number): LineTime => ({ at: isoTime(atMs), atMs, frame })

/** One line of a stream: its head, followed by the body. */
export const line = (kind: LineKind, time: LineTime, body: object): string => safeJson({ schema, kind, ...time, ...body })

/** The columns that the rows of a stream start with in CSV. */
export const timeColumns: readonly string[] = ['at', 'frame']
/** The cells of these columns. */
export const timeCells = ({ at, frame }: LineTime): readonly (string | number | undefined)[] => [at, frame]

const isoTime = (atMs: number): string => new Date(atMs).toISOString()
