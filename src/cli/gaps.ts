// What a look could not see, said to people and in exit codes.

import { hostname } from 'node:os'
import type { Look } from '../model/snapshot.ts'
import { metaOf, schema } from '../render/document.ts'
import { safe } from '../render/text.ts'
import { colour, note } from './output.ts'
import { exits } from './problem.ts'
import type { Given } from './table.ts'
import { version } from './version.ts'

/** Says on stderr what could not be seen, and what would help. */
export function noteGaps(look: Pick<Look, 'gaps'>): void {
  for (const gap of look.gaps) note(colour('yellow', safe(gap.help === '' ? gap.text : `${gap.text}: ${gap.help}`)))
}

/** The head of a JSON document. */
export const envelope = (look: Look) => {
  const host = look.source.startsWith('replay ') ? undefined : hostname()
  return { schema, meta: metaOf(look, version, host) }
}

/** The exit code of a command that looked: with --strict, 3 when something was hidden. */
export function ending(look: Pick<Look, 'gaps'>, given: Given, found: boolean): number {
  if (given.has('strict') && look.gaps.some(g => g.why === 'permission')) return exits.permission
  return found ? exits.found : exits.nothing
}
