// The gaps of a snapshot, on stderr and in exit codes.

import { gapKey, type Gap } from '../model/gap.ts'
import type { Snapshot } from '../model/snapshot.ts'
import { gapText } from '../render/changes.ts'
import { colour, note } from './output.ts'
import { exits } from './problem.ts'
import type { ParsedArguments } from './table.ts'

/** Prints on stderr what could not be seen, and what would help. */
export function noteGaps(gaps: readonly Gap[]): void {
  for (const gap of gaps) note(colour('yellow', gapText(gap)))
}

/** The gaps of a repeating command: each is reported only once. */
export class NewGaps {
  readonly #known = new Set<string>()

  /** The gaps that have not been reported before. */
  of(gaps: readonly Gap[]): readonly Gap[] {
    return gaps.filter(gap => {
      const key = gapKey(gap)
      if (this.#known.has(key)) return false
      this.#known.add(key)
      return true
    })
  }
}

/** The exit code of a command that took a snapshot: with --strict, 3 when something was hidden. */
export function exitCode(snapshot: Pick<Snapshot, 'gaps'>, args: ParsedArguments, found: boolean): number {
  if (args.has('strict') && snapshot.gaps.some(g => g.why === 'permission')) return exits.permission
  return found ? exits.found : exits.nothing
}
