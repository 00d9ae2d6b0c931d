// The lines of streams (`--ndjson`) on the wire.

import type { EventGap, SocketEvent } from '../model/event.ts'
import type { Flow } from '../model/flow.ts'
import type { Process } from '../model/process.ts'
import { states, type Socket, type State } from '../model/socket.ts'
import type { Listener } from '../report/ports.ts'
import { flowLists, type FlowList } from '../report/top.ts'
import { documentLimits } from './document.ts'
import { schema, type LineKind, type LineTime } from './envelope.ts'
import { event, flow, gap, process, socket } from './nouns.ts'
import { listener } from './reports.ts'
import { constant, count, list, number, object, optional, tagged, text, words, type Members, type Shape } from './shape.ts'

/** The start of every line of a kind. */
interface LineHead<K extends LineKind> extends LineTime {
  readonly schema: typeof schema
  readonly kind: K
}

/** A line: its head, followed by the members of its parts. */
function lined<K extends LineKind, Body>(kind: K, ...body: readonly Shape<Partial<Body>>[]): Shape<LineHead<K> & Body> {
  const head = { schema: constant(schema), kind: constant(kind), at: text(), atMs: number, frame: optional(count) }
  const parts: readonly Shape<unknown>[] = [object<LineHead<K>>(head as unknown as Members<LineHead<K>>), ...body]
  return {
    read: (value, at) => Object.assign({}, ...parts.map(part => part.read(value, at))) as LineHead<K> & Body,
    schema: definitions => ({ allOf: parts.map(part => part.schema(definitions)) }),
  }
}

const processes = list(process, documentLimits.processes)

/** A socket that opened, changed its state or closed between two snapshots, or what these cannot show. */
type ChangeLine =
  | {
      readonly type: 'opened' | 'changed' | 'closed'
      readonly socket: Socket
      /** The state before, where it changed. */
      readonly from?: State | undefined
      readonly processes: readonly Process[]
    }
  | Omit<EventGap, 'atMs'>

const changeOf = (type: 'opened' | 'changed' | 'closed'): Shape<ChangeLine> =>
  object<Extract<ChangeLine, { socket: Socket }>>({ type: constant(type), socket, from: optional(words(states)), processes })

const change = tagged<ChangeLine>('type', {
  opened: changeOf('opened'),
  changed: changeOf('changed'),
  closed: changeOf('closed'),
  gap: object<Omit<EventGap, 'atMs'>>({ type: constant('gap'), gap }) as Shape<ChangeLine>,
})

/** Every kind of line: its shape and its description. */
export const lineShapes = {
  event: {
    shape: lined<'event', SocketEvent | EventGap>('event', event),
    about: 'A socket that opened or closed as it happened, or a gap.',
  },
  change: { shape: lined<'change', ChangeLine>('change', change), about: 'A socket that changed between two snapshots, or a gap.' },
  flow: {
    shape: lined<'flow', Flow & { readonly list: FlowList }>('flow', object<{ readonly list: FlowList }>({ list: words(flowLists) }), flow),
    about: 'Traffic of a process, socket or remote in the interval of a frame.',
  },
  socket: {
    shape: lined<'socket', Socket & { readonly processes: readonly Process[] }>(
      'socket',
      socket,
      object<{ readonly processes: readonly Process[] }>({ processes }),
    ),
    about: 'A socket of a snapshot, and the processes that hold it.',
  },
  listener: { shape: lined<'listener', Listener>('listener', listener), about: 'What listens on a port, from where, and who holds it.' },
} satisfies Record<LineKind, { readonly shape: Shape<unknown>; readonly about: string }>
