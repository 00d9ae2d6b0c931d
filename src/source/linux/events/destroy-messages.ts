// Receives the kernel's messages about destroyed sockets, with their final counters. They need no privilege, cover only the own network namespace, and do
// not name the owners.

import { OsError } from '../../../model/errors.ts'
import type * as calls from '../kernel/calls.ts'
import type { Draft } from '../decode/draft.ts'
import { readDestroyed } from '../decode/inet.ts'
import type { EventScope } from './scope.ts'

const SOL_NETLINK = 270
const NETLINK_ADD_MEMBERSHIP = 1
const bufferBytes = 16 * 1024 * 1024
/** SKNLGRP_INET_TCP_DESTROY and so on: include/uapi/linux/sock_diag.h. Each protocol has one for IPv4 and one for IPv6. */
const groups = { tcp: [1, 3], udp: [2, 4] } as const

/** A queue of sockets that were destroyed. */
export interface DestroyMessages {
  /** Takes what has come, at most so many messages. True when the kernel had more than the queue could hold, and dropped some. */
  take(found: Draft[], max: number): boolean
  close(): void
}

/** Starts to listen. */
export function openDestroyMessages(c: typeof calls, protocol: 'tcp' | 'udp', scope: EventScope): DestroyMessages {
  const fd = scope.inside(() => c.openDiag())
  const buffer = new Uint8Array(64 * 1024)
  try {
    c.growReceiveBuffer(fd, bufferBytes)
    c.bindNetlink(fd)
    for (const group of groups[protocol]) c.setOption('NETLINK_ADD_MEMBERSHIP', fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
  } catch (error) {
    c.closeFd(fd)
    throw error
  }
  return {
    take(found, max) {
      let lost = false
      const before = found.length
      for (let i = 0; i < max; i++) {
        try {
          const length = c.receiveNow(fd, buffer)
          if (length === undefined) break
          readDestroyed(buffer.subarray(0, length), protocol, found)
        } catch (error) {
          if (!(error instanceof OsError && error.code === 'ENOBUFS')) throw error
          lost = true
        }
      }
      for (const socket of found.slice(before)) socket.key = scope.keyIn(socket.key, scope.only)
      return lost
    },
    close: () => c.closeFd(fd),
  }
}
