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
  return bind(port, options).then(bound => bound === port)
}

/** What a search for free ports has found besides them. */
export interface SearchEnd {
  /** Ports that are not in use as far as can be seen, but that this user may not bind. */
  readonly forbidden: readonly number[]
}

/** The kernel chooses at random from a part of the ports: after so many repeats in a row, the rest is tried in order. */
const maxRepeats = 100
const unprivileged: PortRange = { first: 1024, last: 65_535 }

/** Searches for free ports. Searches that run at the same time find different ports. */
export class PortSearch {
  #running = 0
  readonly #claimed = new Set<string>()

  /**
   * Free ports: those of the ranges, in their order; by default those that the kernel chooses. Ports that the snapshot shows in use on any address are not
   * tried; it is taken only where the kernel does not decide alone.
   */
  async *find(
    ranges: readonly PortRange[] | undefined,
    options: PortOptions,
    takeSnapshot: () => Promise<Snapshot>,
  ): AsyncGenerator<number, SearchEnd, undefined> {
    this.#running++
    try {
      if (ranges === undefined) yield* this.#chosenByKernel(options)
      return yield* this.#among(ranges ?? [unprivileged], options, takeSnapshot)
    } finally {
      this.#running--
      if (this.#running === 0) this.#claimed.clear()
    }
  }

  async *#among(
    ranges: readonly PortRange[],
    options: PortOptions,
    takeSnapshot: () => Promise<Snapshot>,
  ): AsyncGenerator<number, SearchEnd, undefined> {
    const forbidden: number[] = []
    const taken = options.host === undefined ? new Set((await takeSnapshot()).sockets.map(s => s.local.port)) : new Set<number>()
    for (const { first, last } of ranges) {
      for (let port = first; port <= last; port++) {
        if (taken.has(port) || !this.#claim(port, options)) continue
        const bound = await bind(port, options)
        if (bound === 'forbidden') forbidden.push(port)
        else if (bound !== 'taken') yield port
      }
    }
    return { forbidden }
  }

  async *#chosenByKernel(options: PortOptions): AsyncGenerator<number, void, undefined> {
    for (let repeats = 0; repeats < maxRepeats; repeats++) {
      const port = await bind(0, options)
      if (typeof port === 'string') return
      if (!this.#claim(port, options)) continue
      repeats = 0
      yield port
    }
  }

  /** False when a search has this port already. */
  #claim(port: number, { protocol = 'tcp' }: PortOptions): boolean {
    const key = `${protocol} ${port}`
    return !this.#claimed.has(key) && this.#claimed.add(key) !== undefined
  }
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

/** Throws when an option has a wrong value. */
export function checkPortOptions({ protocol, host }: PortOptions): void {
  if (protocol !== undefined && protocol !== 'tcp' && protocol !== 'udp')
    throw new ArgumentError(`options.protocol: needs tcp or udp, got ${String(protocol)}`)
  if (host !== undefined && typeof host !== 'string') throw new ArgumentError('options.host: needs an address')
}

/** Why a port could not be bound. */
type Refusal = 'taken' | 'forbidden'

/** Binds for a moment. Returns the port. */
async function bind(port: number, options: PortOptions): Promise<number | Refusal> {
  const { protocol, host } = options
  const once = protocol === 'udp' ? bindUdp : bindTcp
  const tried = async (at: number, address: string, ipv6Only: boolean): Promise<number | Refusal | 'no IPv6'> =>
    once(at, address, ipv6Only).catch(error => refusalOf(error, address, host !== undefined))
  if (host !== undefined) return (await tried(port, host, false)) as number | Refusal
  // A port is free only when both families can bind it; a machine without IPv6 has one family less. One socket of both families makes the kernel
  // choose a port that is free in both.
  const six = await tried(port, '::', port !== 0)
  if (six === 'taken' || six === 'forbidden') return six
  return (await tried(six === 'no IPv6' ? port : six, '0.0.0.0', false)) as number | Refusal
}

/** The errors of binding to `::` where IPv6 is missing. */
const withoutIpv6 = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'])
/** The errors of binding when the host is not an address. */
const noAddress = new Set(['ENOTFOUND', 'EAI_AGAIN', 'EINVAL'])

/** What an error of binding means for the port. Throws for one that is not about the port. */
function refusalOf(error: NodeJS.ErrnoException, address: string, isRequested: boolean): Refusal | 'no IPv6' {
  const code = error.code ?? 'EUNKNOWN'
  if (code === 'EADDRINUSE') return 'taken'
  if (code === 'EACCES') return 'forbidden'
  if (!isRequested && address === '::' && withoutIpv6.has(code)) return 'no IPv6'
  if (noAddress.has(code)) throw new ArgumentError(`options.host: ${JSON.stringify(address)} is not an address`)
  throw new OsError('bind', code, { cause: error, help: `the address ${address}` })
}

// Node's sockets are slow to load, and most commands need none.
async function bindTcp(port: number, host: string, ipv6Only: boolean): Promise<number> {
  const { createServer } = await import('node:net')
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ port, host, ipv6Only, exclusive: true }, () => {
      const bound = (server.address() as AddressInfo).port
      server.close(() => resolve(bound))
    })
  })
}

async function bindUdp(port: number, host: string, ipv6Only: boolean): Promise<number> {
  const { createSocket } = await import('node:dgram')
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', ipv6Only })
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
