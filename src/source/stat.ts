// The statistics of the socket in your hand: whatever holds it, its descriptor, and what the system tells of that.

import type { Socket as DatagramSocket } from 'node:dgram'
import type { Http2Session } from 'node:http2'
import type { Server, Socket } from 'node:net'
import type { SocketStat } from '../model/stat.ts'
import type { Descriptors } from './descriptor.ts'
import { openDescriptors } from './open.ts'

/** What holds a socket: an object of node, a descriptor number of this process, or a descriptor of another process. */
export type SocketTarget = Socket | Server | DatagramSocket | Http2Session | number | { readonly pid: number; readonly fd: number }

let system: Promise<Descriptors> | undefined

/**
 * The statistics of a socket: what waits in it, its options, its memory, and what TCP knows of it.
 * @throws OsError that says what is wrong: the socket is closed, the descriptor is something else, the process may not be looked at.
 */
export async function socketStat(target: SocketTarget): Promise<SocketStat> {
  const read = statReader(target)
  system ??= openDescriptors()
  return read(await system)
}

/** Finds the descriptor now, so that the caller's mistakes are told before the system is asked. */
function statReader(target: unknown): (descriptors: Descriptors) => SocketStat {
  if (typeof target === 'number') {
    const fd = whole('a descriptor', target)
    return descriptors => descriptors.stat(fd)
  }
  if (typeof target !== 'object' || target === null) throw new TypeError(`socketStat: ${wanted}, got ${String(target)}`)
  if ('pid' in target && 'fd' in target) {
    const [pid, fd] = [whole('a pid', target.pid), whole('a descriptor', target.fd)]
    return descriptors => descriptors.statOf(pid, fd)
  }
  const fd = descriptorOf(target)
  return descriptors => descriptors.stat(fd)
}

const wanted = 'needs a net.Socket, tls.TLSSocket, net.Server, dgram.Socket, http2 session, descriptor number or { pid, fd }'

function whole(what: string, value: unknown): number {
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31) return value as number
  throw new TypeError(`socketStat: ${what} is a whole number from 0 on, got ${String(value)}`)
}

interface Handle {
  readonly fd?: number
}

/** Where node keeps the handle: it has no public name, and has had these names since node 0.6 (`_handle`) and 10 (dgram). */
function handleOf(target: object): Handle | null | undefined {
  if (!isDatagram(target)) return (target as { _handle?: Handle | null })._handle
  const state = Object.getOwnPropertySymbols(target).find(symbol => symbol.description === 'state symbol')
  return state === undefined ? undefined : (target as Record<symbol, { handle?: Handle | null } | undefined>)[state]?.handle
}

/** To read `_handle` of a dgram.Socket is deprecated and warns. */
const isDatagram = (target: object): boolean => 'addMembership' in target

function descriptorOf(target: object): number {
  // An http2 session has its socket while it is open.
  const holder = 'goaway' in target && 'ping' in target ? (target as { socket?: object }).socket : target
  const handle = holder === undefined ? null : handleOf(holder)
  if (handle === undefined) throw new TypeError(`socketStat: ${wanted}, got ${target.constructor?.name ?? 'an object'}`)
  if (handle === null) throw new TypeError(`socketStat: this ${target.constructor.name} has no socket: it is closed, or was never opened`)
  const fd = handle.fd
  if (fd === undefined)
    throw new TypeError(`socketStat: this ${target.constructor.name} has no descriptor of its own (a cluster's primary holds it)`)
  if (fd < 0) throw new TypeError(`socketStat: this ${target.constructor.name} has no socket: it is closed, or not bound yet`)
  return fd
}
