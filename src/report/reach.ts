// From where a bound address can be reached.

import type { Endpoint } from '../model/socket.ts'

/** Every reach, the smallest first. */
export const reaches = ['localhost', 'private-network', 'public-network', 'all-interfaces'] as const
/** From where a listener can be reached, by the address that it is bound to. Firewalls and routers are not considered. */
export type Reach = (typeof reaches)[number]

const unspecified = /^(0\.0\.0\.0|::)$/
const loopback = /^127\.|^::1$/
const privateIpv4 = /^(10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/
/** Unique local and link-local. */
const privateIpv6 = /^(f[cd][0-9a-f]{2}|fe[89ab][0-9a-f]):/

/** The reach of an address; undefined where there is no address. */
export function reachOf(end: Endpoint): Reach | undefined {
  if (end.address === undefined) return undefined
  const address = end.address.replace(/^::ffff:(?=\d+\.)/, '').toLowerCase()
  if (unspecified.test(address)) return 'all-interfaces'
  if (loopback.test(address)) return 'localhost'
  return privateIpv4.test(address) || privateIpv6.test(address) ? 'private-network' : 'public-network'
}
