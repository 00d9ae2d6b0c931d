// A snapshot as JSON: the same field names as the library.

import type { Gap } from '../model/gap.ts'
import type { Snapshot } from '../model/snapshot.ts'
import { safeJson } from './text.ts'

/** The name and version of the format. A new field does not change it; a changed or lost one does. */
export const schema = 'sockscope/1'

/** What is said about a snapshot beside its sockets. */
export interface Meta {
  readonly version: string
  /** The machine that looked; absent when it was a recording, which does not say. */
  readonly host: string | undefined
  readonly at: string
  readonly atMs: number
  readonly source: string
  /** Nothing was hidden, lost or interrupted. */
  readonly complete: boolean
  readonly gaps: readonly Gap[]
}

/** The meta part of a snapshot. */
export function metaOf(snapshot: Snapshot, version: string, host: string | undefined): Meta {
  return {
    version,
    host,
    at: new Date(snapshot.atMs).toISOString(),
    atMs: snapshot.atMs,
    source: snapshot.source,
    complete: snapshot.gaps.length === 0,
    gaps: snapshot.gaps,
  }
}

/** One JSON document, in parts, so that a big one needs no big string. */
export function* jsonDocument(snapshot: Snapshot, meta: Meta): Generator<string> {
  yield `{"schema":${JSON.stringify(schema)},"meta":${safeJson(meta)},"sockets":[`
  yield* list(snapshot.sockets)
  yield '],"processes":['
  yield* list([...snapshot.processes.values()])
  yield ']}\n'
}

function* list(values: readonly unknown[]): Generator<string> {
  for (const [i, value] of values.entries()) yield `${i === 0 ? '' : ',\n'}${safeJson(value)}`
}
