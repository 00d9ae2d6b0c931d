// `sockscope events`: each socket's birth and death as it happens, with its final bytes, one line each.

import type { EventGap, SocketEvent } from '../../model/event.ts'
import type { Process } from '../../model/process.ts'
import { endpointText } from '../../render/endpoint.ts'
import { processText } from '../../render/process-text.ts'
import { safe, safeJson } from '../../render/text.ts'
import { bytesText, microsText } from '../../render/units.ts'
import { Machine } from '../../machine/machine.ts'
import { onInterrupt } from '../interrupt.ts'
import { openMachine } from '../machine.ts'
import { colour, print } from '../output.ts'
import { count } from '../parse.ts'
import { exits, UsageError } from '../problem.ts'
import type { ParsedArguments } from '../table.ts'
import { rhythm, requestedBy, wordsOf } from '../wanted.ts'

/** Runs the command. */
export async function run(args: ParsedArguments): Promise<number> {
  if (wordsOf(args).states !== undefined)
    throw new UsageError('state: a socket that opens or closes is in no state; watch shows changes of state')
  // Letters choose tables here: a socket that opens or closes goes through all states.
  const {
    query: { states: _, ...query },
    test,
  } = requestedBy(args)
  const every = rhythm(args)
  const max = args.has('count') ? count('--count', args.value('count')!) : Infinity
  const signal = onInterrupt()
  const source = await openMachine(args)
  const line = args.has('ndjson') ? record : text
  try {
    let seen = 0
    for await (const event of new Machine(source).events({ ...query, every, signal })) {
      if (event.type !== 'gap' && test && !test(event.socket)) continue
      print(`${line(event)}\n`)
      if (event.type !== 'gap' && ++seen >= max) break
    }
    return signal.aborted ? exits.interrupted : exits.found
  } finally {
    source.close()
  }
}

const record = (event: SocketEvent | EventGap): string => safeJson(event)

function text(event: SocketEvent | EventGap): string {
  const time = new Date(event.atMs).toISOString().slice(11, 23)
  if (event.type === 'gap') return colour('yellow', safe(`${time} gap    ${event.gap.text}${event.gap.help && `: ${event.gap.help}`}`))
  const { type, socket, bytesIn, bytesOut, durationMs, accuracy: kind } = event
  const people = new Map<number, Process>(event.processes.map(p => [p.pid, p]))
  const who = [...new Set(socket.owners.map(o => o.pid))].map(pid => processText(people.get(pid), pid)).join(', ')
  const parts = [`${time} ${type === 'opened' ? 'opened' : 'closed'} ${socket.protocol} ${endpointText(socket.local, socket)}`]
  if (socket.remote) parts.push(`to ${endpointText(socket.remote, socket)}`)
  if (type === 'closed') {
    parts.push(` in ${bytesIn === undefined ? '?' : bytesText(bytesIn)} out ${bytesOut === undefined ? '?' : bytesText(bytesOut)}`)
    if (kind !== undefined && kind !== 'exact') parts.push(`(${kind})`)
    if (durationMs !== undefined) parts.push(`after ${microsText(durationMs * 1000)}`)
  }
  parts.push(` ${who || `(${socket.ownerless ?? 'no owner yet'})`}`)
  return colour(type === 'opened' ? 'green' : 'red', safe(parts.join(' ')))
}
