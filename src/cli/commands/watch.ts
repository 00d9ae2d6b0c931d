// `sockscope watch`: what opened, closed and changed since the snapshot before, one line each.

import type { DetailName } from '../../model/details.ts'
import type { Change, Frame } from '../../model/frame.ts'
import type { Gap } from '../../model/gap.ts'
import type { Process } from '../../model/process.ts'
import type { Socket } from '../../model/socket.ts'
import { changeLines } from '../../render/changes.ts'
import { OffsetLine } from '../../render/time.ts'
import { holdersOf } from '../../fields/process-text.ts'
import { line, lineTime } from '../../wire/envelope.ts'
import { NewGaps, noteGaps } from '../gaps.ts'
import { exitCodeAfter, onInterrupt } from '../interrupt.ts'
import { withMachine } from '../machine.ts'
import { colour, printLines } from '../output.ts'
import { count, duration } from '../parse.ts'
import { exits } from '../problem.ts'
import type { ParsedArguments } from '../table.ts'
import { requestedBy } from '../wanted.ts'

type Processes = ReadonlyMap<number, Process>

/** Runs the command. */
export function run(args: ParsedArguments): Promise<number> {
  const { query, test } = requestedBy(args)
  const every = duration(args, 'every') ?? 1000
  const max = count(args, 'count') ?? Infinity
  const asLines = args.has('ndjson')
  const details: readonly DetailName[] = asLines ? ['tcp'] : []
  const signal = onInterrupt()
  const newGaps = new NewGaps()
  const offset = new OffsetLine()
  let before: Processes = new Map()
  return withMachine(args, async machine => {
    for await (const frame of machine.watch({ ...query, details, every, signal })) {
      // The process of a closed socket may have ended too: then only the snapshot before has it.
      const processes = new Map([...before, ...frame.processes])
      const change = selected(frame, test)
      const gaps = newGaps.of(frame.gaps)
      if (asLines) printLines(ndjson(frame, change, gaps, processes))
      else printLines([...offset.before(frame.atMs), ...changeLines(change, frame.atMs, processes, colour)])
      noteGaps(gaps)
      before = frame.processes
      if (frame.sequence >= max) break
    }
    return exitCodeAfter(signal, exits.found)
  })
}

/** The part of a change that the letters select. */
function selected(change: Change, test: ((socket: Socket) => boolean) | undefined): Change {
  if (test === undefined) return change
  const { opened, closed, changed } = change
  return { opened: opened.filter(test), closed: closed.filter(test), changed: changed.filter(c => test(c.socket)) }
}

function* ndjson(frame: Frame, change: Change, gaps: readonly Gap[], processes: Processes): Generator<string> {
  const time = lineTime(frame.atMs, frame.sequence)
  const ofSocket = (type: string, socket: Socket, rest: object = {}): string =>
    line('change', time, { type, socket, ...rest, processes: holdersOf(socket, processes) })
  for (const socket of change.opened) yield ofSocket('opened', socket)
  for (const { socket, from } of change.changed) yield ofSocket('changed', socket, { from })
  for (const socket of change.closed) yield ofSocket('closed', socket)
  for (const gap of gaps) yield line('change', time, { type: 'gap', gap })
}
