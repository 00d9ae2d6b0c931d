// The fields of a flow: who moved how many bytes, in the interval and since the watch began.

import type { Flow } from '../model/flow.ts'
import { endpointText } from './endpoint.ts'
import { declare, type Cell, type Declaration, type Field } from './field.ts'
import { holdersText } from './process-text.ts'

/** Nothing was counted, because none of its sockets can be counted: the traffic is unknown, not 0. */
export const isUncounted = (flow: Flow): boolean =>
  flow.uncountedSockets > 0 && flow.uncountedSockets >= flow.sockets && flow.inTotalBytes === 0 && flow.outTotalBytes === 0

const counted =
  (value: (flow: Flow) => Cell) =>
  (flow: Flow): Cell =>
    isUncounted(flow) ? undefined : value(flow)

/** Bytes that a process received before it was found are subtracted from the unattributed ones, which can make these negative. */
const atLeastZero = (bytes: number): number => Math.max(0, bytes)

const declarations: readonly Declaration<'flow'>[] = [
  { id: 'name', type: 'text', about: 'name of the process, remote address, container, user or protocol', usual: true, truncates: 'middle' },
  { id: 'process.pid', names: 'pid', type: 'number', about: 'number of the process' },
  {
    id: 'process.name',
    names: 'process',
    type: 'text',
    about: 'process, or the script that it interprets; of a socket, every process that holds it',
    truncates: true,
    value: (f, c) => (f.socket === undefined ? (f.process?.script ?? f.name) : holdersText(f.socket, c.processes)),
  },
  { id: 'process.user', names: 'user', type: 'text', about: 'user that runs the process', truncates: true, dropPriority: 3 },
  { id: 'socket.protocol', names: 'protocol proto', title: 'PROTO', type: 'text', about: 'protocol of the socket', dropPriority: 1 },
  {
    id: 'socket.local',
    names: 'local',
    type: 'text',
    about: 'address and port of this end',
    truncates: 'middle',
    value: ({ socket }, c) => socket && endpointText(socket.local, socket, c.names),
  },
  {
    id: 'socket.remote',
    names: 'remote',
    type: 'text',
    about: 'address and port of the other end',
    truncates: 'middle',
    value: ({ socket }, c) => socket && endpointText(socket.remote, socket, c.names),
  },
  {
    id: 'averageBytesPerSecond',
    names: 'rate',
    type: 'number',
    about: 'traffic, both ways, averaged over the last seconds',
    usual: true,
    value: counted(f => f.averageBytesPerSecond),
  },
  {
    id: 'inBytesPerSecond',
    names: 'rateIn',
    title: 'IN/S',
    type: 'number',
    about: 'received per second in the interval',
    usual: true,
    value: counted(f => atLeastZero(f.inBytesPerSecond)),
    order: f => f.inBytesPerSecond,
  },
  {
    id: 'outBytesPerSecond',
    names: 'rateOut',
    title: 'OUT/S',
    type: 'number',
    about: 'sent per second in the interval',
    usual: true,
    value: counted(f => atLeastZero(f.outBytesPerSecond)),
    order: f => f.outBytesPerSecond,
  },
  {
    id: 'total',
    type: 'number',
    unit: 'bytes',
    about: 'received and sent since the watch began',
    usual: true,
    value: counted(f => f.inTotalBytes + f.outTotalBytes),
    order: f => f.inTotalBytes + f.outTotalBytes,
  },
  {
    id: 'inTotalBytes',
    names: 'in totalIn',
    type: 'number',
    about: 'received since the watch began',
    usual: true,
    dropPriority: 5,
    value: counted(f => f.inTotalBytes),
  },
  {
    id: 'outTotalBytes',
    names: 'out totalOut',
    type: 'number',
    about: 'sent since the watch began',
    usual: true,
    dropPriority: 4,
    value: counted(f => f.outTotalBytes),
  },
  {
    id: 'retransmittedBytes',
    names: 'retransmitted',
    title: 'RETRANS',
    type: 'number',
    about: 'bytes retransmitted in the interval; no other number includes them',
    dropPriority: 8,
    value: counted(f => (f.retransmittedBytes === 0 ? undefined : f.retransmittedBytes)),
  },
  {
    id: 'sockets',
    type: 'number',
    about: 'how many sockets it has; a star means that the bytes of some are not counted',
    usual: true,
    dropPriority: 6,
    text: f => `${f.sockets}${f.uncountedSockets > 0 ? '*' : ''}`,
  },
  {
    id: 'accuracy',
    type: 'text',
    words: ['exact', 'sampled', 'estimate'],
    about: 'accuracy of the numbers: that of the least accurate part',
    dropPriority: 7,
    value: counted(f => f.accuracy),
  },
]

/** The fields of a flow. */
export const flowFields = (): readonly Field<'flow'>[] => declarations.map(one => declare('flow', one))
