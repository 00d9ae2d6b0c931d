// Sockets of our own process: which handle is which connection, and what TCP_INFO says of it.

import { ipv4, ipv6 } from '../../bytes/address.ts'
import { viewOf } from '../../bytes/text.ts'
import { OsError } from '../../model/error.ts'
import type { Endpoint, Queues } from '../../model/socket.ts'
import { breath } from '../breath.ts'
import type { Calls } from './processes.ts'
import { tcpOfInfo, type KnownTcp } from './statistics.ts'
import { sockaddrIn, sockaddrIn6, tcpInfoSizes } from './structs.ts'

const AF_INET = 2
const AF_INET6 = 23
const SIO_TCP_INFO = 0xd8000027
const FIONREAD = 0x4004667f

/** Both ends of a connection as one word. A socket for both families is `::ffff:` to itself and IPv4 in the table, so that is left out. */
export const endsKey = (local: Endpoint, remote: Endpoint): string => `${plain(local)} ${plain(remote)}`
const plain = (e: Endpoint): string => `${e.address?.replace(/^::ffff:/, '')} ${e.port}`

/** The end that a SOCKADDR names; undefined when it is not an internet address. */
export function endOf(name: Uint8Array): Endpoint | undefined {
  const family = viewOf(name).getUint16(0, true)
  if (family === AF_INET) {
    const a = sockaddrIn.read(viewOf(name))
    return { address: ipv4(a.sin_addr), port: a.sin_port }
  }
  if (family !== AF_INET6) return undefined
  const a = sockaddrIn6.read(viewOf(name))
  return { address: ipv6(a.sin6_addr), port: a.sin6_port }
}

/** Windows gives low numbers first, so after so many that are no socket, and no handle by the count of handles, there is none. */
const emptyRun = 1024

/** The handles of the connected sockets of this process, by their ends. */
export async function ownConnections(calls: Calls): Promise<Map<string, number>> {
  const breathe = breath()
  const found = new Map<string, number>()
  const enough = 2 * calls.ownHandleCount() + emptyRun
  let last = 0
  for (const handle of calls.ownHandles()) {
    const ends = calls.endsOf(handle)?.map(endOf)
    if (ends?.[0] && ends[1]) {
      found.set(endsKey(ends[0], ends[1]), handle)
      last = handle / 4
    }
    if (handle / 4 > Math.max(enough, last + emptyRun)) break
    await breathe()
  }
  return found
}

/** What TCP_INFO says of a socket, by the newest version that this Windows has. */
export function readInfo(calls: Calls, handle: number): KnownTcp {
  for (let version = tcpInfoSizes.length - 1; ; version--) {
    const output = new Uint8Array(tcpInfoSizes[version]!)
    try {
      const got = calls.ioctl(handle, SIO_TCP_INFO, new Uint8Array(new Uint32Array([version]).buffer), output)
      return tcpOfInfo(output, Math.min(got, output.length))
    } catch (error) {
      const older = error instanceof OsError && ['WSAEOPNOTSUPP', 'WSAEINVAL', 'WSAEFAULT'].includes(error.code)
      if (!older || version === 0) throw error
    }
  }
}

/** Bytes that the socket has received and the program has not read; undefined when Windows does not say. */
export function readQueues(calls: Calls, handle: number): Queues | undefined {
  const waiting = new Uint32Array(1)
  try {
    calls.ioctl(handle, FIONREAD, null, new Uint8Array(waiting.buffer))
  } catch (error) {
    if (error instanceof OsError) return undefined
    throw error
  }
  return { receivedBytes: waiting[0]!, sendBytes: undefined, backlog: undefined, backlogLimit: undefined }
}
