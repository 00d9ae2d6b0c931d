// A JSON document on stdout: the one envelope around what a command found.

import { hostname } from 'node:os'
import type { Snapshot } from '../model/snapshot.ts'
import type { Source } from '../source/source.ts'
import { writeDocument } from '../wire/document.ts'
import { envelope, metaOf, type DocumentKind, type Meta } from '../wire/envelope.ts'
import { print } from './output.ts'
import { version } from './version.ts'

/** What a document is about: a snapshot, or a moment in which none was taken. */
export type Seen = Pick<Snapshot, 'atMs' | 'source' | 'gaps'>

/** The present moment of a source, for what is found without a snapshot. */
export const seenNow = (source: Source): Seen => ({ atMs: Date.now(), source: source.name, gaps: [] })

/** What is said about a snapshot beside its body. A recording does not have the name of its machine. */
export const metaFor = (seen: Seen): Meta => metaOf(seen, version, seen.source.startsWith('replay ') ? undefined : hostname())

/** Prints a report of a machine. */
export function printReport<Report extends Seen>(kind: DocumentKind, report: Report, more: object = {}): void {
  const { atMs, source, gaps, ...body } = report
  printDocument(kind, { atMs, source, gaps }, { ...body, ...more })
}

/** Prints one document. */
export function printDocument(kind: DocumentKind, seen: Seen, body: object): void {
  for (const part of writeDocument(envelope(kind, metaFor(seen), body))) print(part)
  print('\n')
}
