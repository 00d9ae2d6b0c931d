// The owners of the sockets of a snapshot: who holds them, or why nobody does.

import type { Ability } from '../../../model/ability.ts'
import type { Gap } from '../../../model/gap.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import type { Tape } from '../../tape.ts'
import type { Draft } from '../decode/draft.ts'
import { IndirectHolders, withoutHolder } from './indirect-holders.ts'
import { inodesOf, type Inodes } from './inodes.ts'
import { mayReadAll } from './abilities.ts'
import { joinOwners, type Holders } from './ownerless.ts'
import { OwnerSearch, type Ahead, type SearchMachine } from './search.ts'

/** What the finder needs of the machine; tests give their own. */
export interface OwnerMachine extends SearchMachine {
  /** Whether a socket has closed since it was listed; undefined where the kernel cannot be asked. */
  readonly isGone?: (socket: Draft) => boolean | undefined
}

/** What a snapshot needs beside its sockets. */
export interface OwnerOptions {
  /** What `begin` has started. */
  readonly ahead?: Promise<Ahead> | undefined
  /** Gaps count these sockets only; a recording holds more. */
  readonly isRequested?: (socket: Draft) => boolean
}

/** How many sockets without a holder are asked for again in one snapshot. */
const maxAsked = 256

/** Keeps what is known of owners from snapshot to snapshot. */
export class OwnerFinder {
  readonly #tape: Tape
  readonly #machine: OwnerMachine
  readonly #search: OwnerSearch
  readonly #indirect: IndirectHolders
  /** Sockets without a holder that were still there when they were asked for. */
  #ownerless = new Set<string>()

  /** Starts without knowing anything. */
  constructor(tape: Tape, machine: OwnerMachine) {
    this.#tape = tape
    this.#machine = machine
    this.#search = new OwnerSearch(machine)
    this.#indirect = new IndirectHolders(machine.proc)
  }

  /** Starts what can be done while it is only known that there are many sockets. */
  async begin(): Promise<Ahead> {
    return this.#search.begin()
  }

  /** Gives each socket of a snapshot its owners, or the reason why it has none. Returns what could not be seen. */
  async find(sockets: readonly Draft[], { ahead, isRequested }: OwnerOptions = {}): Promise<Gap[]> {
    await yieldToEventLoop()
    const inodes = inodesOf(sockets)
    await yieldToEventLoop()
    const holders = await this.#tape.value<Holders>('owners', async () => ({
      ...(await this.#holdersOf(sockets, inodes, ahead)),
      asRoot: process.geteuid?.() === 0,
      withCapabilities: mayReadAll(this.#machine.proc),
    }))
    return joinOwners(sockets, inodes, holders, isRequested)
  }

  /** What works here. */
  async abilities(): Promise<readonly Ability[]> {
    return this.#search.abilities()
  }

  /** Closes what it has opened. */
  close(): void {
    this.#search.close()
  }

  async #holdersOf(sockets: readonly Draft[], inodes: Inodes, ahead: Promise<Ahead> | undefined): Promise<Holders> {
    if (this.#machine.proc.isForeign()) return { triples: [], hidden: 0, exited: [], blind: 'foreign-proc' }
    let byInode: ReadonlyMap<number | undefined, Draft> | undefined
    /** Undefined where the kernel cannot be asked. */
    const hasClosed = (inode: number): boolean | undefined => {
      byInode ??= new Map(sockets.map(socket => [socket.inode, socket]))
      const socket = byInode.get(inode)
      return socket && this.#machine.isGone?.(socket)
    }
    const isGone = (inode: number): boolean => hasClosed(inode) === true
    const { missing, ...found } = await this.#search.find(inodes, isGone, ahead)
    if (missing.size === 0) return found
    // A socket can outlive its last known holder, who gave it away before.
    const exited = new Set(found.exited.filter((inode, at) => at >= maxAsked || hasClosed(inode) !== false))
    const ownerless = withoutHolder(sockets, missing).filter(({ inode }) => !exited.has(inode!))
    if (ownerless.length === 0) return { ...found, exited: [...exited] }
    const gone = new Set(this.#goneAmong(ownerless, found))
    const left = ownerless.filter(({ inode }) => !gone.has(inode!))
    const isBlind = found.hidden > 0 || found.blind !== undefined
    const elsewhere = await this.#indirect.find(left, this.#search.tables, isBlind, isGone)
    return { ...found, exited: [...exited, ...gone], ...(elsewhere && { elsewhere }) }
  }

  /** Nobody has it, and nothing hides: either the kernel keeps it, or it closed after it was listed. */
  #goneAmong(ownerless: readonly Draft[], { hidden, blind }: Holders): number[] {
    if (this.#machine.isGone === undefined || hidden > 0 || blind !== undefined) return []
    const gone: number[] = []
    const still = new Set<string>()
    let asked = 0
    for (const socket of ownerless) {
      if (!this.#ownerless.has(socket.key) && ++asked <= maxAsked && this.#machine.isGone(socket)) gone.push(socket.inode!)
      else still.add(socket.key)
    }
    this.#ownerless = still
    return gone
  }
}
