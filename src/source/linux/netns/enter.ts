// Asking the kernel in another network namespace. The process is always back in its own before anything else runs.

import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { OsError } from '../../../model/errors.ts'
import type { Gap } from '../../../model/gap.ts'
import type { Namespace, Socket } from '../../../model/socket.ts'
import type { Plan } from '../../../filter/plan.ts'
import { recordingLack, type Tape } from '../../tape.ts'
import type * as calls from '../kernel/calls.ts'
import type { Place } from './network-namespace.ts'
import { askSockets, namespaceOf, readLinks, type Links } from './pinned.ts'
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
    // In a user namespace one may enter its network namespaces, and not that of the host again: so first the way back is tried.
    call.enterNetwork(own)
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
  /** Further places, known when it is known which sockets are in the others: a socket alone can keep a namespace. */
  more(seen: readonly Socket[]): Promise<readonly Place[]>
  close(): void
}

/** What a snapshot needs of namespaces, as plain data for the tape. */
interface NamespacePlan {
  readonly wanted: Exclude<Plan['namespaces'], 'own'>
  readonly own: Namespace
  readonly others: readonly Found[]
  readonly denied: number
  readonly hidden: number
  readonly includesOwn: boolean
  /** Processes whose descriptors were too many to read. */
  readonly unread?: number
}

const none: Places = { places: [], more: async () => [], close() {} }

/** Opens the namespaces that a query asks for; those that may not be entered are a gap. */
export async function openPlaces(
  tape: Tape,
  call: typeof calls | undefined,
  requested: Plan['namespaces'],
  own: Place,
  gaps: Gap[],
  root = '/proc',
): Promise<Places> {
  if (requested === 'own') return { ...none, places: [own] }
  const fds = new Map<number, number>()
  let links: Links | undefined
  let plan: NamespacePlan
  try {
    const told = await tape.value<NamespacePlan>('namespaces', async () => {
      const listed = await listNamespaces(root)
      if (requested === 'all') links = await readLinks(root)
      return planFor(requested, listed, links, call!, root, fds)
    })
    plan = tape.played ? narrowed(told, requested) : told
  } catch (error) {
    if (!(error instanceof OsError && error.call === 'recording')) throw error
    const text =
      requested === 'all' ? 'the recording does not hold all network namespaces' : 'the recording does not hold this network namespace'
    gaps.push({
      ...recordingLack(error),
      code: 'recording-incomplete',
      what: 'namespaces',
      why: 'recording',
      text,
      help: 'record with all namespaces',
      count: undefined,
    })
    return { ...none, places: requested === 'all' ? [own] : [] }
  }
  if (plan.denied > 0 || plan.hidden > 0) gaps.push(gapOf(plan))
  if (plan.unread) gaps.push(limitGap(`the descriptors of ${plan.unread} processes`))
  const placeOf = ({ inode, name, pid }: Pick<Found, 'inode' | 'name' | 'pid'>): Place => ({
    prefix: `namespace ${inode} `,
    namespace: { inode, name },
    net: pid === undefined ? '/nonexistent' : `${root}/${pid}/net`,
    open: protocol => inNamespace(call!, fds.get(inode)!, () => call!.openNetlink(protocol)),
  })
  const places = plan.others.map(placeOf)
  if (plan.includesOwn) places.unshift({ ...own, namespace: plan.own })

  /** Asks for the namespaces of sockets that were seen in none. */
  async function askMore(seen: readonly Socket[]): Promise<More> {
    const isSeen = new Set(seen.map(socket => socket.inode))
    const listed = new Set(places.map(place => place.namespace?.inode))
    const asked = await askSockets(
      call!,
      links!,
      inode => isSeen.has(inode),
      inode => listed.has(inode),
    )
    const inodes: number[] = []
    for (const [inode, fd] of asked.opened) {
      if (!mayEnter(call!, fd)) continue // Closed, and told before.
      fds.set(inode, fd)
      inodes.push(inode)
    }
    return { inodes, skipped: asked.skipped }
  }
  return {
    places,
    async more(seen) {
      if (requested !== 'all') return []
      const { inodes, skipped } = await tape.value<More>('namespaces of sockets', async () => askMore(seen)).catch(fromOlder)
      if (skipped > 0) gaps.push(limitGap(`${skipped} sockets`))
      return inodes.map(inode => placeOf({ inode, name: undefined, pid: undefined }))
    },
    close() {
      for (const fd of fds.values()) closeSync(fd)
    },
  }
}

/** Namespaces that only sockets keep. */
interface More {
  readonly inodes: readonly number[]
  readonly skipped: number
}

/** A recording of before did not ask. */
function fromOlder(error: unknown): More {
  if (error instanceof OsError && error.call === 'recording') return { inodes: [], skipped: 0 }
  throw error
}

const limitGap = (what: string): Gap => ({
  what: 'namespaces',
  why: 'limit',
  text: `${what} were too many to ask for network namespaces in which no process is`,
  help: '',
  count: undefined,
})

/** What a recording has of the namespaces that are wanted now: the same as were wanted then, or by its name one of all. */
function narrowed(plan: NamespacePlan, requested: NamespacePlan['wanted']): NamespacePlan {
  if (JSON.stringify(plan.wanted) === JSON.stringify(requested)) return plan
  if (plan.wanted === 'all' && requested !== 'all' && 'name' in requested) {
    const others = plan.others.filter(found => found.name === requested.name)
    const includesOwn = plan.own.name === requested.name
    if (others.length > 0 || includesOwn) return { ...plan, others, includesOwn, hidden: 0, denied: 0 }
  }
  throw new OsError('recording', 'ENODATA', { help: 'it was made of other network namespaces' })
}

function planFor(
  requested: Exclude<Plan['namespaces'], 'own'>,
  listed: Listed,
  links: Links | undefined,
  call: typeof calls,
  root: string,
  fds: Map<number, number>,
): NamespacePlan {
  const one = requested === 'all' ? undefined : pickNamespace(requested, listed, root)
  const others: Found[] = []
  let denied = 0
  const known = new Set(listed.others.map(found => found.inode))
  const kept = [...(links?.namespaces.values() ?? [])].filter(found => !known.has(found.inode))
  for (const found of one ? [one] : [...listed.others, ...kept]) {
    if (found.inode === listed.own.inode) continue
    const fd = tryOpen(found, call)
    if (typeof fd === 'number') {
      others.push(found)
      fds.set(found.inode, fd)
    } else if (fd === 'denied') denied++
    else if (one) throw new OsError('setns', 'ENOENT', { help: 'the network namespace has gone' })
  }
  const own = { inode: listed.own.inode, name: listed.own.name }
  const includesOwn = one === undefined || one.inode === own.inode
  return {
    wanted: requested,
    own,
    others,
    denied,
    hidden: one ? 0 : listed.hidden,
    includesOwn,
    ...(links?.skipped && { unread: links.skipped }),
  }
}

/** Opens a namespace, and goes there and back once. */
function tryOpen(found: Found, call: typeof calls): number | 'denied' | 'gone' {
  let fd: number | undefined
  try {
    fd = openNamespace(found)
  } catch (error) {
    if (error instanceof OsError && isDenied(error)) return 'denied'
    throw error
  }
  if (fd === undefined) return 'gone'
  return mayEnter(call, fd) ? fd : 'denied'
}

/** Goes to a namespace and back. One that may not be entered is closed. */
function mayEnter(call: typeof calls, fd: number): boolean {
  try {
    inNamespace(call, fd, () => undefined)
    return true
  } catch (error) {
    closeSync(fd)
    if (error instanceof OsError && error !== cannotReturn && isDenied(error)) return false
    throw error
  }
}

const isDenied = ({ code }: OsError): boolean => code === 'EPERM' || code === 'EACCES'

function gapOf({ denied, hidden }: NamespacePlan): Gap {
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
  const fd = found ? openNamespace(found) : namespaceByOwner(call, socket)
  if (fd === undefined) throw new OsError('setns', 'ENOENT', { help: 'the network namespace of the socket has gone' })
  try {
    return inNamespace(call, fd, act)
  } finally {
    closeSync(fd)
  }
}

/** The namespace of a socket through one of its owners: nothing else may keep it. */
function namespaceByOwner(call: typeof calls, { owners, inode, namespace }: Socket): number | undefined {
  for (const { pid, fd } of owners) {
    const opened = fd === undefined ? undefined : namespaceOf(call, pid, fd, inode)
    if (opened === undefined || fstatSync(opened).ino === namespace!.inode) return opened
    closeSync(opened)
  }
  return undefined
}
