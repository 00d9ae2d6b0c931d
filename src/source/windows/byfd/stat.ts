// The statistics of a socket of this process by its handle. Node does not expose handles on Windows, so they are found by their addresses.

import { viewOf } from '../../../bytes/text.ts'
import { OsError } from '../../../model/errors.ts'
import type { Family, Protocol, State } from '../../../model/socket.ts'
import type { SocketInfo, SocketStat } from '../../../model/stat.ts'
import { attempt } from '../../attempt.ts'
import { connectionInfo, unknownSocketInfo, type Descriptors, type Ends } from '../../descriptor.ts'
import { mergeTcp } from '../../draft.ts'
import * as calls from '../kernel/calls.ts'
import { endOf, endsKey, ownSockets, readInfo, readQueues } from './own-sockets.ts'
import { readTable, trimTable, type Row, type TableKind } from '../decode/sockets.ts'

const SOL_SOCKET = 0xffff
const IPPROTO_IP = 0
const IPPROTO_TCP = 6
const IPPROTO_IPV6 = 41
/** ws2def.h, ws2ipdef.h: SO_TYPE and its neighbours, by level and number. */
const options = {
  acceptConnections: [SOL_SOCKET, 2],
  reuseAddress: [SOL_SOCKET, 4],
  keepAlive: [SOL_SOCKET, 8],
  broadcast: [SOL_SOCKET, 0x20],
  linger: [SOL_SOCKET, 0x80],
  sendBuffer: [SOL_SOCKET, 0x1001],
  receiveBuffer: [SOL_SOCKET, 0x1002],
  type: [SOL_SOCKET, 0x1008],
  ttl: [IPPROTO_IP, 4],
  hops: [IPPROTO_IPV6, 4],
  v6only: [IPPROTO_IPV6, 27],
  noDelay: [IPPROTO_TCP, 1],
  keepAliveIdle: [IPPROTO_TCP, 3], // Windows 10 1709, as the next two.
  keepAliveProbes: [IPPROTO_TCP, 16],
  keepAliveInterval: [IPPROTO_TCP, 17],
} as const

const types = [undefined, 'stream', 'datagram', 'raw', 'rdm', 'seqpacket'] as const

/** The number of an option; undefined when this socket or this Windows does not have it. */
function option(handle: number, name: keyof typeof options): number | undefined {
  const [level, number] = options[name]
  const value = attempt(() => calls.socketOption(handle, level, number))
  return value && viewOf(value).getUint32(0, true)
}
const yesNo = (value: number | undefined): boolean | undefined => (value === undefined ? undefined : value !== 0)

/** The sockets of this program. */
export const descriptors: Descriptors = {
  stat: statOf,
  statOf() {
    throw new OsError('socketStat', 'ENOTSUP', {
      help: 'Windows has no access to a socket of another process; a snapshot has its statistics when it is taken elevated',
    })
  },
  find: findHandle,
}

/** The handle with these ends. A listener and the connections that it accepted have the same local end, so a listener must be one. */
async function findHandle(ends: Ends): Promise<number> {
  const key = endsKey(ends.local, ends.remote)
  for await (const { handle, local, remote } of ownSockets(calls)) {
    const datagram = option(handle, 'type') === 2
    if (datagram === ends.datagram && endsKey(local, remote) === key) return handle
  }
  throw new OsError('socketStat', 'EBADF', { help: 'no socket of this process has this address: it is closed, or was never opened' })
}

function statOf(handle: number): SocketStat {
  const type = option(handle, 'type')
  if (type === undefined) throw new OsError('socketStat', 'ENOTSOCK', { help: `handle ${handle} is not an open socket` })
  const [local, remote] = [endOf(calls.socketName(handle, 'local')), endOf(calls.socketName(handle, 'remote'))]
  const protocol: Protocol | undefined = type === 1 ? 'tcp' : type === 2 ? 'udp' : undefined
  const family: Family | undefined = local === undefined ? undefined : local.address!.includes(':') ? 'ipv6' : 'ipv4'
  const listening = yesNo(option(handle, 'acceptConnections'))
  const info = protocol === 'tcp' && remote !== undefined ? attempt(() => readInfo(calls, handle)) : undefined
  const row =
    local && (protocol === 'tcp' || protocol === 'udp')
      ? findRow(protocol, endsKey(local, protocol === 'tcp' ? remote : undefined))
      : undefined
  const state = info?.state ?? stateOf(protocol, listening, row)
  const tcp = info && mergeTcp(undefined, info.tcp)
  return {
    pid: process.pid,
    fd: handle,
    key: row?.draft.key,
    cookie: undefined,
    unreceived: listening ? undefined : readQueues(calls, handle)?.receivedBytes,
    unsent: undefined,
    unacknowledged: info?.inFlightBytes,
    backlog: undefined,
    backlogLimit: undefined,
    connectionInfo: tcp && connectionInfo(tcp, state, undefined),
    socketInfo: {
      ...unknownSocketInfo,
      protocol,
      family,
      type: types[type],
      state,
      local,
      remote,
      listening,
      ...optionsOf(handle, family),
    },
    memory: undefined,
    tcp,
  }
}

/** What is set on a socket. */
function optionsOf(handle: number, family: Family | undefined): Partial<SocketInfo> {
  const linger = option(handle, 'linger') // Two 16-bit numbers: on, and seconds.
  return {
    ttl: option(handle, family === 'ipv6' ? 'hops' : 'ttl'),
    v6only: family === 'ipv6' ? yesNo(option(handle, 'v6only')) : undefined,
    sendBufferBytes: option(handle, 'sendBuffer'),
    receiveBufferBytes: option(handle, 'receiveBuffer'),
    reuseAddress: yesNo(option(handle, 'reuseAddress')),
    broadcast: yesNo(option(handle, 'broadcast')),
    keepAlive: yesNo(option(handle, 'keepAlive')),
    keepAliveIdleSeconds: option(handle, 'keepAliveIdle'),
    keepAliveIntervalSeconds: option(handle, 'keepAliveInterval'),
    keepAliveProbes: option(handle, 'keepAliveProbes'),
    lingerSeconds: linger === undefined || (linger & 0xffff) === 0 ? undefined : linger >>> 16,
    noDelay: yesNo(option(handle, 'noDelay')),
  }
}

const stateOf = (protocol: Protocol | undefined, listening: boolean | undefined, row: Row | undefined): State | undefined =>
  row?.draft.state ?? (protocol === 'udp' ? 'UNCONNECTED' : listening ? 'LISTEN' : undefined)

/** The row of the tables that is this socket; undefined when it is not there. */
function findRow(protocol: TableKind['protocol'], ends: string): Row | undefined {
  for (const family of ['ipv4', 'ipv6'] as const) {
    const kind = { protocol, family, rows: 'module' } as const
    const found: Row[] = []
    attempt(() => readTable(trimTable(calls.table(protocol, family, 'module'), kind), kind, found))
    const row = found.find(r => r.pid === process.pid && endsKey(r.draft.local, r.draft.remote) === ends)
    if (row) return row
  }
  return undefined
}
