// Which requests are made for a table, so that the kernel leaves out what is not wanted.

import { isDeepStrictEqual } from 'node:util'
import type { DetailName } from '../../../model/details.ts'
import type { Filter } from '../../../filter/language/tree.ts'
import { OsError } from '../../../model/errors.ts'
import type { Family, Protocol, State } from '../../../model/socket.ts'
import { allStates, stateMask } from '../decode/draft.ts'
import { readInet, type CgroupOf } from '../decode/inet.ts'
import { readNetlink } from '../decode/netlink-sockets.ts'
import { familyNumbers as AF, type InetProtocol } from '../decode/numbers.ts'
import { readPacket } from '../decode/packet.ts'
import { blankSecrets } from '../decode/secrets.ts'
import { readTipc } from '../decode/tipc.ts'
import { readUnix } from '../decode/unix.ts'
import { readVsock } from '../decode/vsock.ts'
import { readXdp } from '../decode/xdp.ts'
import { message, NLM_F_DUMP, NLM_F_REQUEST, SOCK_DIAG_BY_FAMILY } from '../kernel/netlink.ts'
import { isRefusal } from '../kernel/files.ts'
import { netlinkDiagReq, packetDiagReq, tipcSockDiagReq, unixDiagReq, vsockDiagReq, xdpDiagReq } from '../kernel/structs.ts'
import type { NetworkNamespace } from '../netns/network-namespace.ts'
import type { Dump, DumpRequest } from './dumper.ts'
import { exactId } from './exact.ts'
import { inetRequest, olderTcpRequest, TCPDIAG_GETSOCK, type InetRequest } from './inet-request.ts'
import { toKernelFilter } from './to-kernel-filter.ts'

/** What to list. */
export interface Requested {
  readonly protocols: readonly Protocol[]
  readonly families: readonly Family[]
  readonly states: readonly State[] | undefined
  readonly details: readonly DetailName[]
  /** What the kernel may test; the compiled filter tests again. */
  readonly filter?: Filter | undefined
}

/** True when of the details of TCP only its counters are requested. */
const countsOnly = (details: readonly DetailName[]): boolean => details.includes('bytes') && !details.includes('tcp')

/** The name of a table in messages. */
export const tableName = (protocol: Protocol, family: Family): string =>
  family === 'ipv4' || family === 'ipv6' ? `${protocol} over ${family}` : protocol

/** The requests for a table: the first that is not refused is the answer. None when the kernel has no socket that is wanted. */
export function requestsFor(
  requested: Requested,
  netns: NetworkNamespace,
  protocol: Protocol,
  family: Family,
  cgroupOf: CgroupOf,
): DumpRequest[] {
  const states = stateMask(requested.states)
  const table = familyTables[protocol as keyof typeof familyTables]
  if (table === undefined) return inetRequests(requested, netns, protocol as InetProtocol, family as 'ipv4' | 'ipv6', cgroupOf)
  if (states === 0 && table.testsStates) return []
  const bytes = message(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, table.request(states, requested.details))
  return [{ name: protocol, table: protocol, bytes, read: table.read }]
}

/** How all sockets of a family that is not internet are requested, and how one message of the answer is read. */
interface FamilyTable {
  readonly request: (states: number, details: readonly DetailName[]) => Uint8Array
  readonly read: DumpRequest['read']
  /** The kernel tests the states. */
  readonly testsStates?: true
}

// `show` is which attributes are requested: all but those that are rarely wanted. The memory of some has what waits to be read, so it always is.
const UNIX_SHOW = 95
const UNIX_SHOW_MEMINFO = 32
const PACKET_SHOW = 31
const PACKET_SHOW_FILTER = 32
const NETLINK_SHOW = 11
const NETLINK_ALL_PROTOCOLS = 255
const XDP_SHOW_ALL = 31

const familyTables: Readonly<Record<Family & Protocol, FamilyTable>> = {
  unix: {
    request: (states, details) =>
      unixDiagReq.write({ family: AF.unix, states, show: UNIX_SHOW | (details.includes('memory') ? UNIX_SHOW_MEMINFO : 0) }),
    read: readUnix,
    testsStates: true,
  },
  packet: {
    request: (_, details) =>
      packetDiagReq.write({ family: AF.packet, show: PACKET_SHOW | (details.includes('options') ? PACKET_SHOW_FILTER : 0) }),
    read: readPacket,
  },
  netlink: {
    request: () => netlinkDiagReq.write({ family: AF.netlink, protocol: NETLINK_ALL_PROTOCOLS, show: NETLINK_SHOW }),
    read: readNetlink,
  },
  vsock: { request: states => vsockDiagReq.write({ family: AF.vsock, states }), read: readVsock, testsStates: true },
  xdp: { request: () => xdpDiagReq.write({ family: AF.xdp, show: XDP_SHOW_ALL }), read: readXdp },
  tipc: { request: () => tipcSockDiagReq.write({ family: AF.tipc, states: allStates }), read: readTipc },
}

/** More bytecode than an attribute can hold is not sent. */
const maxBytecode = 32 * 1024

function inetRequests(
  requested: Requested,
  netns: NetworkNamespace,
  protocol: InetProtocol,
  family: 'ipv4' | 'ipv6',
  cgroupOf: CgroupOf,
): DumpRequest[] {
  const tested = requested.filter && toKernelFilter(requested.filter, netns, protocol, family)
  // SCTP and DCCP count their states in other ways.
  const states =
    protocol === 'sctp' || protocol === 'dccp' ? allStates : (stateMask(requested.states) & (tested?.states ?? allStates)) >>> 0
  if (states === 0) return []
  const plain: InetRequest = { protocol, family, states, details: requested.details }
  const requests: InetRequest[] = []
  const bytecode = tested?.bytecode
  const filtered: InetRequest = bytecode && bytecode.length <= maxBytecode ? { ...plain, bytecode } : plain
  const id = requested.filter && protocol === 'tcp' ? exactId(requested.filter, family) : undefined
  if (id) requests.push({ ...plain, id })
  if (requested.details.includes('options')) requests.push({ ...filtered, storage: true })
  requests.push(filtered)
  if (filtered !== plain) requests.push(plain)
  const counts = countsOnly(requested.details)
  return requests.map(request => ({
    name: `${protocol} ${family}`,
    table: tableName(protocol, family),
    bytes: inetRequest(request),
    secrets: blankSecrets,
    single: request.id !== undefined,
    read: (view, at, end) => {
      const socket = readInet(view, at, end, protocol, cgroupOf, counts)
      // A look-up for IPv4 finds an IPv6 socket that holds the connection too; it belongs to the other request.
      return request.id && socket.family !== family ? undefined : socket
    },
  }))
}

/**
 * The request for TCP of both families at once; undefined where they are to be asked for differently. The request of today is for one family, and the kernel walks
 * its whole table for each; the older one, which every kernel still answers, is for both, and costs two thirds. Where it is refused, each family is asked for in
 * turn.
 */
export function tcpOfBothFamilies(requested: Requested, netns: NetworkNamespace, cgroupOf: CgroupOf): DumpRequest | undefined {
  // The older request cannot ask for BPF storage.
  if (!requested.families.includes('ipv4') || !requested.families.includes('ipv6') || requested.details.includes('options'))
    return undefined
  let states = stateMask(requested.states)
  let bytecode: Uint8Array | undefined
  if (requested.filter) {
    if (exactId(requested.filter, 'ipv6')) return undefined
    const [four, six] = [toKernelFilter(requested.filter, netns, 'tcp', 'ipv4'), toKernelFilter(requested.filter, netns, 'tcp', 'ipv6')]
    if (!isDeepStrictEqual(four, six)) return undefined
    states = (states & (four.states ?? allStates)) >>> 0
    bytecode = four.bytecode
  }
  if (states === 0 || (bytecode && bytecode.length > maxBytecode)) return undefined
  const counts = countsOnly(requested.details)
  return {
    name: 'tcp',
    table: 'tcp',
    replyType: TCPDIAG_GETSOCK,
    bytes: olderTcpRequest({ states, details: requested.details, bytecode }),
    read: (view, at, end) => readInet(view, at, end, 'tcp', cgroupOf, counts),
  }
}

/**
 * True when the next request should be made: BPF storage requires a privilege, an old kernel may not have an instruction, and a look-up that found nothing, or
 * only the listener, does not find sockets that are bound to an interface.
 */
export function isRefused({ failure, sockets }: Dump, request: DumpRequest): boolean {
  if (request.single && sockets.some(socket => socket.remote === undefined)) return true
  if (!(failure instanceof OsError) || sockets.length > 0) return false
  return isRefusal(failure) || failure.code === 'EINVAL' || (request.single === true && failure.code === 'ENOENT')
}
