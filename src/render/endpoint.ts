// One end of a socket as text.

import type { Endpoint, Socket } from '../model/socket.ts'

/** Puts names in the place of numbers, where they are known. */
export interface Names {
  host(address: string): string | undefined
  service(port: number, protocol: string): string | undefined
}

/** `127.0.0.1:80`, `[::1]:80`, `*:80` for a socket that hears both IPv4 and IPv6, a path, or `*` for nothing. */
export function endpointText(end: Endpoint | undefined, socket: Socket, names?: Names): string {
  if (end === undefined) return '*'
  if (end.address !== undefined) return inetText(end, socket, names)
  if (end.path !== undefined) return end.inode === undefined ? end.path : `${end.path} ${end.inode}`
  if (end.id !== undefined || end.port !== undefined) return `${end.id ?? '*'}:${end.port ?? '*'}`
  if (end.inode !== undefined) return `* ${end.inode}`
  return '*'
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
