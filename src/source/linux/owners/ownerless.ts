// From holders to the owners of each socket, or the reason why it has none. Pure.

import type { Gap, GapCode } from '../../../model/gap.ts'
import type { Owner, Ownerless } from '../../../model/socket.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import type { Draft } from '../decode/draft.ts'
import { counted } from '../../../model/counted.ts'
import { gapOf } from '../../gap.ts'
import type { Inodes } from './inodes.ts'

/** Who holds what, as plain data. It stands in recordings: its fields keep their names. */
export interface Holders {
  /** Inode, pid and descriptor in turn. */
  readonly triples: readonly number[]
  /** Processes whose descriptors may not be read. */
  readonly hidden: number
  /** Inodes without a holder whose last holder has ended, or whose socket has closed. */
  readonly exited: readonly number[]
  /** They were read by root already. */
  readonly asRoot?: boolean
  /** They were read with the capabilities that reading the descriptors of all processes requires. */
  readonly withCapabilities?: boolean
  /** Where else sockets may be; absent when there is nothing to report of it. */
  readonly elsewhere?: Elsewhere
  /** Why processes may be out of sight altogether: /proc hides them, they are outside of our pid namespace, there is no /proc, or it is that of another pid namespace. */
  readonly blind: 'hidepid' | 'pid-namespace' | 'proc' | 'foreign-proc' | undefined
}

/** Why no process is reported where /proc belongs to another pid namespace, and what helps. */
export const foreignProc = {
  text: '/proc belongs to another pid namespace, and its pids mean other processes here',
  help: 'mount a /proc of this pid namespace, such as with unshare --mount-proc',
} as const

/** Sockets that no descriptor of a process names. It stands in recordings, as `Holders` does. */
export interface Elsewhere {
  /** Inode and pid in turn: the process has an io_uring that holds the socket. */
  readonly rings: readonly number[]
  /** Inodes of sockets that can be in flight. */
  readonly doubtful: readonly number[]
  /** How many descriptors are in flight between processes. The kernel does not say of which files. */
  readonly inFlight: number
  /** Why not all could be searched. */
  readonly unsure?: 'ring names' | 'ring busy' | 'messages' | 'limit'
}

/** The triples of each inode: for each its first one, and for each triple the next one of the same inode. Counted from 1, and 0 is none. */
class HolderIndex {
  readonly #triples: readonly number[]
  readonly #first: Int32Array
  readonly #next: Int32Array

  private constructor(triples: readonly number[], inodeCount: number) {
    this.#triples = triples
    this.#first = new Int32Array(inodeCount)
    this.#next = new Int32Array(Math.floor(triples.length / 3))
  }

  static async of(triples: readonly number[], inodes: Inodes): Promise<HolderIndex> {
    const index = new HolderIndex(triples, inodes.size)
    for (let i = index.#next.length - 1; i >= 0; i--) {
      const number = inodes.find(triples[i * 3]!)
      if (number < 0) continue
      index.#next[i] = index.#first[number]!
      index.#first[number] = i + 1
      if (i % 1024 === 0) await yieldToEventLoop()
    }
    return index
  }

  /** The holders of the inode with this number; undefined when it has none. */
  ownersOf(number: number): Owner[] | undefined {
    let at = number < 0 ? 0 : this.#first[number]!
    if (at === 0) return undefined
    const owners: Owner[] = []
    for (; at !== 0; at = this.#next[at - 1]!) owners.push({ pid: this.#triples[at * 3 - 2]!, fd: this.#triples[at * 3 - 1]! })
    return owners
  }
}

/**
 * Gives each socket its owners, or the reason why it has none. Returns what could not be seen.
 * @param inodes those of the sockets
 * @param isRequested gaps count these sockets only; a recording holds more.
 */
export async function joinOwners(
  sockets: readonly Draft[],
  inodes: Inodes,
  holders: Holders,
  isRequested: (socket: Draft) => boolean = () => true,
): Promise<Gap[]> {
  const index = await HolderIndex.of(holders.triples, inodes)
  const inRings = ringOwners(holders)
  const exited = new Set(holders.exited)
  const doubtful = new Set(holders.elsewhere?.doubtful)
  const counts = new Map<Ownerless, number>()
  for (let at = 0; at < sockets.length; at++) {
    const socket = sockets[at]!
    const owners = index.ownersOf(inodes.numbers[at]!) ?? (socket.inode === undefined ? undefined : inRings.get(socket.inode))
    if (owners) socket.owners = owners
    else {
      const why = whyOwnerless(socket, holders, exited, doubtful)
      socket.ownerless = why
      if (isRequested(socket)) counts.set(why, (counts.get(why) ?? 0) + 1)
    }
    if (at % 1024 === 0) await yieldToEventLoop()
  }
  return [...counts].map(([why, count]) => gapFor(why, count, holders)).filter(gap => gap !== undefined)
}

/** The owners by io_uring: they have no descriptor. */
function ringOwners({ elsewhere }: Holders): ReadonlyMap<number, Owner[]> {
  const owners = new Map<number, Owner[]>()
  const { rings = [] } = elsewhere ?? {}
  for (let i = 0; i < rings.length; i += 2) {
    const owner = { pid: rings[i + 1]!, fd: undefined }
    const known = owners.get(rings[i]!)
    if (known === undefined) owners.set(rings[i]!, [owner])
    else known.push(owner)
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
  if (holders.blind === 'proc' || holders.blind === 'foreign-proc') return 'unknown'
  if (exited.has(socket.inode)) return 'exited'
  const isDoubtful = doubtful.has(socket.inode)
  if (isDoubtful && canAllBeInFlight(holders)) return 'in-flight'
  if (holders.hidden > 0 || holders.blind === 'hidepid') return 'permission'
  if (holders.blind === 'pid-namespace') return 'other-pid-namespace'
  return isDoubtful ? 'unknown' : 'kernel'
}

const canAllBeInFlight = ({ elsewhere }: Holders): boolean =>
  elsewhere !== undefined && elsewhere.unsure === undefined && elsewhere.doubtful.length <= elsewhere.inFlight

const verb = (count: number, one: string, many: string): string => `${counted(count, 'socket')} ${count === 1 ? one : many}`

/** What reading the descriptors of all processes requires. */
export const ownerCapabilities = 'CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH'

/** What could not be seen of the owners of sockets; undefined for a reason that hides nothing. */
function gapFor(why: Ownerless, count: number, holders: Holders): Gap | undefined {
  const { elsewhere, blind, hidden, asRoot, withCapabilities } = holders
  const gap = (code: GapCode, reason: Gap['why'], text: string, help = ''): Gap => gapOf(code, 'owners', reason, text, { help, count })
  const belong = verb(count, 'belongs', 'belong')
  switch (why) {
    case 'permission': {
      const where = blind === 'hidepid' ? ', which /proc hides (hidepid)' : ''
      const most = elsewhere?.inFlight ? `; at most ${elsewhere.inFlight} of them can be in flight between processes instead` : ''
      const whose = withCapabilities ? 'processes that are protected even from root' : 'processes of other users or to protected ones'
      const remedy = asRoot ? `requires ${ownerCapabilities}` : `run as root, or with ${ownerCapabilities}`
      return gap('owners-hidden', 'permission', `${belong} to ${whose}${where}${most}`, withCapabilities ? '' : remedy)
    }
    case 'other-pid-namespace': {
      const help = 'run in the pid namespace of the host, such as with docker run --pid=host'
      return gap('owners-elsewhere', 'permission', `${belong} to processes outside of this pid namespace, or to the kernel`, help)
    }
    case 'in-flight': {
      const or = hidden === 0 && blind === undefined ? 'kept by the kernel' : 'held by processes that may not be read'
      const text = `${verb(count, 'is', 'are')} in flight between processes, or ${or}: ${waiting(elsewhere!.inFlight)}`
      return gap('owners-in-flight', 'kernel', text)
    }
    case 'unknown': {
      if (blind === 'foreign-proc')
        return gap(
          'owners-foreign-proc',
          'permission',
          `the owners of ${counted(count, 'socket')} are not known: ${foreignProc.text}`,
          foreignProc.help,
        )
      if (elsewhere === undefined)
        return gap(
          'owners-unread',
          'kernel',
          `the owners of ${counted(count, 'socket')} could not be read: there is no /proc`,
          'mount /proc',
        )
      const [code, reason, text, help] = doubts[elsewhere.unsure ?? 'none'](elsewhere.inFlight)
      return gap(code, reason, `${verb(count, 'has', 'have')} no holder that can be found: ${text}`, help)
    }
    default:
      return undefined
  }
}

const waiting = (inFlight: number): string =>
  `${counted(inFlight, 'descriptor')} ${inFlight === 1 ? 'waits' : 'wait'} in messages that no process has received`

type Doubt = readonly [code: GapCode, why: Gap['why'], text: string, help?: string]

/** Why it is not known whether the kernel keeps a socket that has no holder. */
const doubts: Readonly<Record<NonNullable<Elsewhere['unsure']> | 'none', (inFlight: number) => Doubt>> = {
  none: inFlight => [
    'owners-in-flight',
    'kernel',
    `${waiting(inFlight)}, so at most ${inFlight} of them are in flight, and the kernel keeps the others`,
  ],
  limit: () => ['owners-limit', 'limit', 'there are too many UNIX sockets or files of io_uring to search'],
  'ring busy': () => ['owners-unread', 'interrupted', 'an io_uring was in use, and may hold them', 'take another snapshot'],
  messages: () => ['owners-unread', 'kernel', 'this kernel does not say which descriptors are in flight', 'Linux 5.6 or newer does'],
  'ring names': () => ['owners-unread', 'kernel', 'this kernel does not name the sockets that io_uring holds', 'Linux 6.14 or newer does'],
}
