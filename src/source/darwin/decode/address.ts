// Addresses as the kernel of macOS keeps them: an IPv4 address in the last 4 of 16 bytes, the zone of a link-local address inside it. Pure.

import { ipv4, ipv6 } from '../../../bytes/address.ts'
import { cString } from '../../../bytes/text.ts'
import type { Endpoint } from '../../../model/socket.ts'
import { sockaddrIn6 } from '../kernel/structs.ts'

/** Address families of macOS; those of other systems have other numbers. */
const AF_INET = 2
export const AF_INET6 = 30

const INP_IPV4 = 1
const INP_IPV6 = 2

/** Names of interfaces by their number, for zones. */
export type Zones = ReadonlyMap<number, string>

/**
 * One end of an internet socket. A socket of family IPv6 that uses IPv4 has only the flag of IPv4; it is shown in the form that every
 * platform uses here, `::ffff:10.0.0.1`.
 */
export function endpoint(bytes: Uint8Array, port: number, flags: number, v6: boolean, zones: Zones): Endpoint {
  const usesIpv4 = (flags & INP_IPV4) !== 0 && (flags & INP_IPV6) === 0
  if (v6 ? !usesIpv4 : (flags & INP_IPV6) !== 0) return { ...scoped(bytes, zones), port }
  const address = ipv4(bytes.subarray(12))
  return { address: v6 ? `::ffff:${address}` : address, port }
}

/** True for an address of zeros: no address. */
export const isUnspecified = (bytes: Uint8Array): boolean => bytes.every(b => b === 0)

/** An IPv6 address. The kernel keeps the number of the interface in bytes 2 and 3 of addresses that are valid on one link only. */
export function scoped(bytes: Uint8Array, zones: Zones, scope = 0): Endpoint {
  const linkLocal = bytes[0] === 0xfe && (bytes[1]! & 0xc0) === 0x80
  const linkMulticast = bytes[0] === 0xff && ((bytes[1]! & 0x0f) === 1 || (bytes[1]! & 0x0f) === 2)
  if (!linkLocal && !linkMulticast) return { address: ipv6(bytes) }
  const index = (bytes[2]! << 8) | bytes[3]! || scope
  const plain = bytes.slice()
  plain.fill(0, 2, 4)
  const address = ipv6(plain)
  return index === 0 ? { address } : { address, zone: zones.get(index) ?? String(index) }
}

/** A `sockaddr_in6`, or a `sockaddr_in` in its place. A link-local address keeps its zone inside, as the kernel compares it. */
export function sockaddr(bytes: Uint8Array, port: number, v6: boolean): Uint8Array {
  return v6
    ? sockaddrIn6.write({ sin6_len: 28, sin6_family: AF_INET6, sin6_port: port, sin6_addr: bytes })
    : sockaddrIn6.write({ sin6_len: 16, sin6_family: AF_INET, sin6_port: port, sin6_flowinfo: bytes.subarray(12) })
}

/** The path in a `sockaddr_un`, which states its own length; undefined when the socket has none. */
export function unixPath(length: number, path: Uint8Array): string | undefined {
  return cString(path.subarray(0, Math.max(0, Math.min(length - 2, path.length)))) || undefined
}
