// From records of the kernel to sockets and processes. Pure but for `readProcess`, which is given.

import { ipv4, ipv6 } from '../../../bytes/address.ts'
import type { Process } from '../../../model/process.ts'
import type { Endpoint, Protocol, Socket, State, Traffic } from '../../../model/socket.ts'
import type { Tcp } from '../../../model/tcp.ts'
import type { ProcessTraffic } from '../bpf/meter.ts'
import type { TrafficRecord } from '../bpf/records.ts'
import { cookieKey } from '../decode/draft.ts'

const nsPerTick = 1e7
const families: Readonly<Record<number, Socket['family']>> = { 1: 'unix', 2: 'ipv4', 10: 'ipv6' }
const protocols: Readonly<Record<number, Protocol>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  58: 'icmp',
  136: 'udplite',
  132: 'sctp',
  262: 'mptcp',
}
/** SOCK_DONE: the other end's FIN has arrived. */
const doneFlag = 2

/** The key of a socket, as a snapshot makes it from the same cookie. */
export const keyOf = (cookie: bigint | number): string =>
  typeof cookie === 'number' ? String(cookie) : cookieKey(Number(cookie & 0xffffffffn), Number(cookie >> 32n))

/** The protocol of a record. */
export const protocolOf = (r: TrafficRecord): Protocol => (r.family === 1 ? 'unix' : (protocols[r.protocol] ?? 'raw'))

/** The socket of a record. Owners are added later. */
export function socketOf(r: TrafficRecord, key: string, state: State | undefined, tcp: Tcp | undefined): Socket {
  const family = families[r.family] ?? 'ipv4'
  return {
    key,
    protocol: protocolOf(r),
    family,
    state,
    local: family === 'unix' ? {} : endpoint(r.local, r.localPort, family),
    remote: family === 'unix' || r.remotePort === 0 ? undefined : endpoint(r.remote, r.remotePort, family),
    owners: [],
    ownerless: undefined,
    uid: r.uid,
    inode: undefined,
    queues: undefined,
    timer: undefined,
    interface: undefined,
    namespace: undefined,
    mark: undefined,
    classId: undefined,
    cgroup: undefined,
    memory: undefined,
    options: undefined,
    tcp,
    detail: undefined,
  }
}

const endpoint = (address: Uint8Array, port: number, family: Socket['family']): Endpoint => ({
  address: family === 'ipv6' ? ipv6(address) : ipv4(address.subarray(0, 4)),
  port,
})

/** The final counters of a TCP socket; everything else that TCP knows is not in the record, and so not in here. */
export function finalTcp(r: TrafficRecord): Tcp {
  const [sentBytes, retransmittedBytes, receivedBytes] = r.counts as [number, number, number]
  const segments = new DataView(r.nameBytes.buffer, r.nameBytes.byteOffset, 16)
  return {
    sentBytes,
    retransmittedBytes,
    receivedBytes,
    sentSegments: segments.getUint32(0, true),
    receivedSegments: segments.getUint32(4, true),
    sentDataSegments: segments.getUint32(8, true),
    receivedDataSegments: segments.getUint32(12, true),
    retransmittedSegments: r.retransmits,
    rttMicros: r.rtt8 === 0 ? undefined : r.rtt8 >>> 3,
  } as Tcp
}

/** Payload of a TCP socket that closed. */
export function finalBytes(r: TrafficRecord): { readonly inBytes: number; readonly outBytes: number } {
  const [sent, again, received] = r.counts as [number, number, number]
  const fin = (r.flags & doneFlag) !== 0 ? 1 : 0
  return { inBytes: Math.max(0, received - fin), outBytes: Math.max(0, sent - again) }
}

/** The process of a record of first use, for a process that ends before it can be read from /proc. */
export function processOf(r: TrafficRecord, name: string, bootMs: number | undefined, users: ReadonlyMap<number, string>): Process {
  const [startNs, parent, uid] = r.counts as [number, number, number]
  const ticks = Math.floor(startNs / nsPerTick)
  return {
    key: `${r.tgid}.${ticks}`,
    pid: r.tgid,
    name,
    parentPid: parent === 0 ? undefined : parent,
    uid,
    user: users.get(uid),
    startedAtMs: bootMs === undefined ? undefined : bootMs + ticks * 10,
    exe: undefined,
    command: undefined,
    script: undefined,
    container: undefined,
    unit: undefined,
  }
}

/** What processes moved on one socket, added up. */
export function trafficOf(moves: readonly ProcessTraffic[]): Traffic {
  const sum = (of: 'inBytes' | 'outBytes' | 'inCalls' | 'outCalls'): number => moves.reduce((all, move) => all + move[of], 0)
  return {
    inBytes: sum('inBytes'),
    outBytes: sum('outBytes'),
    inCalls: sum('inCalls'),
    outCalls: sum('outCalls'),
    processes: moves.map(({ pid, inBytes, outBytes }) => ({ pid, inBytes, outBytes })),
  }
}
