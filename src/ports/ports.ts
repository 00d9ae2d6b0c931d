// Which ports are free, found by binding them.

import type { AddressInfo } from 'node:net'
import { checkKeys } from '../model/arguments.ts'
import { ArgumentError, OsError } from '../model/errors.ts'
import type { PortRange, Usage } from '../model/limits.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Source } from '../source/source.ts'

/** The intended use of a port. */
export interface PortOptions {
  /** Default: tcp. */
  readonly protocol?: 'tcp' | 'udp' | undefined
  /** The address to bind. Default: all of them, IPv4 and IPv6. */
  readonly host?: string | undefined
}

const portKeys = ['protocol', 'host'] satisfies (keyof PortOptions)[]

/** Whether the port can be bound now. Another program may still take it first. */
export function isPortAvailable(port: number, options: PortOptions = {}): Promise<boolean> {
  if (!isPort(port)) throw new ArgumentError(`port: needs a whole number from 1 to 65535, got ${String(port)}`)
  checkKeys('options', options, portKeys)
  checkPortOptions(options)
  return bind(port, options).then(bound => bound !== undefined)
}

/** Any free port, chosen by the kernel; undefined when there is none. */
export const anyFreePort = (options: PortOptions): Promise<number | undefined> => bind(0, options)

/** The first port of the ranges that is free; undefined when none is. Ports that a snapshot shows in use on any address are not tried. */
export async function firstFreePort(
  ranges: readonly PortRange[],
  options: PortOptions,
  listeners: () => Promise<Snapshot>,
): Promise<number | undefined> {
  const taken = options.host === undefined ? new Set((await listeners()).sockets.map(s => s.local.port)) : new Set<number>()
  for (const { first, last } of ranges) {
    for (let port = first; port <= last; port++) if (!taken.has(port) && (await bind(port, options)) !== undefined) return port
  }
  return undefined
}

/** The ports that a system assigns to connections that do not choose one; undefined where it does not report them. */
export async function ephemeralPortRange(source: Pick<Source, 'limits'>): Promise<PortRange | undefined> {
  return (await source.limits?.())?.ephemeralPorts
}

/** How many descriptors, and so sockets, this process has and may have. */
export async function socketLimit(source: Pick<Source, 'limits'>): Promise<Usage> {
  return (await source.limits?.())?.descriptors ?? { used: undefined, limit: undefined }
}

const isPort = (port: unknown): boolean => Number.isInteger(port) && (port as number) >= 1 && (port as number) <= 65_535
/** Whether it is a range of ports. */
export const isPortRange = (range: PortRange | null | undefined): boolean =>
  isPort(range?.first) && isPort(range?.last) && range!.first <= range!.last

/** Throws when an option has a wrong value. */
export function checkPortOptions({ protocol, host }: PortOptions): void {
  if (protocol !== undefined && protocol !== 'tcp' && protocol !== 'udp')
    throw new ArgumentError(`options.protocol: needs tcp or udp, got ${String(protocol)}`)
  if (host !== undefined && typeof host !== 'string') throw new ArgumentError('options.host: needs an address')
}

/** Binds for a moment. Returns the port; undefined when it is taken or forbidden. */
async function bind(port: number, options: PortOptions): Promise<number | undefined> {
  const once = options.protocol === 'udp' ? bindUdp : bindTcp
  const tried = (at: number, host: string): Promise<number | undefined> => once(at, host).catch(error => portAfter(error, host, at))
  if (options.host !== undefined) return tried(port, options.host)
  // A port is free only when both families can bind it; a machine without IPv6 has one family less.
  const four = await tried(port, '0.0.0.0')
  return four === undefined || (await tried(four, '::')) === undefined ? undefined : four
}

/** The errors of binding to `::` where IPv6 is missing. */
const withoutIpv6 = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'])
/** The errors of binding when the host is not an address. */
const noAddress = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EINVAL'])

/** The port that an error leaves: undefined when it is taken or forbidden. Throws for any other error. */
function portAfter(error: NodeJS.ErrnoException, host: string, port: number): number | undefined {
  const code = error.code ?? 'EUNKNOWN'
  if (code === 'EADDRINUSE' || code === 'EACCES') return undefined
  if (host === '::' && withoutIpv6.has(code)) return port
  if (noAddress.has(code)) throw new ArgumentError(`options.host: ${JSON.stringify(host)} is not an address`)
  throw new OsError('bind', code, { cause: error, help: `the address ${host}` })
}

// Node's sockets are slow to load, and most commands need none.
async function bindTcp(port: number, host: string): Promise<number> {
  const { createServer } = await import('node:net')
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ port, host, ipv6Only: host === '::', exclusive: true }, () => {
      const bound = (server.address() as AddressInfo).port
      server.close(() => resolve(bound))
    })
  })
}

async function bindUdp(port: number, host: string): Promise<number> {
  const { createSocket } = await import('node:dgram')
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', ipv6Only: host === '::' })
    socket.once('error', error => {
      socket.close()
      reject(error)
    })
    socket.bind({ port, address: host, exclusive: true }, () => {
      const bound = socket.address().port
      socket.close(() => resolve(bound))
    })
  })
}
