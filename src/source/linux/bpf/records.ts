// What the programs that see traffic write, and where in this kernel's memory they find it. Pure.

import { array, be16, bytes, id64, littleEndian, pad, struct, u16, u32, u64, type Read } from '../../../bytes/struct.ts'
import type { Btf } from './btf.ts'

/** What happened, in a record. `released`: a process has closed the last descriptor of a socket that is not of TCP. */
export const recordKinds = { opened: 1, closed: 2, used: 3, released: 4 } as const

/**
 * A record of the ring. In `closed` and `released`, `tgid` is the process that used the socket first, and `moved` is what it moved. `counts` and
 * `nameBytes` depend on the kind; what follows them has a meaning only in records of `closed`.
 */
export const trafficRecord = struct('traffic record', 216, {
  kind: u32,
  tgid: u32,
  id: id64,
  cookie: id64,
  atNs: u64,
  family: u16,
  protocol: u16,
  localPort: be16,
  remotePort: be16,
  local: bytes(16),
  remote: bytes(16),
  namespace: u32,
  uid: u32,
  oldState: u32,
  flags: u32,
  type: u16,
  // closed, released: 1 when the first use was not recorded, so the counters are still there and have the process.
  isKept: u16,
  unused: pad(4, 4),
  // used, released: the inode of the socket, for tables that have no cookies.
  inode: u64,
  moved: array(u64, 4),
  // closed: bytes sent, retransmitted and received. used: when the process started, its parent, its user.
  counts: array(u64, 3),
  // closed: segments out and in, data segments out and in. used: the name of the process.
  nameBytes: bytes(16),
  // Retransmitted segments, smoothed RTT in eighths.
  retransmits: u32,
  rtt8: u32,
  // Sequence numbers: the oldest that is not acknowledged, the next to send, the next to write; and how many were acknowledged in total.
  acked: u64,
  sendUnacked: u32,
  sendNext: u32,
  written: u32,
  // The length of a segment's header without its IP header.
  headerBytes: u16,
  unusedEnd: pad(2, 2),
  // Sequence numbers: the next to be received, and the next that a process reads.
  receiveNext: u32,
  copied: u32,
})
export type TrafficRecord = Read<typeof trafficRecord>

/** How long the records are: those that need less end earlier. */
export const recordSizes = {
  opened: trafficRecord.offsets.moved!,
  released: trafficRecord.offsets.counts!,
  used: trafficRecord.offsets.retransmits!,
  closed: trafficRecord.size,
} as const satisfies Record<keyof typeof recordKinds, number>

/**
 * The key of the counters: the identity of the socket below, the process above. The identity is its cookie; cookies count up from 1, so 42 bits last for
 * ever. A pid has 22 bits.
 */
export const moveKeySize = 8
export const cookieBits = 42
/** Makes the key of a process on a socket. */
export const moveKey = (cookie: bigint, pid: number): bigint => (BigInt(pid) << BigInt(cookieBits)) | cookie
/** Takes a key apart. */
export function readMoveKey(view: DataView, at: number): { readonly cookie: number; readonly pid: number } {
  const low = view.getUint32(at + (littleEndian ? 0 : 4), littleEndian)
  const high = view.getUint32(at + (littleEndian ? 4 : 0), littleEndian)
  return { cookie: (high % highest) * 2 ** 32 + low, pid: Math.trunc(high / highest) }
}
const highest = 2 ** (cookieBits - 32)
/** What `ended` of counters is: 0 for a socket that is open. */
export const endings = { byCalls: 1, byFinalBytes: 2, byLeastBytes: 3 } as const
/**
 * The counters of a process on a socket, and what is necessary to report them when their socket has ended and no record could be written. Calls are counted
 * for datagram sockets only.
 */
export const moveValue = struct('traffic value', 104, {
  inBytes: u64,
  inCalls: u64,
  outBytes: u64,
  outCalls: u64,
  // 1 when there was no room for the record of this use.
  isUnrecorded: u64,
  // When it was made, or the socket was last found open.
  seenNs: u64,
  // Where `ended` is `byFinalBytes`: the payload of the socket. `byLeastBytes`: what it sent may include its SYN and FIN.
  finalInBytes: u64,
  finalOutBytes: u64,
  startedNs: u64,
  family: u16,
  type: u16,
  protocol: u16,
  ended: u16,
  namespace: u32,
  uid: u32,
  nameBytes: bytes(16),
})
/** The counters alone: they are at the start. */
export const moveCounts = struct('traffic counts', 40, { inBytes: u64, inCalls: u64, outBytes: u64, outCalls: u64, isUnrecorded: u64 })
export type MoveValue = Read<typeof moveValue>

/** What is kept of a socket as long as the kernel has it: the process that used it first, flags, and the last state that was reported. */
export const mark = struct('socket mark', 16, { first: u32, flags: u32, state: u32, unused: u32 })

/** The counts of what there was no room for: records, counters, and records of ends, whose counters are kept instead. */
export const lostIndexes = { records: 0, counters: 1, ends: 2 } as const

/** The descriptors of the maps: the ring, the counters, what was lost, and the marks of sockets. */
export interface TrafficMaps {
  readonly ring: number
  readonly moves: number
  readonly lost: number
  readonly marks: number
}

const members = {
  family: ['sock_common', 'skc_family'],
  // Not skc_num, which is 0 as soon as a port that the kernel chose is given back.
  localPort: ['inet_sock', 'inet_sport'],
  remotePort: ['sock_common', 'skc_dport'],
  local4: ['sock_common', 'skc_rcv_saddr'],
  remote4: ['sock_common', 'skc_daddr'],
  local6: ['sock_common', 'skc_v6_rcv_saddr'],
  remote6: ['sock_common', 'skc_v6_daddr'],
  net: ['sock_common', 'skc_net'],
  netNs: ['net', 'ns'],
  nsNumber: ['ns_common', 'inum'],
  cookie: ['sock_common', 'skc_cookie'],
  lock: ['sock', 'sk_lock'],
  protocol: ['sock', 'sk_protocol'],
  type: ['sock', 'sk_type'],
  socket: ['sock', 'sk_socket'],
  file: ['socket', 'file'],
  inode: ['file', 'f_inode'],
  inodeNumber: ['inode', 'i_ino'],
  uid: ['sock', 'sk_uid'],
  flags: ['sock_common', 'skc_flags'],
  sent: ['tcp_sock', 'bytes_sent'],
  retransmitted: ['tcp_sock', 'bytes_retrans'],
  received: ['tcp_sock', 'bytes_received'],
  segmentsOut: ['tcp_sock', 'segs_out'],
  segmentsIn: ['tcp_sock', 'segs_in'],
  dataOut: ['tcp_sock', 'data_segs_out'],
  dataIn: ['tcp_sock', 'data_segs_in'],
  retransmits: ['tcp_sock', 'total_retrans'],
  rtt8: ['tcp_sock', 'srtt_us'],
  acked: ['tcp_sock', 'bytes_acked'],
  sendUnacked: ['tcp_sock', 'snd_una'],
  sendNext: ['tcp_sock', 'snd_nxt'],
  written: ['tcp_sock', 'write_seq'],
  headerBytes: ['tcp_sock', 'tcp_header_len'],
  receiveNext: ['tcp_sock', 'rcv_nxt'],
  copied: ['tcp_sock', 'copied_seq'],
  leader: ['task_struct', 'group_leader'],
  parent: ['task_struct', 'real_parent'],
  tgid: ['task_struct', 'tgid'],
  taskFlags: ['task_struct', 'flags'],
  started: ['task_struct', 'start_boottime'],
  name: ['task_struct', 'comm'],
} as const

/** Where things are in this kernel's memory. */
export type TrafficOffsets = { readonly [K in keyof typeof members | 'lockOwned']: number }

/** Finds the offsets; or names the member that this kernel does not have. */
export function trafficOffsets(btf: Btf): TrafficOffsets | string {
  const found: Record<string, number> = {}
  for (const [key, [type, member]] of Object.entries(members)) {
    const at = btf.offset(type, member)
    if (at === undefined || !Number.isInteger(at)) return `${type}.${member}`
    found[key] = at
  }
  // `sk_lock` has a type without a name: a spinlock, and behind it whether somebody owns the socket.
  const spinlock = btf.size('spinlock')
  if (spinlock === undefined) return 'spinlock'
  found.lockOwned = found.lock! + spinlock
  return found as TrafficOffsets
}
