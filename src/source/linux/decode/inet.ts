// From sock_diag bytes of internet sockets to sockets. Pure. This is the inner loop of every snapshot, so it reads by hand
// what it needs, at the offsets of the declared structs.

import { ipv4At, ipv6At } from '../../../bytes/address.ts'
import { littleEndian as LE } from '../../../bytes/struct.ts'
import { viewOf } from '../../../bytes/text.ts'
import { DecodeError } from '../../../model/errors.ts'
import type { Cgroup, Endpoint, Options, State, Timer } from '../../../model/socket.ts'
import type { CongestionDetail } from '../../../model/tcp.ts'
import {
  cookieKey,
  draft,
  looseStates,
  mptcpKey,
  optionsOf,
  queuesOf,
  shutdownOf,
  tcpStates,
  timers,
  unreadBytes,
  type Draft,
  type TcpDraft,
} from './draft.ts'
import { readMemory } from './memory.ts'
import { familyNumbers, type InetProtocol } from './numbers.ts'
import {
  align4,
  attributeLength,
  attributes,
  attributeType,
  eachMessage,
  SOCK_DIAG_BY_FAMILY,
  textOf,
  u8Of,
  type Message,
} from '../kernel/netlink.ts'
import { mptcpDetail, rawDetail } from './protocol-detail.ts'
import { addressesDetail, sctpDetail, settleSctp } from './sctp.ts'
import { inetDiagMsg, inetDiagSockid, inetDiagSockopt, nlattr } from '../kernel/structs.ts'
import { forListener, readCongestion, readCounts, readTcp, u64At } from './tcp.ts'
import { readUpperLayer } from './upper-layer.ts'

// include/uapi/linux/inet_diag.h: INET_DIAG_*
export const INFO = 2
export const VEGASINFO = 3
export const CONG = 4
export const TOS = 5
export const TCLASS = 6
export const SKMEMINFO = 7
export const SHUTDOWN = 8
const DCTCPINFO = 9
const PROTOCOL = 10
const SKV6ONLY = 11
const LOCALS = 12
const PEERS = 13
const MARK = 15
const BBRINFO = 16
const CLASS_ID = 17
export const MD5SIG = 18
const ULP_INFO = 19
export const SK_BPF_STORAGES = 20
const CGROUP_ID = 21
const SOCKOPT = 22
/** sizeof(struct tcp_diag_md5sig), include/uapi/linux/tcp.h. The keys in it are secrets and are not read. */
export const md5Bytes = 100

const at = inetDiagMsg.offsets as Readonly<Record<keyof ReturnType<typeof inetDiagMsg.read>, number>>
const inId = inetDiagSockid.offsets
const STATE = at.state
const TIMER = at.timer
const RETRANS = at.retrans
const SPORT = at.id + inId.sport!
const DPORT = at.id + inId.dport!
const SRC = at.id + inId.src!
const DST = at.id + inId.dst!
const IF = at.id + inId.if!
const COOKIE = at.id + inId.cookie0!
const EXPIRES = at.expires
const RQUEUE = at.rqueue
const WQUEUE = at.wqueue
const UID = at.uid
const INODE = at.inode

const AF_INET6 = familyNumbers.ipv6

/** Gives the cgroup of an id; sockets of the same cgroup share it. */
export type CgroupOf = (id: number) => Cgroup

/** Reads one socket: the message content from `m` to `end`. With `counts`, of TCP only its counters: they are a third of the work. */
export function readInet(v: DataView, m: number, end: number, protocol: InetProtocol, cgroupOf: CgroupOf, counts = false): Draft {
  if (end - m < inetDiagMsg.size) throw new DecodeError('struct inet_diag_msg', inetDiagMsg.size, end - m, `at ${m}`)
  const v6 = v.getUint8(m) === AF_INET6
  const kernelState = v.getUint8(m + STATE)
  const remotePort = v.getUint16(m + DPORT)
  const state = protocol === 'tcp' ? snapshotStates[kernelState] : (stateTables[protocol] ?? looseStates)[kernelState]
  const key = cookieKey(v.getUint32(m + COOKIE, LE), v.getUint32(m + COOKIE + 4, LE))
  const socket = draft(key, protocol, v6 ? 'ipv6' : 'ipv4', state, endpoint(v, m + SRC, v.getUint16(m + SPORT), v6))
  if (remotePort !== 0 || (protocol === 'raw' && kernelState === 1)) socket.remote = endpoint(v, m + DST, remotePort, v6)
  if (protocol === 'mptcp') socket.key = mptcpKey(key, socket)
  const inode = v.getUint32(m + INODE, LE)
  if (inode !== 0) socket.inode = inode
  const uid = v.getUint32(m + UID, LE)
  // Of TIME_WAIT and of a connection that is half made the kernel has 0, which means nothing.
  if (uid !== 0 || inode !== 0 || (state !== 'TIME_WAIT' && state !== 'SYN_RECEIVED')) socket.uid = uid
  // DCCP fills in 0 for both.
  const received = v.getUint32(m + RQUEUE, LE)
  if (protocol !== 'dccp')
    socket.queues = queuesOf(state === 'LISTEN', protocol === 'tcp' ? unreadBytes(state, received) : received, v.getUint32(m + WQUEUE, LE))
  const timer = v.getUint8(m + TIMER)
  if (timer !== 0) socket.timer = timerOf(timer, v.getUint32(m + EXPIRES, LE), v.getUint8(m + RETRANS))
  const device = v.getUint32(m + IF, LE)
  if (device !== 0) socket.interface = { index: device, name: undefined }
  readAttributes(v, m + inetDiagMsg.size, end, socket, cgroupOf, counts && protocol === 'tcp')
  if (protocol === 'sctp') settleSctp(socket, kernelState)
  return socket
}

/** Reads the kernel's messages about sockets that were destroyed. */
export function readDestroyed(answer: Uint8Array, protocol: InetProtocol, found: Draft[]): void {
  const view = viewOf(answer)
  eachMessage(view, (type, from, end) => {
    if (type !== SOCK_DIAG_BY_FAMILY) return
    const socket = readInet(view, from, end, protocol, id => ({ id, path: undefined }))
    if (socket.state === 'BOUND') socket.state = 'CLOSED'
    socket.detail = undefined // The number of the protocol comes with it, which elsewhere only raw sockets have.
    if (protocol === 'udp') socket.queues = undefined // Its counters are taken down already: they read -1.
    found.push(socket)
  })
}

const endpoint = (v: DataView, a: number, port: number, v6: boolean): Endpoint => ({ address: v6 ? ipv6At(v, a) : ipv4At(v, a), port })

function timerOf(kind: number, expiresMs: number, retransmits: number): Timer | undefined {
  const name = timers[kind]
  return name === undefined ? undefined : { kind: name, expiresMs, retransmits }
}

/** What the kernel lists as CLOSED of TCP is bound and no more: it asks for a state of its own (13, since 6.7) and answers with this one. */
const snapshotStates: readonly (State | undefined)[] = tcpStates.map(state => (state === 'CLOSED' ? 'BOUND' : state))

/** include/linux/dccp.h: PARTOPEN, a client to which nothing has been sent yet, is the first number that TCP leaves free: 13, and 14 since 6.7. */
const dccpStates = [...tcpStates.slice(0, 13), 'ESTABLISHED', 'ESTABLISHED', 'CLOSE_WAIT'] as const

const stateTables: Readonly<Partial<Record<InetProtocol, readonly (State | undefined)[]>>> = {
  mptcp: tcpStates,
  dccp: dccpStates,
}

/** Everything that follows the fixed part of a message. */
function readAttributes(v: DataView, from: number, end: number, socket: Draft, cgroupOf: CgroupOf, counts: boolean): void {
  let v6only = UNKNOWN
  let shutdown = UNKNOWN
  let flags = UNKNOWN
  let tos = UNKNOWN
  let trafficClass = UNKNOWN
  let more = false
  for (let a = from; a < end;) {
    const length = attributeLength(v, a, end)
    const content = a + nlattr.size
    const size = length - nlattr.size
    const type = attributeType(v, a)
    if (type === INFO && counts) {
      if (socket.state !== 'LISTEN') socket.tcp = readCounts(v, content, size)
    } else if (type === SHUTDOWN) shutdown = v.getUint8(sized(content, size, 1)) & 3
    else if (type === SOCKOPT) flags = v.getUint8(sized(content, size, 2)) | (v.getUint8(content + 1) << 8)
    else if (type === CGROUP_ID) socket.cgroup = cgroupOf(u64At(v, sized(content, size, 8)))
    else if (type === SKV6ONLY) v6only = v.getUint8(sized(content, size, 1))
    else if (type === TOS) tos = v.getUint8(sized(content, size, 1))
    else if (type === TCLASS) trafficClass = v.getUint8(sized(content, size, 1))
    else if (type === MARK) socket.mark = v.getUint32(sized(content, size, 4), LE)
    else if (type === CLASS_ID) socket.classId = v.getUint32(sized(content, size, 4), LE)
    else if (type === SKMEMINFO) socket.memory = readMemory(v, content, size)
    else more = true
    a += align4(length)
  }
  socket.options = optionsCache.find(v6only, shutdown, flags, tos, trafficClass)
  if (more) readDetails(v, attributes(v, from, end), socket)
}

/** Where the content is, when it is as long as it should be. */
function sized(content: number, size: number, needed: number): number {
  if (size < needed) throw new DecodeError('inet_diag attribute', needed, size, `at ${content}`)
  return content
}

/** What is rare, or was asked for. */
function readDetails(v: DataView, all: readonly Message[], socket: Draft): void {
  let more: Partial<Options> | undefined
  let tcp: TcpDraft | undefined
  let congestion: string | undefined
  let record: CongestionDetail | undefined
  for (const a of all) {
    const size = a.end - a.at
    if (a.type === INFO && socket.protocol === 'tcp') tcp = readTcp(v, a.at, size)
    else if (a.type === CONG) congestion = textOf(v, a)
    else if (a.type === BBRINFO) record = readCongestion('bbr', v, a.at, size)
    else if (a.type === DCTCPINFO) record = readCongestion('dctcp', v, a.at, size)
    else if (a.type === VEGASINFO) record = readCongestion('vegas', v, a.at, size)
    else if (a.type === ULP_INFO) more = { ...more, upperLayer: readUpperLayer(v, a.at, a.end) }
    else if (a.type === MD5SIG) more = { ...more, md5Keys: Math.trunc(size / md5Bytes) }
    else if (a.type === SK_BPF_STORAGES) more = { ...more, bpfStorage: true }
    else if (a.type === PROTOCOL) socket.detail = rawDetail(u8Of(v, a))
    else if (a.type === INFO && socket.protocol === 'mptcp' && socket.state !== 'LISTEN') socket.detail = mptcpDetail(v, a.at, size)
    else if (a.type === INFO && socket.protocol === 'sctp') socket.detail = sctpDetail(v, a.at, size, socket.detail)
    else if (a.type === LOCALS && socket.protocol === 'sctp') socket.detail = addressesDetail('locals', v, a, socket.detail)
    else if (a.type === PEERS && socket.protocol === 'sctp') socket.detail = addressesDetail('peers', v, a, socket.detail)
  }
  if (more) socket.options = { ...(socket.options ?? optionsOf({})), ...more }
  if (tcp === undefined) return
  tcp.congestionControl = congestion
  tcp.congestionDetail = record
  if (socket.state === 'LISTEN') forListener(tcp)
  socket.tcp = tcp
}

/** What is not known, in place of a number of 8 or 16 bits. */
const UNKNOWN = -1

/** Options by their numbers. There are few different ones, so sockets with the same options share one object, which nobody changes. */
class OptionsCache {
  readonly #maxSize = 1000
  readonly #byNumber = new Map<number, Options>()
  #lastNumber = 0
  #last: Options | undefined

  /** Options from the plain attributes: each the kernel's number, or UNKNOWN. */
  find(v6only: number, shutdown: number, flags: number, tos: number, trafficClass: number): Options | undefined {
    // 2 + 3 + 17 + 9 + 9 bits: the number stays exact.
    const number = ((((v6only + 1) * 8 + (shutdown + 1)) * 0x20000 + (flags + 1)) * 512 + (tos + 1)) * 512 + (trafficClass + 1)
    if (number === this.#lastNumber) return this.#last
    this.#lastNumber = number
    this.#last = this.#byNumber.get(number)
    if (this.#last !== undefined || number === 0) return this.#last
    const known = (value: number): number | undefined => (value === UNKNOWN ? undefined : value)
    this.#last = optionsOf({
      v6only: v6only === UNKNOWN ? undefined : v6only !== 0,
      shutdown: shutdownOf(known(shutdown)),
      flags: flags === UNKNOWN ? undefined : flagNames(flags),
      tos: known(tos),
      trafficClass: known(trafficClass),
    })
    if (this.#byNumber.size >= this.#maxSize) this.#byNumber.clear()
    this.#byNumber.set(number, this.#last)
    return this.#last
  }
}

const optionsCache = new OptionsCache()

/** The names of the options that are on, as the kernel calls them. */
function flagNames(flags: number): string[] {
  const set = inetDiagSockopt.read(new DataView(new Uint8Array([flags & 255, flags >>> 8]).buffer))
  return Object.entries(set)
    .filter(([, on]) => on === 1)
    .map(([name]) => name)
}
