// The statistics of a socket that a program holds: from whatever holds it to its descriptor, and from that to what the system reports.

import type { Socket as DatagramSocket } from 'node:dgram'
import type { Http2Session } from 'node:http2'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { Endpoint } from '../model/socket.ts'
import type { SocketStat } from '../model/stat.ts'
import type { Descriptors, Ends } from './descriptor.ts'
import { openDescriptors } from './open.ts'

/** What holds a socket: a Node object, a descriptor number of this process, or a descriptor of another process. */
export type SocketTarget = Socket | Server | DatagramSocket | Http2Session | number | { readonly pid: number; readonly fd: number }

/** The descriptors of this system, opened when they are first needed. Opening that failed is tried again. */
class SystemDescriptors {
  #opened: Promise<Descriptors> | undefined

  open(): Promise<Descriptors> {
    this.#opened ??= openDescriptors().catch((error: unknown) => {
      this.#opened = undefined
      throw error
    })
    return this.#opened
  }
}

const system = new SystemDescriptors()

/**
 * The statistics of a socket: what waits in it, its options, its memory, and the state of TCP.
 * @throws OsError with the reason: the socket is closed, the descriptor is something else, the process may not be read.
 */
export async function socketStat(target: SocketTarget): Promise<SocketStat> {
  const read = statReader(target)
  return read(await system.open())
}

/** Finds the descriptor now, so that the caller's mistakes are errors before the system is asked. */
function statReader(target: unknown): (descriptors: Descriptors) => SocketStat | Promise<SocketStat> {
  if (typeof target === 'number') {
    const fd = wholeNumber('a descriptor', target)
    return descriptors => descriptors.stat(fd)
  }
  if (typeof target !== 'object' || target === null) throw new TypeError(`target: ${expected}, got ${String(target)}`)
  if ('pid' in target && 'fd' in target) {
    const [pid, fd] = [wholeNumber('a pid', target.pid), wholeNumber('a descriptor', target.fd)]
    return descriptors => descriptors.statOf(pid, fd)
  }
  const holder = holderOf(target)
  const fd = descriptorOf(holder)
  if (fd !== undefined) return descriptors => descriptors.stat(fd)
  const ends = endsOf(holder)
  return async descriptors => {
    // Node does not expose the numbers of sockets on Windows.
    if (descriptors.find === undefined || ends === undefined) throw new TypeError(`target: ${notOpen(holder)}`)
    return descriptors.stat(await descriptors.find(ends))
  }
}

const expected = 'needs a net.Socket, tls.TLSSocket, net.Server, dgram.Socket, http2 session, descriptor number or { pid, fd }'

function wholeNumber(what: string, value: unknown): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31) return value as number
  throw new TypeError(`target: ${what} needs a whole number from 0, got ${String(value)}`)
}

interface Handle {
  readonly fd?: number
}

/** The handle of a Node object: it has no public name, and has had these names since Node 0.6 (`_handle`) and 10 (dgram). */
function handleOf(target: object): Handle | null | undefined {
  if (!isDatagram(target)) return (target as { _handle?: Handle | null })._handle
  const state = Object.getOwnPropertySymbols(target).find(symbol => symbol.description === 'state symbol')
  return state === undefined ? undefined : (target as Record<symbol, { handle?: Handle | null } | undefined>)[state]?.handle
}

/** Reading `_handle` of a dgram.Socket is deprecated and prints a warning. */
const isDatagram = (target: object): boolean => 'addMembership' in target

/** An http2 session has a socket only while it is open. */
function holderOf(target: object): object {
  if (!('goaway' in target && 'ping' in target)) return target
  const { socket } = target as { socket?: object }
  if (socket === undefined) throw new TypeError(`target: this ${target.constructor.name} has no socket: it is closed, or was never opened`)
  return socket
}

const notOpen = (holder: object): string => `this ${holder.constructor.name} has no socket: it is closed, or not bound yet`

/** Undefined when Node has no number for a socket that may be open. */
function descriptorOf(holder: object): number | undefined {
  const handle = handleOf(holder)
  if (handle === undefined) throw new TypeError(`target: ${expected}, got ${holder.constructor?.name ?? 'an object'}`)
  if (handle === null) throw new TypeError(`target: this ${holder.constructor.name} has no socket: it is closed, or was never opened`)
  const fd = handle.fd
  if (fd === undefined)
    throw new TypeError(`target: this ${holder.constructor.name} has no descriptor of its own (a cluster's primary holds it)`)
  return fd < 0 ? undefined : fd
}

/** The addresses that node has of a socket, a server or a datagram socket; undefined when it has none. */
function endsOf(holder: object): Ends | undefined {
  if (isDatagram(holder)) {
    const local = endOf(() => (holder as DatagramSocket).address())
    return local && { datagram: true, local, remote: endOf(() => (holder as DatagramSocket).remoteAddress()) }
  }
  const socket = holder as Partial<Socket> & Partial<Server>
  const connected = socket.localAddress !== undefined
  const local = connected ? { address: socket.localAddress!, port: socket.localPort! } : endOf(() => socket.address?.())
  const remote = connected ? { address: socket.remoteAddress!, port: socket.remotePort! } : undefined
  return local && { datagram: false, local, remote }
}

/** Node throws when the socket is not bound or connected, and returns text for a pipe. */
function endOf(ask: () => unknown): Endpoint | undefined {
  try {
    const found = ask() as Partial<AddressInfo> | string | null | undefined
    return typeof found === 'object' && found?.port !== undefined ? { address: found.address!, port: found.port } : undefined
  } catch {
    return undefined
  }
}
