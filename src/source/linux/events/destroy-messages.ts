// Receives the kernel's messages about destroyed sockets, with their final counters. They need no privilege, cover only the own network namespace, and do
// not name the owners.

import { OsError } from '../../../model/errors.ts'
import type * as calls from '../kernel/calls.ts'
import type { Draft } from '../decode/draft.ts'
import { readDestroyed } from '../decode/inet.ts'

const SOL_NETLINK = 270
const NETLINK_ADD_MEMBERSHIP = 1
const SOL_SOCKET = 1
const SO_RCVBUF = 8
const SO_RCVBUFFORCE = 33
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
export function openDestroyMessages(c: typeof calls, protocol: 'tcp' | 'udp'): DestroyMessages {
  const fd = c.openDiag()
  const buffer = new Uint8Array(64 * 1024)
  try {
    try {
      c.setOption('SO_RCVBUFFORCE', fd, SOL_SOCKET, SO_RCVBUFFORCE, bufferBytes)
    } catch {
      c.setOption('SO_RCVBUF', fd, SOL_SOCKET, SO_RCVBUF, bufferBytes) // Without privileges the system's limit holds.
    }
    c.bindNetlink(fd)
    for (const group of groups[protocol]) c.setOption('NETLINK_ADD_MEMBERSHIP', fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
  } catch (error) {
    c.closeFd(fd)
    throw error
  }
  return {
    take(found, max) {
      let lost = false
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
      return lost
    },
    close: () => c.closeFd(fd),
  }
}
