// The same sockets in the shape of the netstat2 library of Rust, for programs that were written for it. The calls are asynchronous; the names are camelCase.

import { aSocket, checkIs, type ObjectKind } from '../model/arguments.ts'
import { ArgumentError } from '../model/errors.ts'
import type { Gap } from '../model/gap.ts'
import type { Endpoint, Family, Protocol, Socket, State } from '../model/socket.ts'
import { sockets } from '../machine/functions.ts'

/** Which address families, as bits: `AddressFamilyFlags.IPV4 | AddressFamilyFlags.IPV6`. */
export const AddressFamilyFlags = { IPV4: 1, IPV6: 2 } as const
/** Address families as bits; 0 is none. */
export type AddressFamilyFlags = number

/** Which protocols, as bits: `ProtocolFlags.TCP | ProtocolFlags.UDP`. */
export const ProtocolFlags = { TCP: 1, UDP: 2 } as const
/** Protocols as bits; 0 is none. */
export type ProtocolFlags = number

/** The states, each with the word that netstat2 displays. */
export const TcpState = {
  Closed: 'CLOSED',
  Listen: 'LISTEN',
  SynSent: 'SYN_SENT',
  SynReceived: 'SYN_RCVD',
  Established: 'ESTABLISHED',
  FinWait1: 'FIN_WAIT_1',
  FinWait2: 'FIN_WAIT_2',
  CloseWait: 'CLOSE_WAIT',
  Closing: 'CLOSING',
  LastAck: 'LAST_ACK',
  TimeWait: 'TIME_WAIT',
  DeleteTcb: 'DELETE_TCB',
  Unknown: '__UNKNOWN',
} as const
/** One of the 13 states. */
export type TcpState = (typeof TcpState)[keyof typeof TcpState]

/** A TCP socket. A listener's remote end is the unspecified address and port 0. */
export interface TcpSocketInfo {
  /** Distinguishes it from UDP. */
  readonly protocol: 'Tcp'
  /** The address of this end. */
  readonly localAddr: string
  /** The port of this end. */
  readonly localPort: number
  /** The address of the other end. */
  readonly remoteAddr: string
  /** The port of the other end. */
  readonly remotePort: number
  /** The state of the connection. */
  readonly state: TcpState
}

/** A UDP socket. The remote end is there when the socket is connected. */
export interface UdpSocketInfo {
  /** Distinguishes it from TCP. */
  readonly protocol: 'Udp'
  /** The address of this end. */
  readonly localAddr: string
  /** The port of this end. */
  readonly localPort: number
  /** The address of the other end; undefined when the socket is not connected. */
  readonly remoteAddr: string | undefined
  /** The port of the other end; undefined when the socket is not connected. */
  readonly remotePort: number | undefined
}

/** What applies to one protocol only: `protocol` is which. */
export type ProtocolSocketInfo = TcpSocketInfo | UdpSocketInfo

/** One socket. */
export interface SocketInfo {
  /** What applies to its protocol only. */
  readonly protocolSocketInfo: ProtocolSocketInfo
  /** Every process that holds the socket; empty when none is known. */
  readonly associatedPids: readonly number[]
  /** The address of this end. */
  readonly localAddr: string
  /** The port of this end. */
  readonly localPort: number
  /** Undefined when the socket is not connected. */
  readonly remoteAddr: string | undefined
  /** The port of the other end; undefined when the socket is not connected. */
  readonly remotePort: number | undefined
  /** UDP sockets are `Established` when they have a peer and `Closed` otherwise, as the kernel calls them. */
  readonly state: TcpState
  /** The inode of the socket. */
  readonly inode: number | undefined
  /** The user that made the socket. */
  readonly uid: number | undefined
}

/** Sockets, and beside them what could not be seen. */
export interface SocketsInfo extends ReadonlyArray<SocketInfo> {
  /** What could not be seen. JSON of the list does not have it. */
  readonly gaps: readonly Gap[]
}

/** All sockets of these families and protocols, with their processes. No bits: no sockets. */
export function getSocketsInfo(addressFamilies: AddressFamilyFlags, protocols: ProtocolFlags): Promise<SocketsInfo> {
  return listOf(addressFamilies, protocols, true)()
}

/** The same one by one; what could not be seen is what the generator returns. */
export function iterateSocketsInfo(
  addressFamilies: AddressFamilyFlags,
  protocols: ProtocolFlags,
): AsyncGenerator<SocketInfo, readonly Gap[], undefined> {
  return oneByOne(listOf(addressFamilies, protocols, true))
}

/** The same without looking up processes, which is faster: `associatedPids` is empty. */
export function iterateSocketsInfoWithoutPids(
  addressFamilies: AddressFamilyFlags,
  protocols: ProtocolFlags,
): AsyncGenerator<SocketInfo, readonly Gap[], undefined> {
  return oneByOne(listOf(addressFamilies, protocols, false))
}

async function* oneByOne(list: () => Promise<SocketsInfo>): AsyncGenerator<SocketInfo, readonly Gap[], undefined> {
  const found = await list()
  yield* found
  return found.gaps
}

/** The list that the bits select, checked; the snapshot is taken when the function is called. */
function listOf(addressFamilies: number, protocols: number, owners: boolean): () => Promise<SocketsInfo> {
  const inFamilies = chosen<Family>('addressFamilies', addressFamilies, { ipv4: AddressFamilyFlags.IPV4, ipv6: AddressFamilyFlags.IPV6 })
  const inProtocols = chosen<Protocol>('protocols', protocols, { tcp: ProtocolFlags.TCP, udp: ProtocolFlags.UDP })
  return async () => {
    if (inFamilies.length === 0 || inProtocols.length === 0) return Object.assign([], { gaps: [] })
    const snapshot = await sockets({ families: inFamilies, protocols: inProtocols, owners })
    return Object.assign(snapshot.sockets.map(socketInfo), { gaps: snapshot.gaps })
  }
}

/** The words whose bits are set. */
function chosen<T extends string>(argument: string, given: number, bits: { readonly [K in T]?: number }): T[] {
  const entries = Object.entries(bits) as [T, number][]
  const known = entries.reduce((all, [, bit]) => all | bit, 0)
  if (!Number.isInteger(given) || (given & ~known) !== 0 || given > known)
    throw new ArgumentError(`${argument}: needs bits of ${known}, got ${String(given)}`)
  return entries.filter(([, bit]) => (given & bit) !== 0).map(([word]) => word)
}

const aBoundSocket: ObjectKind = { ...aSocket, fields: { protocol: 'text', local: 'object', owners: 'list' } }

/** A TCP or UDP socket of any snapshot in the shape of netstat2, which has no other protocols. */
export function socketInfo(socket: Socket): SocketInfo {
  checkIs('socket', socket, aBoundSocket)
  const isTcp = socket.protocol === 'tcp'
  if (!isTcp && socket.protocol !== 'udp') throw new ArgumentError(`socket: needs a TCP or UDP socket, got one of ${socket.protocol}`)
  const localAddr = addressOf(socket.local) ?? unspecified(socket)
  const localPort = socket.local.port ?? 0
  const remoteAddr = socket.remote && addressOf(socket.remote)
  const remotePort = socket.remote?.port
  const state = isTcp ? stateOf(socket.state) : socket.remote ? TcpState.Established : TcpState.Closed
  return {
    protocolSocketInfo: isTcp
      ? { protocol: 'Tcp', localAddr, localPort, remoteAddr: remoteAddr ?? unspecified(socket), remotePort: remotePort ?? 0, state }
      : { protocol: 'Udp', localAddr, localPort, remoteAddr, remotePort },
    associatedPids: [...new Set(socket.owners.map(owner => owner.pid))],
    localAddr,
    localPort,
    remoteAddr,
    remotePort,
    state,
    inode: socket.inode,
    uid: socket.uid,
  }
}

const unspecified = (socket: Socket): string => (socket.family === 'ipv6' ? '::' : '0.0.0.0')

/** An address with its zone, as node writes it. */
function addressOf({ address, zone }: Endpoint): string | undefined {
  return address === undefined || zone === undefined ? address : `${address}%${zone}`
}

/** Our words for states are those of netstat2, but for these. A socket that is only bound has no state of its own there. */
function stateOf(state: State | undefined): TcpState {
  if (state === 'SYN_RECEIVED') return TcpState.SynReceived
  if (state === 'BOUND' || state === 'UNCONNECTED') return TcpState.Closed
  return Object.values(TcpState).find(word => word === state) ?? TcpState.Unknown
}
