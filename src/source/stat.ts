// The statistics of a socket that a program holds: from whatever holds it to its descriptor, and from that to what the system reports.

import type { Socket as DatagramSocket } from 'node:dgram'
import type { AddressInfo, Server, Socket } from 'node:net'
import { ArgumentError } from '../model/errors.ts'
import type { Endpoint } from '../model/socket.ts'
import type { SocketStat } from '../model/stat.ts'
import type { Descriptors, Ends } from './descriptor.ts'
import { openDescriptors } from './open.ts'

/** An object of Node that holds a socket: a `net.Socket`, `tls.TLSSocket`, `net.Server`, `dgram.Socket` or session of `node:http2`. */
export interface SocketHolder {
  /** Calls the function when the socket has closed. */
  once(event: 'close', listener: () => void): unknown
  /** Calls the function no more. */
  removeListener(event: 'close', listener: () => void): unknown
  /** Lets the socket keep the program running. */
  ref(): unknown
  /** Lets the program end although the socket is open. */
  unref(): unknown
}

/** What holds a socket: an object of Node, a descriptor number of this process, or a descriptor of another process. */
export type SocketTarget = SocketHolder | number | { readonly pid: number; readonly fd: number }

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
export function socketStat(target: SocketTarget): Promise<SocketStat> {
  checkTarget(target)
  return statOf(target)
}

/** Throws an ArgumentError when it is nothing that can hold a socket. Whether it holds one now is known when it is asked. */
export function checkTarget(target: unknown): void {
  if (typeof target === 'number') whole('a descriptor', target)
  else if (typeof target !== 'object' || target === null) throw new ArgumentError(`target: ${requested}, got ${String(target)}`)
  else if (isForeign(target)) {
    whole('a pid', target.pid)
    whole('a descriptor', target.fd)
  } else if (!isSession(target) && handleOf(target) === undefined) throw unsupported(target)
}

async function statOf(target: SocketTarget): Promise<SocketStat> {
  if (typeof target === 'number') return (await system.open()).stat(target)
  if (isForeign(target)) return (await system.open()).statOf(target.pid, target.fd)
  const holder = holderOf(target)
  const fd = descriptorOf(holder)
  if (fd !== undefined) return (await system.open()).stat(fd)
  const ends = endsOf(holder)
  const descriptors = await system.open()
  // Node does not expose the numbers of sockets on Windows.
  if (descriptors.find === undefined || ends === undefined) throw noSocket(holder, 'no socket: it is closed, or not bound yet')
  return descriptors.stat(await descriptors.find(ends))
}

const isForeign = (target: object): target is { readonly pid: number; readonly fd: number } => 'pid' in target && 'fd' in target
const isSession = (target: object): target is { readonly socket?: object } => 'goaway' in target && 'ping' in target

const requested = 'needs a net.Socket, tls.TLSSocket, net.Server, dgram.Socket, http2 session, descriptor number or { pid, fd }'

function whole(what: string, value: unknown): void {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31) return
  throw new ArgumentError(`target: ${what} needs a whole number from 0, got ${String(value)}`)
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
  if (!isSession(target)) return target
  if (target.socket === undefined) throw noSocket(target, 'no socket: it is closed, or was never opened')
  return target.socket
}

const noSocket = (holder: object, what: string): ArgumentError => new ArgumentError(`target: this ${holder.constructor.name} has ${what}`)
const unsupported = (target: object): ArgumentError =>
  new ArgumentError(`target: ${requested}, got ${target.constructor?.name ?? 'an object'}`)

/** Undefined when Node has no number for a socket that may be open. */
function descriptorOf(holder: object): number | undefined {
  const handle = handleOf(holder)
  if (handle === undefined) throw unsupported(holder)
  if (handle === null) throw noSocket(holder, 'no socket: it is closed, or was never opened')
  if (handle.fd === undefined)
    throw noSocket(holder, "no descriptor of its own: a cluster's primary holds it, or this runtime does not show it")
  return handle.fd < 0 ? undefined : handle.fd
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
