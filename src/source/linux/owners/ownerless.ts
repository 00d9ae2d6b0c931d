// From holders to the owners of each socket, or the reason why it has none. Pure.

import type { Gap } from '../../../model/gap.ts'
import type { Owner, Ownerless } from '../../../model/socket.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import type { Draft } from '../decode/draft.ts'
import type { Inodes } from './inodes.ts'

/** Who holds what, as plain data. */
export interface Holders {
  /** Inode, pid and descriptor in turn. */
  readonly triples: readonly number[]
  /** Processes whose descriptors we may not read. */
  readonly hidden: number
  /** Inodes without a holder whose last holder has ended. */
  readonly exited: readonly number[]
  /** The one who looked was root already. */
  readonly asRoot?: boolean
  /** Where else sockets may be; absent when nothing is to be told of it. */
  readonly elsewhere?: Elsewhere
  /** Why processes may be out of sight altogether: /proc hides them, they are outside of our pid namespace, or there is no /proc. */
  readonly blind: 'hidepid' | 'pid-namespace' | 'proc' | undefined
}

/** Sockets that no descriptor of a process names. */
export interface Elsewhere {
  /** Inode and pid in turn: the process has an io_uring that holds the socket. */
  readonly rings: readonly number[]
  /** Inodes of sockets that can be in flight. */
  readonly doubtful: readonly number[]
  /** How many descriptors are in flight between processes. The kernel does not tell of what. */
  readonly inFlight: number
  /** Why not all could be asked. */
  readonly unsure?: 'ring names' | 'ring busy' | 'messages' | 'limit'
}

/**
 * Gives each socket its owners, or the reason why it has none; what could not be seen is added to the gaps.
 * @param inodes those of the sockets
 */
export async function joinOwners(sockets: readonly Draft[], inodes: Inodes, holders: Holders, gaps: Gap[]): Promise<void> {
  const { triples } = holders
  // For each inode its first triple, and for each triple the next one of the same inode; counted from 1, and 0 is none.
  const first = new Int32Array(inodes.size)
  const next = new Int32Array(Math.floor(triples.length / 3))
  for (let i = next.length - 1; i >= 0; i--) {
    const number = inodes.find(triples[i * 3]!)
    if (number < 0) continue
    next[i] = first[number]!
    first[number] = i + 1
    if (i % 1024 === 0) await yieldToEventLoop()
  }
  const ownersFrom = (start: number): Owner[] => {
    const owners: Owner[] = [{ pid: triples[start * 3 + 1]!, fd: triples[start * 3 + 2]! }]
    for (let i = next[start]!; i !== 0; i = next[i - 1]!) owners.push({ pid: triples[i * 3 - 2]!, fd: triples[i * 3 - 1]! })
    return owners
  }
  const inRings = ringOwners(holders)
  const exited = new Set(holders.exited)
  const doubtful = new Set(holders.elsewhere?.doubtful)
  const counts = new Map<Ownerless, number>()
  for (let at = 0; at < sockets.length; at++) {
    const socket = sockets[at]!
    const number = inodes.numbers[at]!
    const start = number < 0 ? 0 : first[number]!
    const owners = start > 0 ? ownersFrom(start - 1) : socket.inode === undefined ? undefined : inRings.get(socket.inode)
    if (owners) socket.owners = owners
    else {
      const why = whyOwnerless(socket, holders, exited, doubtful)
      socket.ownerless = why
      counts.set(why, (counts.get(why) ?? 0) + 1)
    }
    if (at % 1024 === 0) await yieldToEventLoop()
  }
  for (const [why, count] of counts) {
    const gap = gapOf(why, count, holders)
    if (gap) gaps.push(gap)
  }
}

/** The owners by io_uring: they have no descriptor. */
function ringOwners({ elsewhere }: Holders): ReadonlyMap<number, Owner[]> {
  const owners = new Map<number, Owner[]>()
  const { rings = [] } = elsewhere ?? {}
  for (let i = 0; i < rings.length; i += 2) {
    const own = owners.get(rings[i]!)
    if (own) own.push({ pid: rings[i + 1]!, fd: undefined })
    else owners.set(rings[i]!, [{ pid: rings[i + 1]!, fd: undefined }])
  }
  return owners
}

/** States of a connection that its process has closed; the kernel finishes it. */
const closedByProcess: ReadonlySet<string | undefined> = new Set(['FIN_WAIT_1', 'FIN_WAIT_2', 'CLOSING', 'LAST_ACK', 'CLOSED'])
/** States of a connection that waits in the queue of a listener. */
const notAccepted: ReadonlySet<string | undefined> = new Set(['SYN_RECEIVED', 'ESTABLISHED', 'CLOSE_WAIT'])

/** Why nobody has this socket. */
export function whyOwnerless(
  socket: Draft,
  holders: Holders,
  exited: ReadonlySet<number>,
  doubtful: ReadonlySet<number> = new Set(holders.elsewhere?.doubtful),
): Ownerless {
  if (socket.state === 'TIME_WAIT') return 'time-wait'
  if (socket.inode === undefined) {
    if (notAccepted.has(socket.state)) return 'not-accepted'
    return closedByProcess.has(socket.state) ? 'orphan' : 'kernel'
  }
  // The kernel's own end of netlink has port 0, and an inode that no process has.
  if (socket.protocol === 'netlink' && socket.local.id === 0) return 'kernel'
  if (holders.blind === 'proc') return 'unknown'
  if (exited.has(socket.inode)) return 'exited'
  const isDoubtful = doubtful.has(socket.inode)
  if (isDoubtful && canAllBeInFlight(holders)) return 'in-flight'
  if (holders.hidden > 0 || holders.blind === 'hidepid') return 'permission'
  if (holders.blind === 'pid-namespace') return 'other-pid-namespace'
  return isDoubtful ? 'unknown' : 'kernel'
}

const canAllBeInFlight = ({ elsewhere }: Holders): boolean =>
  elsewhere !== undefined && elsewhere.unsure === undefined && elsewhere.doubtful.length <= elsewhere.inFlight

const sockets = (count: number): string => (count === 1 ? '1 socket belongs' : `${count} sockets belong`)

function gapOf(why: Ownerless, count: number, holders: Holders): Gap | undefined {
  if (why === 'permission') {
    const where = holders.blind === 'hidepid' ? ', which /proc hides (hidepid)' : ''
    const inFlight = holders.elsewhere?.inFlight ?? 0
    return {
      what: 'owners',
      why: 'permission',
      text: `${sockets(count)} to processes of other users or to protected ones${where}${inFlight > 0 ? `; at most ${inFlight} of them can be in flight between processes instead` : ''}`,
      help: holders.asRoot
        ? 'it takes CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH; some processes are protected from root, too'
        : 'run as root, or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH',
      count,
    }
  }
  if (why === 'other-pid-namespace') {
    return {
      what: 'owners',
      why: 'permission',
      text: `${sockets(count)} to processes outside of this pid namespace, or to the kernel`,
      help: 'run in the pid namespace of the host, such as with docker run --pid=host',
      count,
    }
  }
  if (why === 'in-flight' || (why === 'unknown' && holders.elsewhere)) return elsewhereGap(why, count, holders)
  if (why === 'unknown') {
    return {
      what: 'owners',
      why: 'kernel',
      text: `the owners of ${count} sockets are not known: there is no /proc`,
      help: 'mount /proc',
      count,
    }
  }
  return undefined
}

/** What is known of sockets that are nowhere else, and no more. */
function elsewhereGap(why: 'in-flight' | 'unknown', count: number, { elsewhere, hidden, blind }: Holders): Gap {
  const { inFlight, unsure } = elsewhere!
  const waiting = `${inFlight === 1 ? '1 descriptor waits' : `${inFlight} descriptors wait`} in messages that no process has received`
  const gap = (text: string, help = '', reason: Gap['why'] = 'kernel'): Gap => ({ what: 'owners', why: reason, text, help, count })
  if (why === 'in-flight') {
    const isAllSeen = hidden === 0 && blind === undefined
    const or = isAllSeen ? 'kept by the kernel' : 'held by processes that we may not look into'
    return gap(`${count === 1 ? '1 socket is' : `${count} sockets are`} in flight between processes, or ${or}: ${waiting}`)
  }
  const nobody = count === 1 ? '1 socket has no holder that can be told' : `${count} sockets have no holder that can be told`
  if (unsure === undefined)
    return gap(`${nobody}: ${waiting}, so at most ${inFlight} of them are in flight, and the kernel keeps the others`)
  if (unsure === 'limit') return gap(`${nobody}: there are too many UNIX sockets or files of io_uring to look through`, '', 'limit')
  if (unsure === 'ring busy') return gap(`${nobody}: an io_uring was in use, and may hold them`, 'look again', 'interrupted')
  const [lack, help] =
    unsure === 'messages'
      ? ['does not say which descriptors are in flight', 'Linux 5.6 or newer does']
      : ['does not name the sockets that io_uring holds', 'Linux 6.14 or newer does']
  return gap(`${nobody}: this kernel ${lack}`, help)
}
