// Which requests are made for a table, so that the kernel leaves out what is not wanted.

import type { DetailName } from '../../../model/details.ts'
import type { Filter } from '../../../filter/language/tree.ts'
import { OsError } from '../../../model/errors.ts'
import type { Cgroup, Family, Protocol, State } from '../../../model/socket.ts'
import { stateMask } from '../decode/draft.ts'
import { isRefusal, type Answer, type DumpRequest } from './dumper.ts'
import { exactId } from './exact.ts'
import { countsOnly, inetRequest, readInet, type InetProtocol, type InetRequest } from '../decode/inet.ts'
import { toKernelFilter } from './to-kernel-filter.ts'
import { netlinkRequest, readNetlink } from '../decode/netlink-sockets.ts'
import { packetRequest, readPacket } from '../decode/packet.ts'
import type { Place } from '../netns/network-namespace.ts'
import { blankSecrets } from '../decode/secrets.ts'
import { readUnix, unixRequest } from '../decode/unix.ts'
import { readTipc, readVsock, readXdp, tipcRequest, vsockRequest, xdpRequest } from '../decode/vsock.ts'

/** What to list. */
export interface Requested {
  readonly protocols: readonly Protocol[]
  readonly families: readonly Family[]
  readonly states: readonly State[] | undefined
  readonly details: readonly DetailName[]
  /** What the kernel may judge; whoever asks judges again. */
  readonly filter?: Filter | undefined
}

/** A table as people know it. */
export const tableName = (protocol: Protocol, family: Family): string =>
  family === 'ipv4' || family === 'ipv6' ? `${protocol} over ${family}` : protocol

/** The requests for a table: the first that is not refused is the answer. None when the kernel has no socket that is wanted. */
export function requestsFor(
  requested: Requested,
  place: Place,
  protocol: Protocol,
  family: Family,
  cgroupOf: (id: number) => Cgroup,
): DumpRequest[] {
  const states = stateMask(requested.states)
  const one = (request: Uint8Array, read: DumpRequest['read']): DumpRequest[] => [
    { name: protocol, table: tableName(protocol, family), request, read },
  ]
  if (protocol === 'unix') return states === 0 ? [] : one(unixRequest(states, requested.details.includes('memory')), readUnix)
  if (protocol === 'packet') return one(packetRequest(requested.details.includes('options')), readPacket)
  if (protocol === 'netlink') return one(netlinkRequest(), readNetlink)
  if (protocol === 'vsock') return states === 0 ? [] : one(vsockRequest(states), readVsock)
  if (protocol === 'xdp') return one(xdpRequest(), readXdp)
  if (protocol === 'tipc') return one(tipcRequest(), readTipc)
  return inetRequests(requested, place, protocol as InetProtocol, family as 'ipv4' | 'ipv6', cgroupOf)
}

/** More bytecode than an attribute can hold is not sent. */
const maxBytecode = 32 * 1024

function inetRequests(
  requested: Requested,
  place: Place,
  protocol: InetProtocol,
  family: 'ipv4' | 'ipv6',
  cgroupOf: (id: number) => Cgroup,
): DumpRequest[] {
  const judged = requested.filter && toKernelFilter(requested.filter, place, protocol, family)
  // SCTP and DCCP count their states in other ways.
  const states =
    protocol === 'sctp' || protocol === 'dccp' ? 0xffffffff : (stateMask(requested.states) & (judged?.states ?? 0xffffffff)) >>> 0
  if (states === 0) return []
  const plain: InetRequest = { protocol, family, states, details: requested.details }
  const requests: InetRequest[] = []
  const bytecode = judged?.bytecode
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
    request: inetRequest(request),
    secrets: blankSecrets,
    single: request.id !== undefined,
    read: (view, at, end) => {
      const socket = readInet(view, at, end, protocol, cgroupOf, counts)
      // A look-up for IPv4 finds an IPv6 socket that holds the connection too; it belongs to the other question.
      return request.id && socket.family !== family ? undefined : socket
    },
  }))
}

/**
 * True when the next question should be asked: BPF storage needs a privilege, an old kernel may not know an instruction, and a look-up that found nothing, or
 * only the listener, does not know the sockets that are bound to an interface.
 */
export function isRefused({ failure, sockets }: Answer, question: DumpRequest): boolean {
  if (question.single && sockets.some(socket => socket.remote === undefined)) return true
  if (!(failure instanceof OsError) || sockets.length > 0) return false
  return isRefusal(failure) || failure.code === 'EINVAL' || (question.single === true && failure.code === 'ENOENT')
}
