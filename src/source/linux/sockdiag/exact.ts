// Finds the filters that name a single connection by both of its ends: the kernel then looks it up in its table, instead of walking it. Pure.

import { addressWords } from '../../../filter/language/address.ts'
import type { Filter, Host } from '../../../filter/language/tree.ts'
import type { Endpoint, Socket } from '../../../model/socket.ts'
import { inetDiagSockid } from '../kernel/structs.ts'

const NO_COOKIE = 0xffffffff // INET_DIAG_NOCOOKIE

/** One end of a connection. */
interface End {
  readonly bytes: Uint8Array
  readonly six: boolean
  readonly port: number
}

/** The struct inet_diag_sockid of the connection that a filter names; undefined when it does not name exactly one. */
export function exactId(filter: Filter, family: 'ipv4' | 'ipv6'): Uint8Array | undefined {
  if (filter.kind !== 'and') return undefined
  const local = endOf(filter.parts, ['src'])
  const remote = endOf(filter.parts, ['dst', 'remote'])
  if (!local || !remote || local.six !== remote.six) return undefined
  // An IPv6 socket can hold a connection of IPv4, whose addresses are then mapped; never the other way round.
  if (family === 'ipv4' && local.six) return undefined
  return idOf(local, remote, family)
}

/** The struct inet_diag_sockid of a socket's connection, or of the other end of it; undefined when it has no addresses. */
export function connectionId({ local, remote, family, interface: device }: Socket, other: boolean): Uint8Array | undefined {
  const [from, to] = [local, remote].map(end => end && wholeEnd(end))
  if (!from || !to) return undefined
  return other ? idOf(to, from, family) : idOf(from, to, family, device?.index)
}

/** The struct inet_diag_sockid of one socket, also of one without a remote end. `isSwapped`: as the other end would have it. */
export function socketId({ local, remote, interface: device }: Socket, cookie: bigint, isSwapped: boolean): Uint8Array {
  const [from, to] = isSwapped ? [remote, local] : [local, remote]
  const bytes = (end: Endpoint | undefined): Uint8Array => addressBytes(addressWords(end?.address ?? '') ?? [])
  return inetDiagSockid.write({
    sport: from?.port ?? 0,
    dport: to?.port ?? 0,
    src: bytes(from),
    dst: bytes(to),
    if: device?.index ?? 0,
    cookie0: Number(cookie & 0xffffffffn),
    cookie1: Number(cookie >> 32n),
  })
}

function idOf(local: End, remote: End, family: Socket['family'], device = 0): Uint8Array {
  const bytes = (end: End): Uint8Array => (family === 'ipv6' && !end.six ? mapped(end.bytes) : end.bytes)
  return inetDiagSockid.write({
    sport: local.port,
    dport: remote.port,
    src: bytes(local),
    dst: bytes(remote),
    if: device,
    cookie0: NO_COOKIE,
    cookie1: NO_COOKIE,
  })
}

function endOf(parts: readonly Filter[], sides: readonly string[]): End | undefined {
  for (const part of parts) {
    if (part.kind !== 'host' || !sides.includes(part.side) || part.hosts.length !== 1) continue
    const end = wholeEnd(part.hosts[0]!)
    if (end) return end
  }
  return undefined
}

/** An address without a prefix, a zone or a family, and a port. */
function wholeEnd(host: Pick<Host, 'address' | 'port' | 'zone' | 'path' | 'prefix'>): End | undefined {
  if (host.address === undefined || typeof host.port !== 'number' || host.port === 0) return undefined
  if (host.zone !== undefined || host.path !== undefined) return undefined
  const words = addressWords(host.address)
  if (words === undefined || (host.prefix !== undefined && host.prefix !== words.length * 32)) return undefined
  return { bytes: addressBytes(words), six: words.length === 4, port: host.port }
}

/** 16 bytes in network order; IPv4 takes the first four. */
function addressBytes(words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  for (const [i, word] of words.entries()) view.setUint32(i * 4, word)
  return bytes
}

function mapped(four: Uint8Array): Uint8Array {
  const six = new Uint8Array(16)
  six.set([255, 255], 10)
  six.set(four.subarray(0, 4), 12)
  return six
}
