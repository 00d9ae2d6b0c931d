// The options of a socket by its descriptor. Numbers of asm-generic/socket.h, netinet/in.h and linux/tcp.h, as x86, ARM and RISC-V have them.

import { viewOf } from '../../../bytes/text.ts'
import type { Protocol } from '../../../model/socket.ts'
import type { SocketInfo, Timestamps } from '../../../model/stat.ts'
import { getOption } from '../kernel/calls.ts'

const SOL_IP = 0
const SOL_SOCKET = 1
const IPPROTO_TCP = 6
const SOL_IPV6 = 41

/** Options of SOL_SOCKET. */
export const SO = {
  REUSEADDR: 2,
  TYPE: 3,
  BROADCAST: 6,
  SNDBUF: 7,
  RCVBUF: 8,
  KEEPALIVE: 9,
  PRIORITY: 12,
  LINGER: 13,
  REUSEPORT: 15,
  TIMESTAMP: 29,
  ACCEPTCONN: 30,
  TIMESTAMPNS: 35,
  MARK: 36,
  TIMESTAMPING: 37,
  PROTOCOL: 38,
  DOMAIN: 39,
  MAX_PACING_RATE: 47,
  INCOMING_CPU: 49,
  MEMINFO: 55,
  INCOMING_NAPI_ID: 56,
  COOKIE: 57,
  TIMESTAMP_NEW: 63, // 5.1, for times after 2038, as the next.
  TIMESTAMPNS_NEW: 64,
} as const

/** Options of IPPROTO_TCP. */
export const TCP = {
  NODELAY: 1,
  KEEPIDLE: 4,
  KEEPINTVL: 5,
  KEEPCNT: 6,
  INFO: 11,
  CONGESTION: 13,
  USER_TIMEOUT: 18,
  TIMESTAMP: 24,
  CC_INFO: 26,
} as const

const IP = { TOS: 1, TTL: 2 } as const
const IPV6 = { UNICAST_HOPS: 16, V6ONLY: 26, TCLASS: 67 } as const

/** An option of SOL_SOCKET, at most `size` bytes. */
export const socketOption = (fd: number, option: number, size: number): Uint8Array | undefined => getOption(fd, SOL_SOCKET, option, size)

/** An option of IPPROTO_TCP, at most `size` bytes. */
export const tcpOption = (fd: number, option: number, size: number): Uint8Array | undefined => getOption(fd, IPPROTO_TCP, option, size)

/** An option of SOL_SOCKET that is an integer. */
export const socketInteger = (fd: number, option: number): number | undefined => integer(fd, SOL_SOCKET, option)

/** The kernel gives some integers in one byte. */
function integer(fd: number, level: number, option: number): number | undefined {
  const value = getOption(fd, level, option, 4)
  if (value === undefined || value.length === 0) return undefined
  return value.length < 4 ? value[0] : viewOf(value).getInt32(0, true)
}

type OptionsOf = Omit<SocketInfo, 'protocol' | 'family' | 'type' | 'state' | 'local' | 'remote'>
type Ask = (option: number) => number | undefined

/** Every option that is read. */
export function readOptions(fd: number, v6: boolean, protocol: Protocol | undefined): OptionsOf {
  const socket: Ask = option => integer(fd, SOL_SOCKET, option)
  const tcp: Ask = option => (protocol === 'tcp' ? integer(fd, IPPROTO_TCP, option) : undefined)
  const flag = (value: number | undefined): boolean | undefined => (value === undefined ? undefined : value !== 0)
  const cpu = socket(SO.INCOMING_CPU)
  const listening = flag(socket(SO.ACCEPTCONN))
  return {
    listening,
    ttl: v6 ? integer(fd, SOL_IPV6, IPV6.UNICAST_HOPS) : integer(fd, SOL_IP, IP.TTL),
    trafficClass: v6 ? integer(fd, SOL_IPV6, IPV6.TCLASS) : integer(fd, SOL_IP, IP.TOS),
    v6only: v6 ? flag(integer(fd, SOL_IPV6, IPV6.V6ONLY)) : undefined,
    sendBufferBytes: socket(SO.SNDBUF),
    receiveBufferBytes: socket(SO.RCVBUF),
    reuseAddress: flag(socket(SO.REUSEADDR)),
    reusePort: flag(socket(SO.REUSEPORT)),
    broadcast: flag(socket(SO.BROADCAST)),
    keepAlive: flag(socket(SO.KEEPALIVE)),
    keepAliveIdleSeconds: tcp(TCP.KEEPIDLE),
    keepAliveIntervalSeconds: tcp(TCP.KEEPINTVL),
    keepAliveProbes: tcp(TCP.KEEPCNT),
    lingerSeconds: linger(socketOption(fd, SO.LINGER, 8)),
    noDelay: flag(tcp(TCP.NODELAY)),
    userTimeoutMs: tcp(TCP.USER_TIMEOUT),
    mark: socket(SO.MARK),
    priority: socket(SO.PRIORITY),
    incomingProcessor: cpu === -1 ? undefined : cpu,
    incomingQueue: socket(SO.INCOMING_NAPI_ID) || undefined, // 0 where the driver has none.
    maxPacingBytesPerSecond: pacing(socketOption(fd, SO.MAX_PACING_RATE, 8)),
    timestamps: timestamps(socket, listening === true ? () => undefined : tcp),
  }
}

/** struct linger: on or off, and seconds. */
function linger(value: Uint8Array | undefined): number | undefined {
  if (value === undefined || value.length < 8 || viewOf(value).getInt32(0, true) === 0) return undefined
  return viewOf(value).getInt32(4, true)
}

/** All ones is no limit. Kernels before 4.20 give 32 bits. */
function pacing(value: Uint8Array | undefined): number | undefined {
  if (value?.length === 4) return viewOf(value).getUint32(0, true) === 2 ** 32 - 1 ? undefined : viewOf(value).getUint32(0, true)
  if (value?.length !== 8) return undefined
  const rate = viewOf(value).getBigUint64(0, true)
  return rate === 2n ** 64n - 1n ? undefined : Number(rate)
}

function timestamps(socket: Ask, tcp: Ask): Timestamps | undefined {
  const nanos = socket(SO.TIMESTAMPNS)
  if (nanos === undefined) return undefined
  const received = nanos || socket(SO.TIMESTAMPNS_NEW) ? 'nanos' : socket(SO.TIMESTAMP) || socket(SO.TIMESTAMP_NEW) ? 'micros' : 'none'
  const clock = tcp(TCP.TIMESTAMP)
  return { received, timestampingFlags: socket(SO.TIMESTAMPING), tcpClock: clock === undefined ? undefined : clock >>> 0 }
}
