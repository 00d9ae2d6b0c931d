// What can be done to sockets and processes. Numbers are used again by the kernel, so each action holds the thing first and checks its identity then.

import { viewOf } from '../../../bytes/text.ts'
import { OsError } from '../../../model/errors.ts'
import type { Protocol, Socket } from '../../../model/socket.ts'
import type { Actions } from '../../source.ts'
import type * as calls from '../kernel/calls.ts'
import { allStates, cookieOfKey } from '../decode/draft.ts'
import { NetlinkConnection } from '../kernel/connection.ts'
import { messages, NLM_F_ACK, SOCK_DIAG_BY_FAMILY } from '../kernel/netlink.ts'
import { attempt } from '../../attempt.ts'
import { withDescriptor } from '../kernel/files.ts'
import type { ProcFs } from '../kernel/proc-fs.ts'
import { inNamespaceOf } from '../netns/enter.ts'
import { holdProcess } from './hold.ts'
import { socketId } from '../sockdiag/exact.ts'
import { inetRequest } from '../sockdiag/inet-request.ts'

const SOCK_DESTROY = 21
const SOL_SOCKET = 1
const SO_COOKIE = 57

/** The actions of this machine. */
export function linuxActions(call: typeof calls, proc: ProcFs): Required<Actions> {
  return {
    hold: (process, condition) => holdProcess(call, proc, process, condition),
    async close(socket) {
      await inNamespaceOf(call, socket, () => closeSocket(call, socket))
    },
    async shutdown(socket) {
      shutdown(call, socket)
    },
  }
}

/** Resets a connection, or closes a listener, of the namespace that this thread is in. */
export function closeSocket(call: typeof calls, socket: Socket): void {
  transact(call, exactRequest(SOCK_DESTROY, NLM_F_ACK, socket))
}

/** A request about exactly one socket: its addresses say where it is in the table, its cookie that it is the one. */
function exactRequest(type: number, flags: number, socket: Socket): Uint8Array {
  const cookie = cookieOfKey(socket.key)
  const { protocol, family } = socket
  if (!isClosable(protocol) || (family !== 'ipv4' && family !== 'ipv6'))
    throw new OsError('SOCK_DESTROY', 'EOPNOTSUPP', { help: `${protocol} sockets cannot be closed from outside` })
  if (cookie === undefined)
    throw new OsError('SOCK_DESTROY', 'EOPNOTSUPP', { help: `the key ${JSON.stringify(socket.key)} is not the cookie of a socket` })
  // To look up one UDP socket its ends are swapped, "for historical reasons" (net/ipv4/udp_diag.c); to close it they are not.
  const id = socketId(socket, cookie, protocol !== 'tcp' && type === SOCK_DIAG_BY_FAMILY)
  return inetRequest({ protocol, family, states: allStates, details: [], id }, type, flags)
}

const isClosable = (protocol: Protocol): protocol is 'tcp' | 'udp' | 'udplite' => ['tcp', 'udp', 'udplite'].includes(protocol)

/** Sends one request and reads its answer; an error in it is thrown. */
function transact(call: typeof calls, request: Uint8Array): void {
  const connection = new NetlinkConnection(call, call.openDiag())
  try {
    connection.limitWait()
    connection.send(request)
    messages(viewOf(connection.receive(new Uint8Array(8192))))
  } catch (error) {
    if (error instanceof OsError && error.call === 'sock_diag') throw new OsError('SOCK_DESTROY', error.code, { cause: error })
    throw error
  } finally {
    connection.close()
  }
}

/** Whether a socket of the own namespace is no more; undefined where the kernel cannot be asked. */
export function isGone(call: typeof calls, socket: Socket): boolean | undefined {
  if (socket.namespace !== undefined || (socket.protocol !== 'tcp' && socket.protocol !== 'udp')) return undefined
  try {
    transact(call, exactRequest(SOCK_DIAG_BY_FAMILY, 0, socket))
    return false
  } catch (error) {
    return error instanceof OsError && error.code === 'ENOENT'
  }
}

/** Borrows the descriptor of one owner after another, until one is this socket. */
function shutdown(call: typeof calls, socket: Socket): void {
  const cookie = cookieOfKey(socket.key)
  let problem = new OsError('shutdown', 'ENOENT', { help: 'no process holds this socket' })
  for (const { pid, fd } of socket.owners) {
    if (fd === undefined || cookie === undefined) continue
    try {
      const borrowed = withDescriptor(call.openPid(pid), held => call.borrowFd(held, fd))
      if (withDescriptor(borrowed, own => shutdownIf(call, own, cookie))) return
    } catch (error) {
      if (!(error instanceof OsError)) throw error
      if (error.code !== 'ESRCH' && error.code !== 'EBADF') problem = error
    }
  }
  throw problem
}

/** Shuts a descriptor down if it is the socket of this cookie. */
function shutdownIf(call: typeof calls, fd: number, cookie: bigint): boolean {
  if (!isSocket(call, fd, cookie)) return false
  call.shutdownFd(fd)
  return true
}

function isSocket(call: typeof calls, fd: number, cookie: bigint): boolean {
  // It refuses where the number was used again for a file.
  const found = attempt(() => call.getOption(fd, SOL_SOCKET, SO_COOKIE, 8))
  return found?.length === 8 && new DataView(found.buffer).getBigUint64(0, true) === cookie
}
