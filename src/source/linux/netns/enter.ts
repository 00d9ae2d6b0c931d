// Running something in another network namespace. The process is always back in its own before anything else runs.

import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { OsError } from '../../../model/errors.ts'
import type { Socket } from '../../../model/socket.ts'
import type * as calls from '../kernel/calls.ts'
import { codeOf } from '../../attempt.ts'
import { asSystemCall, isRefusal, withDescriptor } from '../kernel/files.ts'
import { listNamespaces } from './namespaces.ts'
import type { FoundNamespace } from './network-namespace.ts'
import { namespaceOf } from './pinned.ts'

const OWN = '/proc/thread-self/ns/net'

type EnterCalls = Pick<typeof calls, 'enterNetwork'>

/** Opens the file of a namespace; it stays this namespace while it is open. Undefined when it has gone, or is another one now. */
export function openNamespace(found: FoundNamespace): number | undefined {
  let fd: number
  try {
    fd = asSystemCall(`open(${found.file})`, () => openSync(found.file, constants.O_RDONLY | constants.O_NONBLOCK))
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH') return undefined
    throw error
  }
  if (fstatSync(fd).ino === found.inode) return fd
  closeSync(fd)
  return undefined
}

/**
 * The main thread as a visitor of network namespaces. Should its return ever be barred, it is in the wrong namespace for good, so nothing more is done in any:
 * that is true of the thread, not of one source, so there is one of these.
 */
class NamespaceVisitor {
  #stranded: OsError | undefined

  /** Runs something in the namespace of an open file, without a pause, and returns to the own one whatever happens. */
  visit<T>(call: EnterCalls, namespace: number, act: () => T): T {
    if (this.#stranded) throw this.#stranded
    const ownFile = asSystemCall(`open(${OWN})`, () => openSync(OWN, constants.O_RDONLY))
    return withDescriptor(ownFile, own => {
      // In a user namespace one may enter its network namespaces, and not that of the host again: so the return is tried first.
      call.enterNetwork(own)
      call.enterNetwork(namespace)
      try {
        return act()
      } finally {
        this.#return(call, own)
      }
    })
  }

  #return(call: EnterCalls, own: number): void {
    try {
      call.enterNetwork(own)
    } catch (error) {
      const code = error instanceof OsError ? error.code : 'EIO'
      this.#stranded = new OsError('setns', code, {
        help: 'the return to the own network namespace is barred; end this process',
        cause: error,
      })
      throw this.#stranded
    }
  }

  /** Goes to a namespace and back; false where that is not allowed. */
  mayVisit(call: EnterCalls, namespace: number): boolean {
    try {
      this.visit(call, namespace, () => undefined)
      return true
    } catch (error) {
      if (error instanceof OsError && error !== this.#stranded && isRefusal(error)) return false
      throw error
    }
  }
}

const visitor = new NamespaceVisitor()

/** Runs something in the network namespace of an open file, and returns to the own one whatever happens. */
export const inNamespace = <T>(call: EnterCalls, namespace: number, act: () => T): T => visitor.visit(call, namespace, act)

/** Whether the namespace of an open file may be entered, and left again. */
export const mayEnter = (call: EnterCalls, namespace: number): boolean => visitor.mayVisit(call, namespace)

/** Runs something in a namespace that was listed. One that has gone is an error. */
export function inFoundNamespace<T>(call: EnterCalls, found: FoundNamespace, act: () => T): T {
  const fd = openNamespace(found)
  if (fd === undefined) throw new OsError('setns', 'ENOENT', { help: 'the network namespace has gone' })
  return withDescriptor(fd, () => inNamespace(call, fd, act))
}

/** Runs something where a socket is: in its namespace, when it is not the own one. */
export async function inNamespaceOf<T>(call: typeof calls, socket: Socket, act: () => T): Promise<T> {
  const { namespace } = socket
  if (namespace === undefined) return act()
  const { own, others } = await listNamespaces()
  if (namespace.inode === own.inode) return act()
  const found = others.find(f => f.inode === namespace.inode)
  const fd = found ? openNamespace(found) : namespaceByOwner(call, socket)
  if (fd === undefined) throw new OsError('setns', 'ENOENT', { help: 'the network namespace of the socket has gone' })
  return withDescriptor(fd, () => inNamespace(call, fd, act))
}

/** The namespace of a socket through one of its owners: nothing else may pin it. */
function namespaceByOwner(call: typeof calls, { owners, inode, namespace }: Socket): number | undefined {
  for (const { pid, fd } of owners) {
    const opened = fd === undefined ? undefined : namespaceOf(call, pid, fd, inode)
    if (opened === undefined) continue
    if (fstatSync(opened).ino === namespace!.inode) return opened
    closeSync(opened)
  }
  return undefined
}
