// What the two buffers of a socket hold and how large they are. Pure.

import type { Memory, Queues, State } from '../../../model/socket.ts'
import type { XsockbufN, XsocketN } from '../kernel/structs.ts'

/** What waits in a socket: bytes, or for a listener connections. */
export function queuesOf(
  state: State | undefined,
  socket: Pick<XsocketN, 'so_qlen' | 'so_qlimit'>,
  receive: Pick<XsockbufN, 'sb_cc'> | undefined,
  send: Pick<XsockbufN, 'sb_cc'> | undefined,
): Queues {
  const listens = state === 'LISTEN'
  return {
    receivedBytes: listens ? undefined : receive?.sb_cc,
    sendBytes: listens ? undefined : send?.sb_cc,
    backlog: listens ? socket.so_qlen : undefined,
    backlogLimit: listens ? socket.so_qlimit : undefined,
  }
}

/** The buffers of a socket. */
export function memoryOf(
  receive: Pick<XsockbufN, 'sb_mbcnt' | 'sb_hiwat'> | undefined,
  send: Pick<XsockbufN, 'sb_mbcnt' | 'sb_hiwat' | 'sb_cc'> | undefined,
): Memory {
  return {
    receiveAllocatedBytes: receive?.sb_mbcnt,
    receiveBufferBytes: receive?.sb_hiwat,
    sendAllocatedBytes: send?.sb_mbcnt,
    sendBufferBytes: send?.sb_hiwat,
    forwardAllocatedBytes: undefined,
    sendQueuedBytes: send?.sb_cc,
    optionBytes: undefined,
    backlogBytes: undefined,
    drops: undefined,
  }
}
