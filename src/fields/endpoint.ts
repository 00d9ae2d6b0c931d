// One end of a socket as text.

import type { Endpoint, Socket } from '../model/socket.ts'

/** The names of addresses and ports, where they are known. */
export interface Names {
  /** The name of an address; undefined when it has none. */
  host(address: string): string | undefined
  /** The name of a port, by its protocol; undefined when it has none. */
  service(port: number, protocol: string): string | undefined
}

/**
 * `127.0.0.1:80`, `[::1]:80`, `*:80` for a socket that receives both IPv4 and IPv6, a path, `ip:lo` for packets, `rtnl:kernel` for netlink, or `*` for
 * no address.
 */
export function endpointText(end: Endpoint | undefined, socket: Socket, names?: Names): string {
  if (end === undefined) return '*'
  if (socket.protocol === 'packet') return `${protocolText(socket)}:${socket.interface?.name ?? socket.interface?.index ?? '*'}`
  if (socket.protocol === 'netlink') return `${protocolText(socket)}:${end.id === 0 ? 'kernel' : (end.id ?? '*')}`
  if (end.address !== undefined) return inetText(end, socket, names)
  if (end.path !== undefined) return end.inode === undefined ? end.path : `${end.path} ${end.inode}`
  if (end.id !== undefined || end.port !== undefined) return `${end.id ?? '*'}:${end.port ?? '*'}`
  if (end.inode !== undefined) return `* ${end.inode}`
  return '*'
}

/** Name or number of the network namespace; empty when only the current one was requested. */
export const namespaceText = ({ namespace }: Socket): string => String(namespace?.name ?? namespace?.inode ?? '')

/** What a packet or netlink socket receives, as ss writes it. */
function protocolText({ detail }: Socket): string {
  const { protocolName, protocolNumber } = detail ?? {}
  return protocolName === 'all' ? '*' : (protocolName ?? String(protocolNumber ?? '*'))
}

function inetText(end: Endpoint, socket: Socket, names: Names | undefined): string {
  const address = end.address!
  if (names === undefined && end.zone === undefined && end.port && address !== '::')
    return address.includes(':') ? `[${address}]:${end.port}` : `${address}:${end.port}`
  const both = address === '::' && socket.options?.v6only === false
  const host = names?.host(address) ?? (both ? '*' : address)
  const zone = end.zone === undefined ? '' : `%${end.zone}`
  const port = end.port === undefined || end.port === 0 ? '*' : (names?.service(end.port, socket.protocol) ?? String(end.port))
  return host.includes(':') ? `[${host}${zone}]:${port}` : `${host}${zone}:${port}`
}

const nowhere: Endpoint = { address: '0.0.0.0', port: 0 }
const nowhere6: Endpoint = { address: '::', port: 0 }

/** The remote end as ss compares it: a socket without one has address and port zero, if it is an internet socket. */
export function remoteOrZero(socket: Socket): Endpoint | undefined {
  if (socket.remote !== undefined) return socket.remote
  return socket.family === 'ipv4' ? nowhere : socket.family === 'ipv6' ? nowhere6 : undefined
}
