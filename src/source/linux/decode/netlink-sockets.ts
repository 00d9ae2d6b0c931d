// From sock_diag bytes of netlink sockets (between programs and the kernel) to sockets. Pure.

import { littleEndian } from '../../../bytes/struct.ts'
import { bitNames, diagDraft, socketTypes, type DetailFields, type Draft } from './draft.ts'
import { readMemoryAndQueues } from './memory.ts'
import { netlinkDiagMsg } from '../kernel/structs.ts'
import { attributes, u32Of } from '../kernel/netlink.ts'

// include/uapi/linux/netlink_diag.h: NETLINK_DIAG_*
const MEMINFO = 0
const GROUPS = 1
const FLAGS = 4

/** include/uapi/linux/netlink.h: NETLINK_*, by the names that ss has for them. */
const protocols: Readonly<Record<number, string>> = {
  0: 'rtnl',
  1: 'unused',
  2: 'usersock',
  3: 'fw',
  4: 'tcpdiag',
  5: 'nflog',
  6: 'xfrm',
  7: 'selinux',
  8: 'iscsi',
  9: 'audit',
  10: 'fiblookup',
  11: 'connector',
  12: 'nft',
  13: 'ip6fw',
  14: 'dec-rt',
  15: 'uevent',
  16: 'genl',
  18: 'scsi-trans',
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

/** Reads one socket. */
export function readNetlink(view: DataView, at: number, end: number): Draft {
  const m = netlinkDiagMsg.read(view, at, end - at)
  const connected = m.dstPortid !== 0 || m.dstGroup !== 0
  const socket = diagDraft(m, 'netlink', connected ? 'ESTABLISHED' : 'UNCONNECTED', { id: m.portid })
  if (connected) socket.remote = { id: m.dstPortid }
  const fields: DetailFields = {}
  if (m.dstGroup !== 0) fields.remoteGroup = m.dstGroup
  for (const a of attributes(view, at + netlinkDiagMsg.size, end)) {
    if (a.type === MEMINFO) readMemoryAndQueues(socket, view, a)
    else if (a.type === GROUPS) fields.groups = groups(view, a.at, a.end) || undefined
    else if (a.type === FLAGS) fields.flags = bitNames(flagNames, u32Of(view, a))
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
