// From holders to the owners of each socket, or the reason why it has none. Pure.

import type { Gap } from '../../model/gap.ts'
import type { Owner, Ownerless } from '../../model/socket.ts'
import { breath } from '../breath.ts'
import type { Draft } from './draft.ts'
import { inodeNumbers } from './inodes.ts'

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
  /** Why processes may be out of sight altogether: /proc hides them, they are outside of our pid namespace, or there is no /proc. */
  readonly blind: 'hidepid' | 'pid-namespace' | 'proc' | undefined
}

/** Gives each socket its owners, or the reason why it has none; what could not be seen is added to the gaps. */
export async function joinOwners(sockets: readonly Draft[], holders: Holders, gaps: Gap[]): Promise<void> {
  const breathe = breath()
  const { triples } = holders
  const numbers = inodeNumbers(Math.floor(triples.length / 3))
  // For each inode its first triple, and for each triple the next one of the same inode; counted from 1, and 0 is none.
  const first = new Int32Array(Math.floor(triples.length / 3))
  const next = new Int32Array(first.length)
  for (let i = first.length - 1; i >= 0; i--) {
    const number = numbers.add(triples[i * 3]!)
    next[i] = first[number]!
    first[number] = i + 1
    if (i % 1024 === 0) await breathe()
  }
  const ownersOf = (inode: number): Owner[] | undefined => {
    const number = numbers.find(inode)
    if (number < 0) return undefined
    const start = first[number]! - 1
    const owners: Owner[] = [{ pid: triples[start * 3 + 1]!, fd: triples[start * 3 + 2]! }]
    for (let i = next[start]!; i !== 0; i = next[i - 1]!) owners.push({ pid: triples[i * 3 - 2]!, fd: triples[i * 3 - 1]! })
    return owners
  }
  const exited = new Set(holders.exited)
  const counts = new Map<Ownerless, number>()
  let at = 0
  for (const socket of sockets) {
    const owners = socket.inode === undefined ? undefined : ownersOf(socket.inode)
    if (owners) socket.owners = owners
    else {
      const why = whyOwnerless(socket, holders, exited)
      socket.ownerless = why
      counts.set(why, (counts.get(why) ?? 0) + 1)
    }
    if (++at % 1024 === 0) await breathe()
  }
  for (const [why, count] of counts) {
    const gap = gapOf(why, count, holders)
    if (gap) gaps.push(gap)
  }
}

/** States of a connection that its process has closed; the kernel finishes it. */
const closedByProcess: ReadonlySet<string | undefined> = new Set(['FIN_WAIT_1', 'FIN_WAIT_2', 'CLOSING', 'LAST_ACK', 'CLOSED'])
/** States of a connection that waits in the queue of a listener. */
const notAccepted: ReadonlySet<string | undefined> = new Set(['SYN_RECEIVED', 'ESTABLISHED', 'CLOSE_WAIT'])

/** Why nobody has this socket. */
export function whyOwnerless(socket: Draft, holders: Holders, exited: ReadonlySet<number>): Ownerless {
  if (socket.state === 'TIME_WAIT') return 'time-wait'
  if (socket.inode === undefined) {
    if (notAccepted.has(socket.state)) return 'not-accepted'
    return closedByProcess.has(socket.state) ? 'orphan' : 'kernel'
  }
  // The kernel's own end of netlink has port 0, and an inode that no process has.
  if (socket.protocol === 'netlink' && socket.local.id === 0) return 'kernel'
  if (holders.blind === 'proc') return 'unknown'
  if (exited.has(socket.inode)) return 'exited'
  if (holders.hidden > 0 || holders.blind === 'hidepid') return 'permission'
  return holders.blind === 'pid-namespace' ? 'other-pid-namespace' : 'kernel'
}

const sockets = (count: number): string => (count === 1 ? '1 socket belongs' : `${count} sockets belong`)

function gapOf(why: Ownerless, count: number, holders: Holders): Gap | undefined {
  if (why === 'permission') {
    const where = holders.blind === 'hidepid' ? ', which /proc hides (hidepid)' : ''
    return {
      what: 'owners',
      why: 'permission',
      text: `${sockets(count)} to processes of other users or to protected ones${where}`,
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
