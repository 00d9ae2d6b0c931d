// The owners of the sockets of a snapshot: who holds them, or why nobody does.

import type { Ability } from '../../../model/ability.ts'
import type { Gap } from '../../../model/gap.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import type { Tape } from '../../tape.ts'
import type { Draft } from '../decode/draft.ts'
import { inodesOf, type Inodes } from './inodes.ts'
import { ownerSearch, type Ahead, type SearchMachine } from './search.ts'
import { joinOwners, type Holders } from './ownerless.ts'
import { elsewhereFinder, unheldAmong } from './indirect-holders.ts'

/** Keeps what is known of owners from snapshot to snapshot. */
export interface OwnerFinder {
  /** Starts what can be done while it is only known that there are many sockets. */
  begin(): Promise<Ahead>
  /** Gives each socket of a snapshot its owners, or the reason why it has none; what could not be seen is added to the gaps. */
  find(sockets: readonly Draft[], gaps: Gap[], ahead?: Promise<Ahead>): Promise<void>
  abilities(): Promise<readonly Ability[]>
  close(): void
}

/** What the finder needs of the machine; tests give their own. */
export interface Machine extends SearchMachine {
  /** Whether a socket has closed since it was listed; undefined where the kernel cannot be asked. */
  readonly isGone?: (socket: Draft) => boolean | undefined
}

/** How many sockets without a holder are asked for again in one snapshot. */
const maxAsked = 256

/** Makes the finder that a source keeps. */
export function ownerFinder(tape: Tape, machine: Machine): OwnerFinder {
  const search = ownerSearch(machine)
  const elsewhere = elsewhereFinder(machine.root)
  /** Sockets without a holder that were still there when they were asked for. */
  let ownerless = new Set<string>()

  /** Nobody has it, and nothing hides: either the kernel keeps it, or it closed after it was listed. */
  function goneAmong(unheld: readonly Draft[], { hidden, blind }: Holders): number[] {
    if (machine.isGone === undefined || hidden > 0 || blind !== undefined) return []
    const gone: number[] = []
    const still = new Set<string>()
    let asked = 0
    for (const socket of unheld) {
      if (!ownerless.has(socket.key) && ++asked <= maxAsked && machine.isGone(socket)) gone.push(socket.inode!)
      else still.add(socket.key)
    }
    ownerless = still
    return gone
  }

  async function holdersOf(sockets: readonly Draft[], inodes: Inodes, ahead: Promise<Ahead> | undefined): Promise<Holders> {
    let byInode: Map<number | undefined, Draft> | undefined
    const ask = (inode: number): boolean | undefined => {
      byInode ??= new Map(sockets.map(socket => [socket.inode, socket]))
      const socket = byInode.get(inode)
      return socket && machine.isGone?.(socket)
    }
    const isGone = (inode: number): boolean => ask(inode) === true
    const { missing, ...found } = await search.find(inodes, isGone, ahead)
    if (missing.size === 0) return found
    // A socket can outlive its last known holder, who gave it away before.
    const exited = found.exited.filter((inode, at) => at >= maxAsked || ask(inode) !== false)
    const ended = new Set(exited)
    const unheld = unheldAmong(sockets, missing).filter(({ inode }) => !ended.has(inode!))
    if (unheld.length === 0) return found
    const gone = new Set(goneAmong(unheld, found))
    const left = unheld.filter(({ inode }) => !gone.has(inode!))
    const more = await elsewhere(left, search.tables, found.hidden > 0 || found.blind !== undefined, isGone)
    return { ...found, exited: [...exited, ...gone], ...(more && { elsewhere: more }) }
  }

  return {
    begin: () => search.begin(),
    async find(sockets, gaps, ahead) {
      await yieldToEventLoop()
      const inodes = inodesOf(sockets)
      await yieldToEventLoop()
      const holders = await tape.value<Holders>('owners', async () => ({
        ...(await holdersOf(sockets, inodes, ahead)),
        asRoot: process.geteuid?.() === 0,
      }))
      await joinOwners(sockets, inodes, holders, gaps)
    },
    abilities: () => search.abilities(),
    close: () => search.close(),
  }
}
