// Which ports are free: the table of sockets is asked first, and then the kernel, by binding.

import { checkKeys } from '../model/arguments.ts'
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { parsePorts } from '../filter/language/ports.ts'
import type { PortRange, Usage } from '../model/limits.ts'
import { OsError } from '../model/errors.ts'
import { openLocal } from '../source/open.ts'
import { sockets } from '../machine/functions.ts'

/** What a port is wanted for. */
export interface PortOptions {
  /** Default: tcp. */
  readonly protocol?: 'tcp' | 'udp'
  /** The address to bind. Default: all of them, IPv4 and IPv6. */
  readonly host?: string
}

/** Which port is wanted. */
export interface FreePortOptions extends PortOptions {
  /** Ports to choose from, in order, such as `3000-3100`. Default: any that the kernel gives. */
  readonly from?: string | readonly PortRange[]
}

const portKeys: Readonly<Record<keyof PortOptions, true>> = { protocol: true, host: true }
const freePortKeys: Readonly<Record<keyof FreePortOptions, true>> = { ...portKeys, from: true }

/** Whether the port can be bound now. Somebody else may still be faster. */
export async function isPortAvailable(port: number, options: PortOptions = {}): Promise<boolean> {
  if (!isPort(port)) throw new TypeError(`port: needs a whole number from 1 to 65535, got ${String(port)}`)
  checkOptions(options, Object.keys(portKeys))
  return (await bind(port, options)) !== undefined
}

/** A port that is free; undefined when there is none in the range. */
export async function freePort(options: FreePortOptions = {}): Promise<number | undefined> {
  checkOptions(options, Object.keys(freePortKeys))
  if (options.from === undefined) return bind(0, options)
  const ranges = typeof options.from === 'string' ? parsePorts(options.from) : options.from
  if (!Array.isArray(ranges) || !ranges.every(isRange))
    throw new TypeError('options.from: needs ports such as 3000-3100, or a list of { first, last }')
  const protocol = options.protocol ?? 'tcp'
  const snapshot = await sockets({ protocols: [protocol], owners: false, ...(protocol === 'tcp' ? { states: ['LISTEN', 'BOUND'] } : {}) })
  const taken = options.host === undefined ? new Set(snapshot.sockets.map(s => s.local.port)) : new Set<number>()
  for (const { first, last } of ranges) {
    for (let port = first; port <= last; port++) if (!taken.has(port) && (await bind(port, options)) !== undefined) return port
  }
  return undefined
}

/** The ports that the system gives to connections that do not ask for one; undefined where it does not tell. */
export async function ephemeralPortRange(): Promise<PortRange | undefined> {
  return (await limits())?.ephemeralPorts
}

/** How many descriptors, and so sockets, this process has and may have. */
export async function socketLimit(): Promise<Usage> {
  return (await limits())?.descriptors ?? { used: undefined, limit: undefined }
}

async function limits() {
  const source = await openLocal()
  try {
    return await source.limits?.()
  } finally {
    source.close()
  }
}

const isPort = (port: unknown): boolean => Number.isInteger(port) && (port as number) >= 1 && (port as number) <= 65_535
const isRange = (range: PortRange | null | undefined): boolean => isPort(range?.first) && isPort(range?.last)

function checkOptions(options: PortOptions, keys: readonly string[]): void {
  checkKeys('options', options, keys)
  const { protocol, host } = options
  if (protocol !== undefined && protocol !== 'tcp' && protocol !== 'udp')
    throw new TypeError(`options.protocol: needs tcp or udp, got ${String(protocol)}`)
  if (host !== undefined && typeof host !== 'string') throw new TypeError('options.host: needs an address')
}

/** Binds for a moment; the port that was bound, or undefined when it is taken or forbidden. */
async function bind(port: number, options: PortOptions): Promise<number | undefined> {
  const once = options.protocol === 'udp' ? bindUdp : bindTcp
  if (options.host !== undefined) return once(port, options.host)
  // A port is free only when both families can have it; a machine without IPv6 has one less to ask.
  const four = await once(port, '0.0.0.0')
  if (four === undefined) return undefined
  return (await once(four, '::')) === undefined ? undefined : four
}

const free = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'])

function bindTcp(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => finish(error, host, port, resolve, reject))
    server.listen({ port, host, ipv6Only: host === '::', exclusive: true }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined))
    })
  })
}

function bindUdp(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', ipv6Only: host === '::' })
    socket.once('error', (error: NodeJS.ErrnoException) => {
      socket.close()
      finish(error, host, port, resolve, reject)
    })
    socket.bind({ port, address: host, exclusive: true }, () => {
      const bound = socket.address().port
      socket.close(() => resolve(bound))
    })
  })
}

function finish(
  error: NodeJS.ErrnoException,
  host: string,
  port: number,
  resolve: (port: number | undefined) => void,
  reject: (error: Error) => void,
): void {
  if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(undefined)
  else if (host === '::' && free.has(error.code ?? '')) resolve(port)
  else if (error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN' || error.code === 'EINVAL')
    reject(new TypeError(`options.host: ${JSON.stringify(host)} is no address`))
  else reject(new OsError('bind', error.code ?? 'EUNKNOWN', { cause: error, help: `the address ${host}` }))
}
