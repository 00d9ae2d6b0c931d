// The statistics of a socket by its descriptor, on Linux. The calls are here; tcp.ts and memory.ts decode the bytes.

import { readlinkSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { ipv4, ipv6 } from '../../../bytes/address.ts'
import { littleEndian } from '../../../bytes/struct.ts'
import { cString, viewOf } from '../../../bytes/text.ts'
import { OsError } from '../../../model/errors.ts'
import type { Endpoint, Protocol, State } from '../../../model/socket.ts'
import type { SocketStat } from '../../../model/stat.ts'
import type { CongestionDetail, Tcp } from '../../../model/tcp.ts'
import type { Descriptors } from '../../descriptor.ts'
import { connectionInfo } from '../../descriptor.ts'
import { askInteger, borrowFd, localName, openPid, remoteName } from '../kernel/calls.ts'
import { cookieKey, socketTypes, tcpStates } from '../decode/draft.ts'
import { readMemory } from '../decode/memory.ts'
import { familyOf, protocolOf } from '../decode/numbers.ts'
import { attempt } from '../../attempt.ts'
import { withDescriptor } from '../kernel/files.ts'
import { readOptions, SO, socketInteger, socketOption, TCP, tcpOption } from './options.ts'
import { sockaddrIn, sockaddrIn6, tcpInfo } from '../kernel/structs.ts'
import { congestionKind, forListener, readCongestion, readTcp } from '../decode/tcp.ts'

const SOCK_RAW = 3
const SIOCINQ = 0x541b
const SIOCOUTQ = 0x5411
const SIOCOUTQNSD = 0x894b

/** The sockets of this program, and those of other programs that may be read. */
export const descriptors: Descriptors = {
  stat: fd => statOf(process.pid, fd, fd),
  statOf(pid, fd) {
    const pidFd = explain(() => openPid(pid), {
      ESRCH: `there is no process ${pid}`,
      EINVAL: `${pid} is a thread, not a process`,
      ENOSYS: 'descriptors of other processes need Linux 5.6',
    })
    const borrowed = withDescriptor(pidFd, () =>
      explain(() => borrowFd(pidFd, fd), {
        EBADF: `process ${pid} has no descriptor ${fd}`,
        EPERM: `process ${pid} belongs to someone else: run as its user or as root, with CAP_SYS_PTRACE`,
        ESRCH: `process ${pid} has ended`,
        ENOSYS: 'descriptors of other processes need Linux 5.6',
      }),
    )
    return withDescriptor(borrowed, own => statOf(pid, fd, own))
  },
}

/** Runs a call; an error of it gets the words that explain it here. */
function explain<T>(call: () => T, meanings: Readonly<Record<string, string>>): T {
  try {
    return call()
  } catch (error) {
    if (!(error instanceof OsError) || meanings[error.code] === undefined) throw error
    throw new OsError(error.call, error.code, { help: meanings[error.code]!, cause: error })
  }
}

/** `own` is the descriptor to ask through: the same one, or our copy. */
function statOf(pid: number, fd: number, own: number): SocketStat {
  const whose = pid === process.pid ? '' : ` of process ${pid}`
  const type = explain(() => socketInteger(own, SO.TYPE), {
    EBADF: `descriptor ${fd} is not open: the socket is closed, or was never opened`,
    ENOTSOCK: `descriptor ${fd}${whose} is not a socket but ${linkOf(own)}`,
  })
  const family = familyOf(socketInteger(own, SO.DOMAIN) ?? -1)
  const number = socketInteger(own, SO.PROTOCOL) ?? -1
  const inet = family === 'ipv4' || family === 'ipv6'
  // A raw socket may be of any protocol, also of TCP.
  const protocol = inet ? (type === SOCK_RAW ? 'raw' : protocolOf(number)) : family
  const local = endpoint(localName(own))
  const remote = endpoint(remoteName(own))
  const info = protocol === 'tcp' ? tcpOption(own, TCP.INFO, 1024) : undefined
  const state = info === undefined ? stateOf(own, protocol, remote) : tcpStateOf(info, local)
  const listening = state === 'LISTEN'
  const raw = info === undefined || !listening ? undefined : tcpInfo.read(viewOf(info))
  const tcp = info === undefined || state === 'CLOSED' || state === 'BOUND' ? undefined : readTcpOf(own, info, listening)
  const buffered = listening ? undefined : askInteger(own, SIOCOUTQ)
  const unsent = protocol === 'tcp' && !listening ? askInteger(own, SIOCOUTQNSD) : buffered
  const meminfo = socketOption(own, SO.MEMINFO, 64)
  const cookie = socketOption(own, SO.COOKIE, 8)
  const id = cookie && viewOf(cookie)
  return {
    pid,
    fd,
    // Where the kernel does not list raw sockets by their cookies, a snapshot has other keys.
    key: protocol === 'raw' ? undefined : id && cookieKey(id.getUint32(0, littleEndian), id.getUint32(4, littleEndian)),
    cookie: id && Number(id.getBigUint64(0, littleEndian)),
    unreceived: listening ? undefined : askInteger(own, SIOCINQ),
    unsent,
    unacknowledged: protocol !== 'tcp' || buffered === undefined || unsent === undefined ? undefined : buffered - unsent,
    backlog: raw?.unacked, // A listener uses these fields so.
    backlogLimit: raw?.sacked,
    connectionInfo: listening ? undefined : tcp && connectionInfo(tcp, state, buffered),
    socketInfo: {
      protocol,
      family,
      type: socketTypes[type ?? 0],
      state,
      local,
      remote,
      ...readOptions(own, family === 'ipv6', protocol),
    },
    memory: meminfo && readMemory(viewOf(meminfo), 0, meminfo.length),
    tcp,
  }
}

/** The states of sockets that have no more than these, as snapshots have them; undefined for a protocol with others. */
function stateOf(fd: number, protocol: Protocol | undefined, remote: Endpoint | undefined): State | undefined {
  if (protocol === undefined || protocol === 'mptcp' || protocol === 'sctp' || protocol === 'dccp') return undefined
  if (protocol === 'unix' && socketInteger(fd, SO.ACCEPTCONN) === 1) return 'LISTEN'
  return remote === undefined ? 'UNCONNECTED' : 'ESTABLISHED'
}

/** A socket that has a port and has never sent or received anything is only bound. */
function tcpStateOf(info: Uint8Array, local: Endpoint | undefined): State | undefined {
  const state = tcpStates[info[0]!]
  if (state !== 'CLOSED' || (local?.port ?? 0) === 0) return state
  const { segsOut, segsIn } = tcpInfo.read(viewOf(info))
  return segsOut === 0 && segsIn === 0 ? 'BOUND' : state
}

/** The name by which /proc shows a descriptor: a path, `pipe:[5]`, `anon_inode:[eventpoll]`. */
function linkOf(fd: number): string {
  const target = attempt(() => readlinkSync(`/proc/self/fd/${fd}`))
  return target === undefined ? 'something else' : JSON.stringify(target)
}

function readTcpOf(fd: number, info: Uint8Array, listens: boolean): Tcp {
  const name = tcpOption(fd, TCP.CONGESTION, 16)
  const congestionControl = name && cString(name)
  const kind = congestionKind(congestionControl)
  const record = kind && tcpOption(fd, TCP.CC_INFO, 64)
  const tcp = { ...readTcp(viewOf(info), 0, info.length), congestionControl, congestionDetail: record && detail(kind, record) }
  if (listens) forListener(tcp)
  return tcp
}

/** A congestion control that keeps its record only sometimes has no bytes. */
const detail = (kind: CongestionDetail['kind'], record: Uint8Array): CongestionDetail | undefined =>
  record.length === 0 ? undefined : readCongestion(kind, viewOf(record), 0, record.length)

function endpoint(name: Uint8Array | undefined): Endpoint | undefined {
  if (name === undefined || name.length < 2) return undefined
  const view = viewOf(name)
  const family = familyOf(view.getUint16(0, true))
  if (family === 'ipv4') {
    const { addr, port } = sockaddrIn.read(view)
    return { address: ipv4(addr), port }
  }
  if (family === 'ipv6') {
    const { addr, port, scopeId } = sockaddrIn6.read(view)
    return { address: ipv6(addr), port, zone: scopeId === 0 ? undefined : interfaceName(scopeId) }
  }
  if (family !== 'unix') return undefined
  const path = name.subarray(2)
  // An abstract name starts with a NUL, and its length says where it ends.
  if (path.length === 0) return {}
  return { path: path[0] === 0 ? `@${new TextDecoder().decode(path.subarray(1))}` : cString(path) }
}

/** The name of an interface, where node has it; else its number. */
function interfaceName(index: number): string {
  const found = Object.entries(networkInterfaces()).find(([, addresses]) =>
    addresses?.some(a => a.family === 'IPv6' && a.scopeid === index),
  )
  return found?.[0] ?? String(index)
}
