// The memory of a socket, as sock_diag and SO_MEMINFO report it. Pure.

import type { Memory } from '../../../model/socket.ts'
import { skMeminfo } from '../kernel/structs.ts'

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
