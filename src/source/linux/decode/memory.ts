// The memory of a socket, as sock_diag and SO_MEMINFO report it. Pure.

import type { Memory } from '../../../model/socket.ts'
import { queuesOf, type Draft } from './draft.ts'
import type { Message } from '../kernel/netlink.ts'
import { skMeminfo } from '../kernel/structs.ts'

/** Reads the attribute SK_MEMINFO of a socket whose message has no queues: what waits in it is in there. */
export function readMemoryAndQueues(socket: Draft, view: DataView, a: Message): void {
  const memory = readMemory(view, a.at, a.end - a.at)
  socket.memory = memory
  socket.queues = queuesOf(false, memory.receiveAllocatedBytes!, memory.sendAllocatedBytes!)
}

/** Reads SK_MEMINFO of `length` bytes at `at`. */
export function readMemory(view: DataView, at: number, length: number): Memory {
  const m = skMeminfo.read(view, at, length)
  return {
    receiveAllocatedBytes: m.rmemAlloc,
    receiveBufferBytes: m.rcvbuf,
    sendAllocatedBytes: m.wmemAlloc,
    sendBufferBytes: m.sndbuf,
    forwardAllocatedBytes: m.fwdAlloc,
    sendQueuedBytes: m.wmemQueued,
    optionBytes: m.optmem,
    backlogBytes: m.backlog,
    drops: m.drops,
  }
}
