// Which processes hold which sockets, by reading /proc. `root` is /proc, or a folder that looks like it in tests.

import { readdirSync, readlinkSync } from 'node:fs'
import type { Gap } from '../../model/gap.ts'
import type { Owner, Ownerless } from '../../model/socket.ts'
import { breath } from '../breath.ts'
import type { Tape } from '../tape.ts'
import type { Draft } from './draft.ts'

/** Gives each socket of a look its owners, or the reason why it has none; what could not be seen is added to the gaps. */
export type OwnerFinder = (sockets: readonly Draft[], gaps: Gap[]) => Promise<void>

/** Makes the finder that a source keeps from look to look. */
export function ownerFinder(tape: Tape): OwnerFinder {
  return async (sockets, gaps) => joinOwners(sockets, await tape.value<Holders>('owners', () => walkOwners()), gaps)
}

/** Who holds what, as plain data: inode, pid and descriptor in turn. */
export interface Holders {
  readonly triples: readonly number[]
  /** Processes whose descriptors we may not read. */
  readonly hidden: number
}

/** Walks all processes and their descriptors. A process that ends while we look is not an error. */
export async function walkOwners(root = '/proc'): Promise<Holders> {
  const breathe = breath()
  const triples: number[] = []
  let hidden = 0
  for (const name of readdirSync(root)) {
    if (!/^\d+$/.test(name)) continue
    try {
      for (const fd of readdirSync(`${root}/${name}/fd`)) addSocket(triples, `${root}/${name}/fd/${fd}`, Number(name), Number(fd))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EACCES' || code === 'EPERM') hidden++
      else if (code !== 'ENOENT' && code !== 'ESRCH' && code !== 'ENOTDIR') throw error
    }
    await breathe()
  }
  return { triples, hidden }
}

function addSocket(triples: number[], path: string, pid: number, fd: number): void {
  let target: string
  try {
    target = readlinkSync(path)
  } catch {
    return // Closed while we looked.
  }
  if (target.startsWith('socket:[')) triples.push(Number(target.slice(8, -1)), pid, fd)
}

/** Gives each socket its owners, or the reason why it has none. */
function joinOwners(sockets: readonly Draft[], holders: Holders, gaps: Gap[]): void {
  const byInode = new Map<number, Owner[]>()
  for (let i = 0; i < holders.triples.length; i += 3) {
    const [inode, pid, fd] = holders.triples.slice(i, i + 3) as [number, number, number]
    const owners = byInode.get(inode)
    if (owners) owners.push({ pid, fd })
    else byInode.set(inode, [{ pid, fd }])
  }
  let unseen = 0
  for (const socket of sockets) {
    const owners = socket.inode === undefined ? undefined : byInode.get(socket.inode)
    if (owners) socket.owners = owners
    else socket.ownerless = whyOwnerless(socket, holders.hidden > 0)
    if (socket.ownerless === 'permission') unseen++
  }
  if (unseen > 0) {
    gaps.push({
      what: 'owners',
      why: 'permission',
      text: `${unseen} sockets belong to processes of other users`,
      help: 'run as root, or with CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH',
      count: unseen,
    })
  }
}

function whyOwnerless(socket: Draft, hidden: boolean): Ownerless {
  if (socket.state === 'TIME_WAIT') return 'time-wait'
  if (socket.inode === undefined) return socket.state === 'ESTABLISHED' || socket.state === 'SYN_RECEIVED' ? 'not-accepted' : 'orphan'
  return hidden ? 'permission' : 'kernel'
}
