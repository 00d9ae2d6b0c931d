// What every kind of socket has, from whichever record: its queues, its buffers, and the options that are set on it. Pure.

import type { Memory, Options, Queues, State } from '../../../model/socket.ts'
import type { Draft } from '../../draft.ts'
import type { XsockbufN, XsocketN } from '../kernel/structs.ts'
import type { Requested } from './requested.ts'

/** What is read of a socket, and of one of its buffers. */
type SocketPart = Pick<XsocketN, 'so_options' | 'so_state' | 'so_qlen' | 'so_qlimit'>
export type BufferPart = Pick<XsockbufN, 'sb_cc' | 'sb_hiwat' | 'sb_mbcnt'>

export function partsOf(
  state: State | undefined,
  socket: SocketPart,
  receive: BufferPart | undefined,
  send: BufferPart | undefined,
  requested: Requested,
): Pick<Draft, 'queues' | 'memory' | 'options'> {
  return {
    queues: queuesOf(state, socket, receive, send),
    memory: requested.memory ? memoryOf(receive, send) : undefined,
    options: requested.options ? optionsOf(socket.so_options, socket.so_state) : undefined,
  }
}

/** What waits in a socket: bytes, or for a listener connections. */
function queuesOf(state: State | undefined, socket: SocketPart, receive: BufferPart | undefined, send: BufferPart | undefined): Queues {
  const listens = state === 'LISTEN'
  return {
    receivedBytes: listens ? undefined : receive?.sb_cc,
    sendBytes: listens ? undefined : send?.sb_cc,
    backlog: listens ? socket.so_qlen : undefined,
    backlogLimit: listens ? socket.so_qlimit : undefined,
  }
}

const memoryOf = (receive: BufferPart | undefined, send: BufferPart | undefined): Memory => ({
  receiveAllocatedBytes: receive?.sb_mbcnt,
  receiveBufferBytes: receive?.sb_hiwat,
  sendAllocatedBytes: send?.sb_mbcnt,
  sendBufferBytes: send?.sb_hiwat,
  forwardAllocatedBytes: undefined,
  sendQueuedBytes: send?.sb_cc,
  optionBytes: undefined,
  backlogBytes: undefined,
  drops: undefined,
})

/** bsd/sys/socketvar.h */
const SS_CANTSENDMORE = 0x10
const SS_CANTRCVMORE = 0x20

/** bsd/sys/socket.h: what was set with setsockopt. */
const optionNames: readonly (readonly [number, string])[] = [
  [0x1, 'debug'],
  [0x4, 'reuseaddr'],
  [0x8, 'keepalive'],
  [0x10, 'dontroute'],
  [0x20, 'broadcast'],
  [0x80, 'linger'],
  [0x100, 'oobinline'],
  [0x200, 'reuseport'],
  [0x400, 'timestamp'],
]

/** From `so_options` and `so_state`. */
export function optionsOf(options: number, state: number): Options {
  const noReceive = (state & SS_CANTRCVMORE) !== 0
  const noSend = (state & SS_CANTSENDMORE) !== 0
  return {
    v6only: undefined,
    tos: undefined,
    trafficClass: undefined,
    shutdown: noReceive && noSend ? 'both' : noReceive ? 'receive' : noSend ? 'send' : 'none',
    flags: optionNames.filter(([bit]) => (options & bit) !== 0).map(([, name]) => name),
    upperLayer: undefined,
    md5Keys: undefined,
    bpfStorage: undefined,
  }
}
