// The network namespaces that one snapshot lists: found, opened, and closed again when it is done.

import { closeSync } from 'node:fs'
import { OsError } from '../../../model/errors.ts'
import type { Gap, GapCode } from '../../../model/gap.ts'
import type { Namespace, Socket } from '../../../model/socket.ts'
import type { Plan } from '../../../filter/plan.ts'
import type { Tape } from '../../tape.ts'
import { counted } from '../../../model/counted.ts'
import { gapOf } from '../../gap.ts'
import type { SnapshotGaps } from '../gaps.ts'
import type * as calls from '../kernel/calls.ts'
import { isRefusal } from '../kernel/files.ts'
import type { ProcFs } from '../kernel/proc-fs.ts'
import { inNamespace, mayEnter, openNamespace } from './enter.ts'
import { listNamespaces, pickNamespace, type NamespaceListing } from './namespaces.ts'
import type { Calls, FoundNamespace, NetworkNamespace } from './network-namespace.ts'
import { readLinks, type Links, type SocketNamespaces } from './pinned.ts'

/** What opening namespaces needs, from snapshot to snapshot. */
export interface NamespaceContext {
  readonly tape: Tape
  readonly calls: Calls
  readonly proc: ProcFs
  readonly own: NetworkNamespace
  readonly socketNamespaces: SocketNamespaces
}

/** A query for other namespaces than the own one. */
type RequestedNamespaces = Exclude<Plan['namespaces'], 'own'>

/** Which namespaces there are, as plain data. It stands in recordings: its fields keep their names. */
export interface NamespacePlan {
  readonly wanted: RequestedNamespaces
  readonly own: Namespace
  readonly others: readonly FoundNamespace[]
  /** Namespaces that may not be entered. */
  readonly denied: number
  /** Processes whose namespace may not be read. */
  readonly hidden: number
  readonly includesOwn: boolean
  /** Processes whose descriptors were too many to read. */
  readonly unread?: number
  /** The kernel counts the cookies of sockets for each namespace (before Linux 5.10). Older recordings do not have it. */
  readonly countsCookiesEach?: true
}

/** Namespaces that only sockets pin, as plain data. It stands in recordings. */
export interface More {
  readonly inodes: readonly number[]
  readonly skipped: number
}

/** The namespaces of one snapshot. */
export class NamespaceSet {
  readonly #context: NamespaceContext
  readonly #gaps: SnapshotGaps
  readonly #requested: Plan['namespaces']
  /** The open files of namespaces, by inode. */
  readonly #fds = new Map<number, number>()
  /** What descriptors stand for; undefined when not all namespaces are requested, or a tape is played. */
  #links: Links | undefined
  #countsCookiesEach = false
  #namespaces: readonly NetworkNamespace[] = []

  private constructor(context: NamespaceContext, requested: Plan['namespaces'], gaps: SnapshotGaps) {
    this.#context = context
    this.#requested = requested
    this.#gaps = gaps
  }

  /** Opens what a query asks for; namespaces that may not be entered are a gap. */
  static async open(context: NamespaceContext, requested: Plan['namespaces'], gaps: SnapshotGaps): Promise<NamespaceSet> {
    const set = new NamespaceSet(context, requested, gaps)
    if (requested === 'own') set.#namespaces = [context.own]
    else
      try {
        await set.#open(requested)
      } catch (error) {
        set.close()
        throw error
      }
    return set
  }

  /** The namespaces to list. */
  get namespaces(): readonly NetworkNamespace[] {
    return this.#namespaces
  }

  async #open(requested: RequestedNamespaces): Promise<void> {
    const { tape, own } = this.#context
    let plan: NamespacePlan
    try {
      const recorded = await tape.value<NamespacePlan>('namespaces', async () => this.#plan(requested))
      plan = tape.played ? restricted(recorded, requested) : recorded
    } catch (error) {
      if (!(error instanceof OsError && error.call === 'recording')) throw error
      this.#gaps.add(recordingGap(requested))
      this.#namespaces = requested === 'all' ? [own] : []
      return
    }
    this.#countsCookiesEach = plan.countsCookiesEach ?? false
    for (const gap of gapsOf(plan)) this.#gaps.add(gap)
    if (plan.unread) this.#gaps.add(limitGap(`the descriptors of ${counted(plan.unread, 'process', 'processes')}`), 'descriptors')
    const others = plan.others.map(found => this.#namespace(found))
    this.#namespaces = plan.includesOwn ? [{ ...own, namespace: plan.own }, ...others] : others
  }

  #namespace({ inode, name, pid }: Pick<FoundNamespace, 'inode' | 'name' | 'pid'>): NetworkNamespace {
    const { calls: call, proc } = this.#context
    return {
      prefix: `namespace ${inode} `,
      namespace: { inode, name },
      net: pid === undefined ? '/nonexistent' : proc.path(`${pid}/net`),
      countsOwnCookies: this.#countsCookiesEach,
      open: protocol => inNamespace(call!, this.#fds.get(inode)!, () => call!.openNetlink(protocol)),
    }
  }

  /** Finds the namespaces and opens them. */
  async #plan(requested: RequestedNamespaces): Promise<NamespacePlan> {
    const { calls: call, proc } = this.#context
    const listing = await listNamespaces(proc)
    if (requested === 'all') this.#links = await readLinks(proc)
    const one = requested === 'all' ? undefined : pickNamespace(requested, listing, proc)
    const others: FoundNamespace[] = []
    let denied = 0
    for (const found of one ? [one] : [...listing.others, ...pinned(this.#links, listing)]) {
      if (found.inode === listing.own.inode) continue
      const outcome = this.#enter(call!, found, one !== undefined)
      if (outcome === 'open') others.push(found)
      else if (outcome === 'refused') denied++
      else if (one) throw new OsError('setns', 'ENOENT', { help: 'the network namespace has gone' })
    }
    const { inode, name } = listing.own
    return {
      wanted: requested,
      own: { inode, name },
      others,
      denied,
      hidden: one ? 0 : listing.hidden,
      includesOwn: one === undefined || one.inode === inode,
      ...(this.#links?.skipped && { unread: this.#links.skipped }),
      ...(!proc.isKernelAtLeast(5, 10) && { countsCookiesEach: true }),
    }
  }

  /** Opens a namespace, and goes there and back once. One of another kind is an error only when it was named. */
  #enter(call: typeof calls, found: FoundNamespace, isNamed: boolean): 'open' | 'refused' | 'gone' | 'other kind' {
    try {
      const fd = openNamespace(found)
      if (fd === undefined) return 'gone'
      return this.#keepIfEnterable(call, found.inode, fd) ? 'open' : 'refused'
    } catch (error) {
      if (!(error instanceof OsError)) throw error
      if (isRefusal(error)) return 'refused'
      if (error.code === 'EINVAL' && !isNamed) return 'other kind'
      throw error
    }
  }

  /** Takes over the open file of a namespace; one that may not be entered is closed. */
  #keepIfEnterable(call: typeof calls, inode: number, fd: number): boolean {
    let isEnterable = false
    try {
      isEnterable = mayEnter(call, fd)
    } finally {
      if (!isEnterable) closeSync(fd)
    }
    if (isEnterable) this.#fds.set(inode, fd)
    return isEnterable
  }

  /** Further namespaces, found when it is known which sockets are in the others: a socket alone can pin a namespace. */
  async more(seen: readonly Socket[]): Promise<readonly NetworkNamespace[]> {
    if (this.#requested !== 'all') return []
    const { inodes, skipped } = await this.#context.tape
      .value<More>('namespaces of sockets', async () => this.#askSockets(seen))
      .catch(ofOlderRecording)
    if (skipped > 0) this.#gaps.add(limitGap(counted(skipped, 'socket')), 'sockets')
    return inodes.map(inode => this.#namespace({ inode, name: undefined, pid: undefined }))
  }

  /** Asks for the namespaces of sockets that were seen in none. */
  async #askSockets(seen: readonly Socket[]): Promise<More> {
    const { calls: call, socketNamespaces } = this.#context
    if (this.#links === undefined) return { inodes: [], skipped: 0 }
    const isSeen = new Set(seen.map(socket => socket.inode))
    const listed = new Set(this.#namespaces.map(({ namespace }) => namespace?.inode))
    const { opened, skipped } = await socketNamespaces.ask(
      call!,
      this.#links,
      inode => isSeen.has(inode),
      inode => listed.has(inode),
    )
    const inodes: number[] = []
    const left = new Map(opened)
    try {
      for (const [inode, fd] of opened) {
        left.delete(inode)
        if (this.#keepIfEnterable(call!, inode, fd)) inodes.push(inode)
      }
    } finally {
      for (const fd of left.values()) closeSync(fd)
    }
    return { inodes, skipped }
  }

  /** Closes the files of all namespaces. */
  close(): void {
    for (const fd of this.#fds.values()) closeSync(fd)
    this.#fds.clear()
  }
}

/** Namespaces that descriptors pin and no process is in. */
function pinned(links: Links | undefined, { others }: NamespaceListing): FoundNamespace[] {
  const listed = new Set(others.map(found => found.inode))
  return [...(links?.namespaces.values() ?? [])].filter(found => !listed.has(found.inode))
}

/** An older recording does not have this answer. */
function ofOlderRecording(error: unknown): More {
  if (error instanceof OsError && error.call === 'recording') return { inodes: [], skipped: 0 }
  throw error
}

/** What a recording has of the namespaces that are requested now: the same as were requested then, or by its name one of all. */
function restricted(plan: NamespacePlan, requested: RequestedNamespaces): NamespacePlan {
  if (JSON.stringify(plan.wanted) === JSON.stringify(requested)) return plan
  if (plan.wanted === 'all' && requested !== 'all' && 'name' in requested) {
    const others = plan.others.filter(found => found.name === requested.name)
    const includesOwn = plan.own.name === requested.name
    if (others.length > 0 || includesOwn) return { ...plan, others, includesOwn, hidden: 0, denied: 0 }
  }
  throw new OsError('recording', 'ENODATA', { help: 'it was made of other network namespaces' })
}

function recordingGap(requested: RequestedNamespaces): Gap {
  const text =
    requested === 'all' ? 'the recording does not hold all network namespaces' : 'the recording does not hold this network namespace'
  return gapOf('recording-incomplete', 'namespaces', 'recording', text, { help: 'record with all namespaces' })
}

function gapsOf({ denied, hidden }: NamespacePlan): Gap[] {
  const gaps: Gap[] = []
  const add = (code: GapCode, text: string, capabilities: string, count: number): void =>
    void gaps.push(gapOf(code, 'namespaces', 'permission', text, { help: `run as root, or with ${capabilities}`, count }))
  if (denied > 0)
    add('namespaces-refused', `${counted(denied, 'network namespace')} may not be entered`, 'CAP_SYS_ADMIN and CAP_SYS_PTRACE', denied)
  if (hidden > 0)
    add(
      'namespaces-hidden',
      `the network namespaces of ${counted(hidden, 'process', 'processes')} may not be read`,
      'CAP_SYS_PTRACE',
      hidden,
    )
  return gaps
}

const limitGap = (what: string): Gap =>
  gapOf(
    'namespaces-limit',
    'namespaces',
    'limit',
    `${what} were not searched for network namespaces in which no process is: there are too many`,
  )
