// A JSON document on stdout: the one envelope around the result of a command.

import { hostname } from 'node:os'
import type { Snapshot } from '../model/snapshot.ts'
import type { Source } from '../source/source.ts'
import { writeDocument } from '../wire/document.ts'
import { envelope, metaOf, type DocumentKind, type Meta } from '../wire/envelope.ts'
import { exitCode, noteGaps } from './gaps.ts'
import { print, printLines } from './output.ts'
import type { ParsedArguments } from './table.ts'
import { version } from './version.ts'

/** The subject of a document: a snapshot, or a moment in which none was taken. */
export type DocumentMoment = Pick<Snapshot, 'atMs' | 'source' | 'gaps'>

/** The current moment of a source, for results without a snapshot. */
export const currentMoment = (source: Source): DocumentMoment => ({ atMs: Date.now(), source: source.name, gaps: [] })

/** The meta data of a document. A recording does not contain the name of its machine. */
export const metaFor = (moment: DocumentMoment): Meta =>
  metaOf(moment, version, moment.source.startsWith('replay ') ? undefined : hostname())

/** Prints a report of a machine. */
export function printReport<Report extends DocumentMoment>(kind: DocumentKind, report: Report, more: object = {}): void {
  const { atMs, source, gaps, ...body } = report
  printDocument(kind, { atMs, source, gaps }, { ...body, ...more })
}

/** Shows a report as a document, or as lines and what could not be seen; returns the exit code. */
export function showReport(
  args: ParsedArguments,
  kind: DocumentKind,
  report: DocumentMoment,
  found: boolean,
  lines: () => Iterable<string>,
): number {
  if (args.has('json')) printReport(kind, report)
  else {
    printLines(lines())
    noteGaps(report.gaps)
  }
  return exitCode(report, args, found)
}

/** Prints one document. */
export function printDocument(kind: DocumentKind, moment: DocumentMoment, body: object): void {
  for (const part of writeDocument(envelope(kind, metaFor(moment), body))) print(part)
  print('\n')
}
