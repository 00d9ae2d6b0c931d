// Sockets that opened, changed and closed, one line each.

import type { EventGap, SocketEvent } from '../model/event.ts'
import type { Change } from '../model/frame.ts'
import type { Gap } from '../model/gap.ts'
import type { Process } from '../model/process.ts'
import type { Socket } from '../model/socket.ts'
import { endpointText } from '../fields/endpoint.ts'
import { placeText } from '../fields/process-text.ts'
import { safe, type Paint } from './text.ts'
import { millisText } from './time.ts'
import { bytesText, microsText } from '../fields/units.ts'

/** What could not be seen, and what would help. */
export const gapText = (gap: Gap): string => safe(gap.help === '' ? gap.text : `${gap.text}: ${gap.help}`)

/** The lines of what happened between two snapshots. */
export function* changeLines(change: Change, atMs: number, processes: ReadonlyMap<number, Process>, paint: Paint): Generator<string> {
  const line = (word: string, s: Socket, from = ''): string => {
    const ends = `${endpointText(s.local, s)} ${s.remote ? `to ${endpointText(s.remote, s)} ` : ''}`
    return safe(`${millisText(atMs)} ${word} ${s.protocol} ${ends}${from}${s.state ?? ''}  ${placeText(s, processes)}`.trimEnd())
  }
  for (const s of change.opened) yield paint('green', line('opened ', s))
  for (const { socket, from } of change.changed) yield line('changed', socket, `${from ?? '?'} > `)
  for (const s of change.closed) yield paint('red', line('closed ', s))
}

/** One event, or a gap in a stream of events. */
export function eventLine(event: SocketEvent | EventGap, paint: Paint): string {
  const time = millisText(event.atMs)
  if (event.type === 'gap') return paint('yellow', `${time} gap    ${gapText(event.gap)}`)
  const { type, socket } = event
  const processes = new Map<number, Process>(event.processes.map(p => [p.pid, p]))
  const parts = [`${time} ${type} ${socket.protocol} ${endpointText(socket.local, socket)}`]
  if (socket.remote) parts.push(`to ${endpointText(socket.remote, socket)}`)
  if (type === 'closed') parts.push(...endParts(event))
  parts.push(` ${placeText(socket, processes, '(no owner yet)')}`)
  return paint(type === 'opened' ? 'green' : 'red', safe(parts.join(' ')))
}

function endParts({ inBytes, outBytes, accuracy, durationMs }: SocketEvent): string[] {
  const bytes = (n: number | undefined): string => (n === undefined ? '?' : bytesText(n))
  return [
    ` in ${bytes(inBytes)} out ${bytes(outBytes)}`,
    ...(accuracy === undefined || accuracy === 'exact' ? [] : [`(${accuracy})`]),
    ...(durationMs === undefined ? [] : [`after ${microsText(durationMs * 1000)}`]),
  ]
}
