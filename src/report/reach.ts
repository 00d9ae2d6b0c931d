// How far a bound address can be reached from.

import type { Endpoint } from '../model/socket.ts'

/** Who can reach a listener, by the address that it is bound to. Firewalls and routers are not looked at. */
export type Reach = 'this machine only' | 'private network' | 'everyone'

/** The reach of an address. */
export function reachOf(end: Endpoint): Reach | undefined {
  if (end.address === undefined) return undefined
  const address = end.address.replace(/^::ffff:(?=\d+\.)/, '').toLowerCase()
  if (address.startsWith('127.') || address === '::1') return 'this machine only'
  const four = /^(10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/
  const six = /^(f[cd][0-9a-f]{2}|fe[89ab][0-9a-f]):/ // Unique local and link-local.
  return four.test(address) || six.test(address) ? 'private network' : 'everyone'
}
