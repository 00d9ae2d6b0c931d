// `sockscope events`: each socket that opens or closes, as it happens, with its final byte counts, one line each.

import type { EventGap, SocketEvent } from '../../model/event.ts'
import { eventLine } from '../../render/changes.ts'
import { OffsetLine } from '../../render/time.ts'
import { line, lineTime } from '../../wire/envelope.ts'
import { exitCodeAfter, onInterrupt } from '../interrupt.ts'
import { withMachine } from '../machine.ts'
import { colour, printLines } from '../output.ts'
import { count, duration } from '../parse.ts'
import { exits, UsageError } from '../problem.ts'
import type { ParsedArguments } from '../table.ts'
import { requestedBy, wordsOf } from '../wanted.ts'

/** Runs the command. */
export function run(args: ParsedArguments): Promise<number> {
  if (wordsOf(args).states !== undefined) throw new UsageError('state: events has no states; use sockscope watch for state changes')
  // Letters select only tables here: a socket that opens or closes passes through all states.
  const {
    query: { states: _, ...query },
    test,
  } = requestedBy(args)
  const every = duration(args, 'every') ?? 1000
  const max = count(args, 'count') ?? Infinity
  const signal = onInterrupt()
  const offset = new OffsetLine()
  const linesOf = (event: SocketEvent | EventGap): string[] =>
    args.has('ndjson') ? [ndjsonOf(event)] : [...offset.before(event.atMs), eventLine(event, colour)]
  return withMachine(args, async machine => {
    let printed = 0
    for await (const event of machine.events({ ...query, every, signal })) {
      if (event.type !== 'gap' && test && !test(event.socket)) continue
      printLines(linesOf(event))
      if (event.type !== 'gap' && ++printed >= max) break
    }
    return exitCodeAfter(signal, exits.found)
  })
}

const ndjsonOf = (event: SocketEvent | EventGap): string => line('event', lineTime(event.atMs), event)
