// Addresses as the kernel of macOS keeps them: an IPv4 address in the last 4 of 16 bytes, the zone of a link-local address inside it. Pure.

import { ipv4, ipv6 } from '../../../bytes/address.ts'
import { cString } from '../../../bytes/text.ts'
import type { Endpoint } from '../../../model/socket.ts'

/** Address families of macOS; those of other systems have other numbers. */
export const AF_UNIX = 1
export const AF_INET = 2
export const AF_INET6 = 30

const INP_IPV4 = 1
const INP_IPV6 = 2

/** Names of interfaces by their number, for zones. */
export type Zones = ReadonlyMap<number, string>

/**
 * One end of an internet socket. A socket of family IPv6 that talks IPv4 has the flag of IPv4 alone; it is shown in the form that every
 * platform uses here, `::ffff:10.0.0.1`.
 */
export function endpoint(bytes: Uint8Array, port: number, flags: number, v6: boolean, zones: Zones): Endpoint {
  const talksIpv4 = (flags & INP_IPV4) !== 0 && (flags & INP_IPV6) === 0
  if (v6 ? !talksIpv4 : (flags & INP_IPV6) !== 0) return { ...scoped(bytes, zones), port }
  const address = ipv4(bytes.subarray(12))
  return { address: v6 ? `::ffff:${address}` : address, port }
}

/** True for an address of zeros: no address. */
export const isUnspecified = (bytes: Uint8Array): boolean => bytes.every(b => b === 0)

/** An IPv6 address. The kernel hides the number of the interface in bytes 2 and 3 of addresses that mean something on one link only. */
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

/** The path in a `sockaddr_un`, which says its own length; undefined when the socket has none. */
export function unixPath(length: number, path: Uint8Array): string | undefined {
  return cString(path.subarray(0, Math.max(0, Math.min(length - 2, path.length)))) || undefined
}
