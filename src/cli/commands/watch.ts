// `sockscope watch`: what opened, closed and changed since the last snapshot, one line each.

import type { DetailName } from '../../model/details.ts'
import type { Frame } from '../../model/frame.ts'
import type { Process } from '../../model/process.ts'
import type { Socket } from '../../model/socket.ts'
import { endpointText } from '../../render/endpoint.ts'
import { processText } from '../../render/process-text.ts'
import { safe, safeJson } from '../../render/text.ts'
import { watch } from '../../monitor/watch.ts'
import { noteGaps } from '../gaps.ts'
import { onInterrupt } from '../interrupt.ts'
import { openMachine } from '../machine.ts'
import { colour, printLines } from '../output.ts'
import { count } from '../parse.ts'
import { exits } from '../problem.ts'
import type { ParsedArguments } from '../table.ts'
import { rhythm, requestedBy } from '../wanted.ts'

/** Runs the command. */
export async function run(args: ParsedArguments): Promise<number> {
  const { query, test } = requestedBy(args)
  const every = rhythm(args)
  const max = args.has('count') ? count('--count', args.value('count')!) : Infinity
  const details: readonly DetailName[] = args.has('ndjson') ? ['tcp'] : []
  const signal = onInterrupt()
  const source = await openMachine(args)
  let seen = new Map<number, Process>()
  const said = new Set<string>()
  try {
    let snapshots = 0
    for await (const frame of watch({ source, every, query: { ...query, details }, signal })) {
      // A closed socket's process may have gone with it: the snapshot before still knew it.
      const known = new Map([...seen, ...frame.processes])
      printLines(args.has('ndjson') ? records(frame, known) : lines(frame, known, test))
      noteGaps({ gaps: frame.gaps.filter(g => !said.has(g.text) && said.add(g.text)) })
      seen = new Map(frame.processes)
      if (++snapshots > max) break
    }
    return signal.aborted ? exits.interrupted : exits.found
  } finally {
    source.close()
  }
}

function* lines(frame: Frame, processes: ReadonlyMap<number, Process>, test: ((s: Socket) => boolean) | undefined): Generator<string> {
  const time = new Date(frame.atMs).toISOString().slice(11, 23)
  const line = (word: string, s: Socket, from = ''): string => {
    const who =
      s.owners.map(o => processText(processes.get(o.pid), o.pid)).join(', ') || (s.ownerless === undefined ? '' : `(${s.ownerless})`)
    return safe(
      `${time} ${word} ${s.protocol} ${endpointText(s.local, s)} ${s.remote ? `to ${endpointText(s.remote, s)} ` : ''}${from}${s.state ?? ''}  ${who}`.trimEnd(),
    )
  }
  const { change } = frame
  if (change === undefined) return
  const requested = (s: Socket): boolean => test?.(s) ?? true
  for (const s of change.opened.filter(requested)) yield colour('green', line('opened ', s))
  for (const { socket, from } of change.changed) if (requested(socket)) yield line('changed', socket, `${from ?? '?'} > `)
  for (const s of change.closed.filter(requested)) yield colour('red', line('closed ', s))
}

function* records(frame: Frame, processes: ReadonlyMap<number, Process>): Generator<string> {
  const { atMs, change } = frame
  const record = (type: string, socket: Socket, rest: object = {}): string =>
    safeJson({ type, atMs, socket, ...rest, processes: socket.owners.map(o => processes.get(o.pid)).filter(p => p !== undefined) })
  for (const socket of change?.opened ?? []) yield record('opened', socket)
  for (const { socket, from } of change?.changed ?? []) yield record('changed', socket, { from })
  for (const socket of change?.closed ?? []) yield record('closed', socket)
  for (const gap of frame.gaps) yield safeJson({ type: 'gap', atMs, gap })
}
