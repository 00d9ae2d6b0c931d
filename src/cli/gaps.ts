// What a snapshot could not see, said to people and in exit codes.

import { hostname } from 'node:os'
import type { Snapshot } from '../model/snapshot.ts'
import { metaOf, schema } from '../wire/envelope.ts'
import { safe } from '../render/text.ts'
import { colour, note } from './output.ts'
import { exits } from './problem.ts'
import type { ParsedArguments } from './table.ts'
import { version } from './version.ts'

/** Says on stderr what could not be seen, and what would help. */
export function noteGaps(snapshot: Pick<Snapshot, 'gaps'>): void {
  for (const gap of snapshot.gaps) note(colour('yellow', safe(gap.help === '' ? gap.text : `${gap.text}: ${gap.help}`)))
}

/** The head of a JSON document. */
export const envelope = (snapshot: Snapshot) => {
  const host = snapshot.source.startsWith('replay ') ? undefined : hostname()
  return { schema, meta: metaOf(snapshot, version, host) }
}

/** The exit code of a command that looked: with --strict, 3 when something was hidden. */
export function exitCode(snapshot: Pick<Snapshot, 'gaps'>, args: ParsedArguments, found: boolean): number {
  if (args.has('strict') && snapshot.gaps.some(g => g.why === 'permission')) return exits.permission
  return found ? exits.found : exits.nothing
}
