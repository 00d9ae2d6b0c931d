// From records of the kernel to sockets and processes. Pure but for `readProcess`, which is given.

import { ipv4, ipv6 } from '../../../bytes/address.ts'
import { littleEndian } from '../../../bytes/struct.ts'
import type { Process } from '../../../model/process.ts'
import type { Endpoint, Protocol, Queues, Socket, State, Traffic } from '../../../model/socket.ts'
import type { Tcp } from '../../../model/tcp.ts'
import type { ProcessTraffic } from '../bpf/meter.ts'
import type { TrafficRecord } from '../bpf/records.ts'
import { cookieKey, draft, mptcpKey, tcpStates } from '../decode/draft.ts'
import { familyOf, protocolOf } from '../decode/numbers.ts'
import { msPerTick } from '../kernel/proc-fs.ts'

/** SOCK_DONE: the other end's FIN has arrived. */
const doneFlag = 2

/** The key of a socket, as a snapshot makes it from the same cookie. */
export const keyOfCookie = (cookie: bigint | number): string =>
  typeof cookie === 'number' ? String(cookie) : cookieKey(Number(cookie & 0xffffffffn), Number(cookie >> 32n))

/** What says of which kind a socket is. */
type KindRecord = Pick<TrafficRecord, 'family' | 'type' | 'protocol'>
/** What a process is made of. */
export type ProcessRecord = Pick<TrafficRecord, 'tgid' | 'counts'>

const SOCK_RAW = 3

/** The protocol of a record. A raw socket can be of any protocol. */
export function recordProtocol(r: KindRecord): Protocol {
  if (familyOf(r.family) === 'unix') return 'unix'
  return r.type === SOCK_RAW ? 'raw' : (protocolOf(r.protocol) ?? 'raw')
}

/** The key of the socket of a record, as the tables make it. */
export function keyOfRecord(r: TrafficRecord, byInode: ReadonlySet<Protocol>): string {
  const protocol = recordProtocol(r)
  if (byInode.has(protocol)) return `${protocol} ${r.inode}`
  return protocol === 'mptcp' ? mptcpKey(keyOfCookie(r.cookie), socketOf(r, '', undefined)) : keyOfCookie(r.cookie)
}

/** The socket of a record. Owners are added later. */
export function socketOf(r: TrafficRecord, key: string, state: State | undefined): Socket {
  const family = familyOf(r.family) ?? 'ipv4'
  const local = family === 'unix' ? {} : endpoint(r.local, r.localPort, family)
  const remote = family === 'unix' || r.remotePort === 0 ? undefined : endpoint(r.remote, r.remotePort, family)
  return { ...draft(key, recordProtocol(r), family, state, local), remote, uid: r.uid, ownerless: 'unknown' }
}

const endpoint = (address: Uint8Array, port: number, family: Socket['family']): Endpoint => ({
  address: family === 'ipv6' ? ipv6(address) : ipv4(address.subarray(0, 4)),
  port,
})

/** In these states the FIN of this end is the last of what was written. */
const finWritten = new Set<State | undefined>(['FIN_WAIT_1', 'FIN_WAIT_2', 'CLOSING', 'LAST_ACK'])

/** A difference of sequence numbers, which wrap. */
const between = (from: number, to: number): number => (to - from) >>> 0

/** What a TCP socket had written and not sent when it closed. After a disconnect the next number to send may be ahead of what was written. */
const notSent = (r: TrafficRecord): number => {
  const bytes = between(r.sendNext, r.written)
  return bytes < 2 ** 31 ? bytes : 0
}

/** What a TCP socket had received and no process had read when it closed: the other end's FIN is in the sequence numbers until a process has read to it. */
function unread(r: TrafficRecord): number {
  const bytes = between(r.copied, r.receiveNext)
  return bytes > 0 && (r.flags & doneFlag) !== 0 ? bytes - 1 : bytes
}

/** What was queued in a TCP socket when it closed. */
export const finalQueues = (r: TrafficRecord): Queues => ({
  receivedBytes: unread(r),
  sendBytes: between(r.sendUnacked, r.sendNext) + notSent(r),
  backlog: undefined,
  backlogLimit: undefined,
})

/** True when this end of a connection opened it; undefined for a listener. */
export const hasConnected = (r: TrafficRecord): boolean | undefined =>
  r.remotePort === 0 ? undefined : tcpStates[r.oldState] === 'SYN_SENT'

/** True when this end of a TCP socket that closed has sent its FIN. */
export const hasSentFin = (r: TrafficRecord): boolean => finWritten.has(tcpStates[r.oldState]) && notSent(r) === 0

/** The final counters of a TCP socket; the record has nothing else. */
export function finalTcp(r: TrafficRecord): Tcp {
  const [sentBytes, retransmittedBytes, receivedBytes] = r.counts as [number, number, number]
  const segments = new DataView(r.nameBytes.buffer, r.nameBytes.byteOffset, 16)
  return {
    sentBytes,
    retransmittedBytes,
    receivedBytes,
    sentSegments: segments.getUint32(0, littleEndian),
    receivedSegments: segments.getUint32(4, littleEndian),
    sentDataSegments: segments.getUint32(8, littleEndian),
    receivedDataSegments: segments.getUint32(12, littleEndian),
    retransmittedSegments: r.retransmits,
    ackedBytes: r.acked,
    notSentBytes: notSent(r),
    // A segment's header has 20 bytes, and 12 more with timestamps; with an MD5 signature 20 more.
    negotiated: { timestamps: (r.headerBytes - 20) % 20 === 12 },
    rttMicros: r.rtt8 === 0 ? undefined : r.rtt8 >>> 3,
  } as Tcp
}

/** Payload that a TCP socket had received when it closed. */
export const recordedInBytes = (r: TrafficRecord): number => Math.max(0, r.counts[2]! - ((r.flags & doneFlag) !== 0 ? 1 : 0))

/** The process of a record of first use, for a process that ends before it can be read from /proc. */
export function processOf(r: ProcessRecord, name: string, bootMs: number | undefined, users: ReadonlyMap<number, string>): Process {
  const [startNs, parent, uid] = r.counts as [number, number, number]
  const ticks = Math.floor(startNs / (msPerTick * 1e6))
  return {
    key: `${r.tgid}.${ticks}`,
    pid: r.tgid,
    name,
    parentPid: parent === 0 ? undefined : parent,
    uid,
    user: users.get(uid),
    startedAtMs: bootMs === undefined ? undefined : bootMs + ticks * msPerTick,
    exe: undefined,
    command: undefined,
    script: undefined,
    container: undefined,
    unit: undefined,
  }
}

/** Stands for sockets of which only the protocol and the process are known. */
export const standIn = (protocol: Protocol, family: number, process: Process | undefined): Socket => ({
  ...draft(`unrecorded ${protocol} ${process?.key ?? ''}`, protocol, familyOf(family) ?? 'ipv4', undefined, {}),
  owners: process === undefined ? [] : [{ pid: process.pid, fd: undefined }],
  ownerless: process === undefined ? 'unknown' : undefined,
})

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
