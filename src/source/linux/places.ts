// Asking the kernel in another network namespace. The process is always back in its own before anything else runs.

import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { OsError } from '../../model/error.ts'
import type { Gap } from '../../model/gap.ts'
import type { Namespace, Socket } from '../../model/socket.ts'
import type { FullQuery } from '../../filter/query.ts'
import type { Tape } from '../tape.ts'
import type * as calls from './calls.ts'
import type { Place } from './place.ts'
import { listNamespaces, pickNamespace, type Found, type Listed } from './namespaces.ts'

const OWN = '/proc/thread-self/ns/net'

/** Opens the file of a namespace; it stays this namespace while it is open. Undefined when it has gone, or is another one now. */
export function openNamespace(found: Found): number | undefined {
  let fd: number
  try {
    fd = openSync(found.file, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ESRCH') return undefined
    throw new OsError(`open(${found.file})`, code ?? 'EIO', { cause: error })
  }
  if (fstatSync(fd).ino === found.inode) return fd
  closeSync(fd)
  return undefined
}

let cannotReturn: OsError | undefined

/**
 * Runs something in the network namespace of an open file, without a pause, and returns to the own one whatever happens.
 * Should the way back ever be barred, nothing more is done in this process: it would be done in the wrong namespace.
 */
export function inNamespace<T>(call: Pick<typeof calls, 'enterNetwork'>, namespace: number, act: () => T): T {
  if (cannotReturn) throw cannotReturn
  const own = openSync(OWN, constants.O_RDONLY)
  try {
    call.enterNetwork(namespace)
    try {
      return act()
    } finally {
      comeBack(call, own)
    }
  } finally {
    closeSync(own)
  }
}

function comeBack(call: Pick<typeof calls, 'enterNetwork'>, own: number): void {
  try {
    call.enterNetwork(own)
  } catch (error) {
    const code = error instanceof OsError ? error.code : 'EIO'
    cannotReturn = new OsError('setns', code, {
      help: 'the way back into the own network namespace is barred; end this process',
      cause: error,
    })
    throw cannotReturn
  }
}

/** The places that a query asks for. */
export interface Places {
  readonly places: readonly Place[]
  close(): void
}

/** What a look needs of namespaces, as plain data for the tape. */
interface Plan {
  readonly wanted: Exclude<FullQuery['namespaces'], 'own'>
  readonly own: Namespace
  readonly others: readonly Found[]
  readonly denied: number
  readonly hidden: number
  readonly includesOwn: boolean
}

/** Opens the namespaces that a query asks for; those that may not be entered are a gap. */
export async function openPlaces(
  tape: Tape,
  call: typeof calls | undefined,
  wanted: FullQuery['namespaces'],
  own: Place,
  gaps: Gap[],
  root = '/proc',
): Promise<Places> {
  if (wanted === 'own') return { places: [own], close() {} }
  const fds = new Map<number, number>()
  let plan: Plan
  try {
    const told = await tape.value<Plan>('namespaces', async () => planFor(wanted, await listNamespaces(root), call!, root, fds))
    plan = tape.played ? narrowed(told, wanted) : told
  } catch (error) {
    if (!(error instanceof OsError && error.call === 'recording')) throw error
    const text =
      wanted === 'all' ? 'the recording does not hold all network namespaces' : 'the recording does not hold this network namespace'
    gaps.push({ what: 'namespaces', why: 'recording', text, help: 'record with all namespaces', count: undefined })
    return { places: wanted === 'all' ? [own] : [], close() {} }
  }
  if (plan.denied > 0 || plan.hidden > 0) gaps.push(gapOf(plan))
  const places = plan.others.map((found): Place => ({
    prefix: `namespace ${found.inode} `,
    namespace: { inode: found.inode, name: found.name },
    net: found.pid === undefined ? '/nonexistent' : `${root}/${found.pid}/net`,
    open: protocol => inNamespace(call!, fds.get(found.inode)!, () => call!.openNetlink(protocol)),
  }))
  if (plan.includesOwn) places.unshift({ ...own, namespace: plan.own })
  return {
    places,
    close() {
      for (const fd of fds.values()) closeSync(fd)
    },
  }
}

/** What a recording has of the namespaces that are wanted now: the same as were wanted then, or by its name one of all. */
function narrowed(plan: Plan, wanted: Plan['wanted']): Plan {
  if (JSON.stringify(plan.wanted) === JSON.stringify(wanted)) return plan
  if (plan.wanted === 'all' && wanted !== 'all' && 'name' in wanted) {
    const others = plan.others.filter(found => found.name === wanted.name)
    const includesOwn = plan.own.name === wanted.name
    if (others.length > 0 || includesOwn) return { ...plan, others, includesOwn, hidden: 0, denied: 0 }
  }
  throw new OsError('recording', 'ENODATA', { help: 'it was made of other network namespaces' })
}

function planFor(
  wanted: Exclude<FullQuery['namespaces'], 'own'>,
  listed: Listed,
  call: typeof calls,
  root: string,
  fds: Map<number, number>,
): Plan {
  const one = wanted === 'all' ? undefined : pickNamespace(wanted, listed, root)
  const others: Found[] = []
  let denied = 0
  for (const found of one ? [one] : listed.others) {
    if (found.inode === listed.own.inode) continue
    const fd = tryOpen(found, call)
    if (typeof fd === 'number') {
      others.push(found)
      fds.set(found.inode, fd)
    } else if (fd === 'denied') denied++
    else if (one) throw new OsError('setns', 'ENOENT', { help: 'the network namespace has gone' })
  }
  const own = { inode: listed.own.inode, name: listed.own.name }
  return { wanted, own, others, denied, hidden: one ? 0 : listed.hidden, includesOwn: one === undefined || one.inode === own.inode }
}

/** Opens a namespace, and goes there and back once. */
function tryOpen(found: Found, call: typeof calls): number | 'denied' | 'gone' {
  let fd: number | undefined
  try {
    fd = openNamespace(found)
    if (fd === undefined) return 'gone'
    inNamespace(call, fd, () => undefined)
    return fd
  } catch (error) {
    if (fd !== undefined) closeSync(fd)
    if (error instanceof OsError && error !== cannotReturn && (error.code === 'EPERM' || error.code === 'EACCES')) return 'denied'
    throw error
  }
}

function gapOf({ denied, hidden }: Plan): Gap {
  const parts = [
    ...(denied > 0 ? [`${denied} network namespaces may not be entered`] : []),
    ...(hidden > 0 ? [`those of ${hidden} processes are not known`] : []),
  ]
  return {
    what: 'namespaces',
    why: 'permission',
    text: parts.join(', and '),
    help: 'run as root, or with CAP_SYS_ADMIN and CAP_SYS_PTRACE',
    count: denied > 0 ? denied : undefined,
  }
}

/** Runs something where a socket is: in its namespace, when it is not the own one. */
export async function inNamespaceOf<T>(call: typeof calls, socket: Socket, act: () => T): Promise<T> {
  const { namespace } = socket
  if (namespace === undefined) return act()
  const { own, others } = await listNamespaces()
  if (namespace.inode === own.inode) return act()
  const found = others.find(f => f.inode === namespace.inode)
  const fd = found && openNamespace(found)
  if (fd === undefined) throw new OsError('setns', 'ENOENT', { help: 'the network namespace of the socket has gone' })
  try {
    return inNamespace(call, fd, act)
  } finally {
    closeSync(fd)
  }
}
