// The statistics of a socket by its descriptor: TCP_CONNECTION_INFO, what waits in it, and what libproc reports of it.

import { viewOf } from '../../../bytes/text.ts'
import { OsError } from '../../../model/errors.ts'
import type { DarwinSocketInfo, SocketInfo, SocketStat } from '../../../model/stat.ts'
import type { Tcp } from '../../../model/tcp.ts'
import { attempt } from '../../attempt.ts'
import { connectionInfo, unknownSocketInfo, type Descriptors } from '../../descriptor.ts'
import { mergeTcp } from '../../draft.ts'
import type { Calls } from '../kernel/calls.ts'
import { openCalls } from '../kernel/calls.ts'
import { heldRow, SOCKINFO_IN, SOCKINFO_TCP } from '../decode/held.ts'
import type { Requested } from '../decode/requested.ts'
import type { Row } from '../decode/row.ts'
import { tcpOfConnection } from '../decode/statistics.ts'
import { inSockinfo, socketFdinfo, tcpConnectionInfo, tcpSockinfo, type SocketFdinfo, type TcpConnectionInfo } from '../kernel/structs.ts'

const IPPROTO_TCP = 6
const SOL_SOCKET = 0xffff
const TCP_CONNECTION_INFO = 0x106
const SO_NWRITE = 0x1024
const FIONREAD = 0x4004667f
const IN6P_IPV6_V6ONLY = 0x8000
const TCPCI_FLAG_REORDERING_DETECTED = 2
const types = [undefined, 'stream', 'datagram', 'raw', 'rdm', 'seqpacket'] as const
const addressKinds = [undefined, 'ipv4', 'ipv6', 'both'] as const
const everything: Requested = { tcp: true, traffic: false, memory: true, options: true, major: undefined, zones: new Map() }

/** The sockets of this program, and those of processes of the same user. */
export function openDescriptors(library?: string): Descriptors {
  const calls = openCalls(library)
  return {
    stat: fd => statOf(calls, calls.ownPid(), fd),
    statOf: (pid, fd) => statOf(calls, pid, fd),
  }
}

function statOf(calls: Calls, pid: number, fd: number): SocketStat {
  const info = infoOf(calls, pid, fd)
  const row = heldRow(info, everything)
  const own = pid === calls.ownPid()
  const socket = row?.socket
  const listening = socket?.state === 'LISTEN'
  const connection = own && socket?.protocol === 'tcp' && !listening ? attempt(() => readConnection(calls, fd)) : undefined
  const tcp = connection && mergeTcp(undefined, tcpOfConnection(connection))
  const sendBuffered = listening ? undefined : ((own ? optionOf(calls, fd, SO_NWRITE) : undefined) ?? info.soi_snd.sbi_cc)
  return {
    pid,
    fd,
    key: socket?.protocol === 'unix' ? undefined : socket?.key, // libproc does not have the count that the key of a snapshot has.
    cookie: undefined,
    unreceived: listening ? undefined : ((own ? waiting(calls, fd) : undefined) ?? info.soi_rcv.sbi_cc),
    // macOS keeps what was sent until it is acknowledged, and does not count the two apart.
    unsent: sendBuffered,
    unacknowledged: undefined,
    backlog: listening ? info.soi_qlen : undefined,
    backlogLimit: listening ? info.soi_qlimit : undefined,
    connectionInfo: connection && tcp && shortInfo(connection, tcp, row),
    socketInfo: socketInfoOf(info, row),
    memory: socket?.memory,
    tcp,
  }
}

/** What libproc reports of the descriptor, or an error with what the descriptor is instead. */
function infoOf(calls: Calls, pid: number, fd: number): SocketFdinfo {
  try {
    return socketFdinfo.read(viewOf(calls.fdInfo(pid, fd, socketFdinfo.size)))
  } catch (error) {
    const help = error instanceof OsError ? meaning(error.code, pid, fd) : undefined
    if (help === undefined) throw error
    throw new OsError('socketStat', (error as OsError).code, { help, cause: error })
  }
}

function meaning(code: string, pid: number, fd: number): string | undefined {
  if (code === 'EBADF') return `descriptor ${fd} is not open: the socket is closed, or was never opened`
  if (code === 'ENOTSOCK') return `descriptor ${fd} is not a socket`
  if (code === 'ESRCH') return `there is no process ${pid}`
  return code === 'EPERM' ? `process ${pid} belongs to another user: run as that user or as root` : undefined
}

/** TCP_CONNECTION_INFO of a connection of this process. */
export const readConnection = (calls: Calls, fd: number): TcpConnectionInfo =>
  tcpConnectionInfo.read(viewOf(calls.option(fd, IPPROTO_TCP, TCP_CONNECTION_INFO, tcpConnectionInfo.size)))

function optionOf(calls: Calls, fd: number, option: number): number | undefined {
  const bytes = attempt(() => calls.option(fd, SOL_SOCKET, option, 4))
  return bytes === undefined || bytes.length < 4 ? undefined : viewOf(bytes).getInt32(0, true)
}

function waiting(calls: Calls, fd: number): number | undefined {
  const bytes = new Uint8Array(4)
  return attempt(() => {
    calls.ioctl(fd, FIONREAD, bytes)
    return viewOf(bytes).getInt32(0, true)
  })
}

function shortInfo(c: TcpConnectionInfo, tcp: Tcp, row: Row | undefined): SocketStat['connectionInfo'] {
  return {
    ...connectionInfo(tcp, row?.socket.state, c.tcpi_snd_sbbytes),
    inLossRecovery: tcp.congestionState === 'recovery',
    reorderingSeen: (c.tcpi_flags & TCPCI_FLAG_REORDERING_DETECTED) !== 0,
    lastRttMs: c.tcpi_rttcur === 0 ? undefined : c.tcpi_rttcur,
    outOfOrderBytes: c.tcpi_rxoutoforderbytes,
    fastOpenFlags: c.tcpi_tfo,
  }
}

function socketInfoOf(info: SocketFdinfo, row: Row | undefined): SocketInfo {
  const socket = row?.socket
  const flags = new Set(socket?.options?.flags)
  const fields = darwinFields(info)
  return {
    ...unknownSocketInfo,
    protocol: socket?.protocol,
    family: socket?.family,
    type: types[info.soi_type],
    state: socket?.state,
    local: socket?.local,
    remote: socket?.remote,
    listening: socket?.protocol === 'tcp' || socket?.protocol === 'unix' ? socket.state === 'LISTEN' : undefined,
    ttl: fields?.ttl,
    v6only: socket?.family === 'ipv6' ? ((fields?.darwin.internetFlags ?? 0) & IN6P_IPV6_V6ONLY) !== 0 : undefined,
    sendBufferBytes: info.soi_snd.sbi_hiwat,
    receiveBufferBytes: info.soi_rcv.sbi_hiwat,
    reuseAddress: flags.has('reuseaddr'),
    reusePort: flags.has('reuseport'),
    broadcast: flags.has('broadcast'),
    keepAlive: flags.has('keepalive'),
    darwin: fields?.darwin,
  }
}

/** What libproc reports of an internet socket. */
function darwinFields(info: SocketFdinfo): { readonly ttl: number; readonly darwin: DarwinSocketInfo } | undefined {
  if (info.soi_kind !== SOCKINFO_IN && info.soi_kind !== SOCKINFO_TCP) return undefined
  const view = viewOf(info.soi_proto)
  const ini = inSockinfo.read(view, 0, inSockinfo.size)
  const tcp = info.soi_kind === SOCKINFO_TCP ? tcpSockinfo.read(view, 0, tcpSockinfo.size) : undefined
  const [retransmit, persist, keepAlive, timeWait] = tcp?.tcpsi_timer ?? []
  return {
    ttl: ini.insi_ip_ttl,
    darwin: {
      generation: ini.insi_gencnt,
      internetFlags: ini.insi_flags,
      flowLabel: ini.insi_flow,
      addresses: addressKinds[ini.insi_vflag],
      timersMs: tcp && { retransmit: retransmit!, persist: persist!, keepAlive: keepAlive!, timeWait: timeWait! },
      maxSegmentBytes: tcp?.tcpsi_mss,
      tcpFlags: tcp?.tcpsi_flags,
      controlBlock: tcp?.tcpsi_tp.toString(16),
    },
  }
}
