// What the programs that see traffic write, and where in this kernel's memory they find it. Pure.

import { array, be16, bytes, id64, littleEndian, struct, u16, u32, u64, type Read } from '../../../bytes/struct.ts'
import type { Btf } from './btf.ts'

/** What happened, in a record. */
export const recordKinds = { opened: 1, closed: 2, used: 3 } as const

/** A record of the ring. `counts` and `nameBytes` depend on its kind; what follows them has a meaning only in records of `closed`. */
export const trafficRecord = struct('traffic record', 152, {
  kind: u32,
  tgid: u32,
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
})
export type TrafficRecord = Read<typeof trafficRecord>

/** The key of the counters: the cookie below, the process above. Cookies count up from 1, so 42 bits last for ever; a pid has 22. */
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
/** The counters of a process on a socket. Calls are counted for datagram sockets only. */
export const moveValue = struct('traffic value', 32, { inBytes: u64, inCalls: u64, outBytes: u64, outCalls: u64 })

/** The descriptors of the maps: the ring, the counters, what was lost (records, counters), and the marks of what was reported. */
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
  leader: ['task_struct', 'group_leader'],
  parent: ['task_struct', 'real_parent'],
  tgid: ['task_struct', 'tgid'],
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
