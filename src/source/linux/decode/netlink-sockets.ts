// From sock_diag bytes of netlink sockets (between programs and the kernel) to sockets. Pure.

import { littleEndian } from '../../../bytes/struct.ts'
import { cookieKey, draft, queuesOf, socketTypes, type Draft } from './draft.ts'
import { readMemory } from './memory.ts'
import { netlinkDiagMsg, netlinkDiagReq } from '../kernel/structs.ts'
import { attributes, message, NLM_F_DUMP, NLM_F_REQUEST, SOCK_DIAG_BY_FAMILY, u32Of } from '../kernel/netlink.ts'

const AF_NETLINK = 16
const ALL_PROTOCOLS = 255

// include/uapi/linux/netlink_diag.h: what to show.
const SHOW_MEMINFO = 1
const SHOW_GROUPS = 2
const SHOW_FLAGS = 8
// Its attributes.
const MEMINFO = 0
const GROUPS = 1
const FLAGS = 4

/** include/uapi/linux/netlink.h: NETLINK_* */
const protocols: Readonly<Record<number, string>> = {
  0: 'route',
  2: 'usersock',
  3: 'firewall',
  4: 'sock_diag',
  5: 'nflog',
  6: 'xfrm',
  7: 'selinux',
  8: 'iscsi',
  9: 'audit',
  10: 'fib_lookup',
  11: 'connector',
  12: 'netfilter',
  13: 'ip6_fw',
  14: 'dnrtmsg',
  15: 'uevent',
  16: 'generic',
  18: 'scsitransport',
  19: 'ecryptfs',
  20: 'rdma',
  21: 'crypto',
  22: 'smc',
}
const flagNames = [
  'dump-running',
  'pktinfo',
  'broadcast-error',
  'no-enobufs',
  'listen-all-nsid',
  'cap-ack',
  'ext-ack',
  'strict-check',
] as const

/** The name of a netlink protocol. */
export const netlinkProtocol = (number: number): string | undefined => protocols[number]

/** A request for all netlink sockets. The memory includes what waits to be read, so it is always asked for. */
export function netlinkRequest(): Uint8Array {
  const body = netlinkDiagReq.write({ family: AF_NETLINK, protocol: ALL_PROTOCOLS, show: SHOW_MEMINFO | SHOW_GROUPS | SHOW_FLAGS })
  return message(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, body)
}

/** Reads one socket. */
export function readNetlink(view: DataView, at: number, end: number): Draft {
  const m = netlinkDiagMsg.read(view, at, end - at)
  const connected = m.dstPortid !== 0 || m.dstGroup !== 0
  const socket = draft(cookieKey(m.cookie0, m.cookie1), 'netlink', 'netlink', connected ? 'ESTABLISHED' : 'UNCONNECTED', { id: m.portid })
  socket.inode = m.ino === 0 ? undefined : m.ino
  if (connected) socket.remote = { id: m.dstPortid }
  const fields: Record<string, string | number | undefined> = {}
  if (m.dstGroup !== 0) fields.remoteGroup = m.dstGroup
  for (const a of attributes(view, at + netlinkDiagMsg.size, end)) {
    if (a.type === MEMINFO) {
      socket.memory = readMemory(view, a.at, a.end - a.at)
      socket.queues = queuesOf(false, socket.memory.receiveAllocatedBytes!, socket.memory.sendAllocatedBytes!)
    } else if (a.type === GROUPS) fields.groups = groups(view, a.at, a.end) || undefined
    else if (a.type === FLAGS) fields.flags = flagNames.filter((_, bit) => (u32Of(view, a) >>> bit) & 1).join(' ') || undefined
  }
  socket.detail = { type: socketTypes[m.type], protocolNumber: m.protocol, protocolName: protocols[m.protocol], fields }
  return socket
}

/** The numbers of the multicast groups that the socket has joined, from a bit mask. */
function groups(view: DataView, at: number, end: number): string {
  const numbers: number[] = []
  for (let i = at; i + 4 <= end; i += 4) {
    const word = view.getUint32(i, littleEndian)
    for (let bit = 0; bit < 32; bit++) if ((word >>> bit) & 1) numbers.push((i - at) * 8 + bit + 1)
  }
  return numbers.join(' ')
}
