// Sockets of this process: which handle is which connection, and what TCP_INFO reports of it.

import { ipv4, ipv6 } from '../../../bytes/address.ts'
import { viewOf } from '../../../bytes/text.ts'
import { OsError } from '../../../model/errors.ts'
import type { Endpoint, Queues, State } from '../../../model/socket.ts'
import { attempt } from '../../attempt.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import type { KnownTcp } from '../../draft.ts'
import { tcpStates } from '../decode/sockets.ts'
import { tcpOfInfo } from '../decode/statistics.ts'
import type { Calls } from '../kernel/api.ts'
import { sockaddrIn, sockaddrIn6, tcpInfo, tcpInfoSizes } from '../kernel/structs.ts'

const AF_INET = 2
const AF_INET6 = 23
const SIO_TCP_INFO = 0xd8000027
const FIONREAD = 0x4004667f

/** Both ends of a socket as one word. A socket for both families has `::ffff:` addresses itself and IPv4 ones in the table, so that is left out. */
export const endsKey = (local: Endpoint, remote: Endpoint | undefined): string =>
  `${unmapped(local)}${remote === undefined ? '' : ` ${unmapped(remote)}`}`
const unmapped = (e: Endpoint): string => `${e.address?.replace(/^::ffff:/, '')} ${e.port}`

/** The end that a SOCKADDR names; undefined when it is not an internet address. */
export function endOf(name: Uint8Array | undefined): Endpoint | undefined {
  if (name === undefined) return undefined
  const family = viewOf(name).getUint16(0, true)
  if (family === AF_INET) {
    const a = sockaddrIn.read(viewOf(name))
    return { address: ipv4(a.sin_addr), port: a.sin_port }
  }
  if (family !== AF_INET6) return undefined
  const a = sockaddrIn6.read(viewOf(name))
  return { address: ipv6(a.sin6_addr), port: a.sin6_port }
}

/** Windows gives low numbers first, so after so many numbers that are not a socket, beyond the count of handles, there is no further one. */
const MAX_EMPTY_RUN = 1024

/** A socket of this process that has an address. */
export interface OwnSocket {
  readonly handle: number
  readonly local: Endpoint
  readonly remote: Endpoint | undefined
}

/** The sockets of this process that are bound, one after the other. */
export async function* ownSockets(calls: Calls): AsyncGenerator<OwnSocket, void, undefined> {
  const enough = 2 * calls.ownHandleCount() + MAX_EMPTY_RUN
  let last = 0
  for (const handle of calls.ownHandles()) {
    const local = endOf(calls.socketName(handle, 'local'))
    if (local?.port) {
      last = handle / 4
      yield { handle, local, remote: endOf(calls.socketName(handle, 'remote')) }
    }
    if (handle / 4 > Math.max(enough, last + MAX_EMPTY_RUN)) break
    await yieldToEventLoop()
  }
}

/** The handles of the connected sockets of this process, by their ends. */
export async function ownConnections(calls: Calls): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  for await (const { handle, local, remote } of ownSockets(calls)) if (remote) found.set(endsKey(local, remote), handle)
  return found
}

/** What TCP_INFO reports. */
export interface OwnSocketInfo {
  readonly tcp: KnownTcp
  readonly state: State | undefined
  /** Sent, and not acknowledged. */
  readonly inFlightBytes: number
}

/** Reads TCP_INFO of a socket, in the newest version that this Windows has. */
export function readInfo(calls: Calls, handle: number): OwnSocketInfo {
  for (let version = tcpInfoSizes.length - 1; ; version--) {
    const output = new Uint8Array(tcpInfoSizes[version]!)
    try {
      const written = calls.ioctl(handle, SIO_TCP_INFO, new Uint8Array(new Uint32Array([version]).buffer), output)
      const length = Math.min(written, output.length)
      const { State, BytesInFlight } = tcpInfo.read(viewOf(output), 0, length)
      return { tcp: tcpOfInfo(output, length), state: tcpStates[State + 1], inFlightBytes: BytesInFlight }
    } catch (error) {
      const older = error instanceof OsError && ['WSAEOPNOTSUPP', 'WSAEINVAL', 'WSAEFAULT'].includes(error.code)
      if (!older || version === 0) throw error
    }
  }
}

/** Bytes that the socket has received and the program has not read; undefined when Windows does not report it. */
export function readQueues(calls: Calls, handle: number): Queues | undefined {
  const waiting = new Uint32Array(1)
  const written = attempt(() => calls.ioctl(handle, FIONREAD, null, new Uint8Array(waiting.buffer)))
  if (written === undefined) return undefined
  return { receivedBytes: waiting[0]!, sendBytes: undefined, backlog: undefined, backlogLimit: undefined }
}
