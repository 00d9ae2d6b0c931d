// Which processes hold which sockets: chosen between reading /proc, as little of it as will do, and a sweep by BPF.

import { readFileSync, readlinkSync } from 'node:fs'
import type { Ability } from '../../model/ability.ts'
import type { Gap } from '../../model/gap.ts'
import { breath } from '../breath.ts'
import type { Tape } from '../tape.ts'
import { Descriptors, type Changes, type Table } from './descriptors.ts'
import type { Draft } from './draft.ts'
import { inodeNumbers } from './inodes.ts'
import { abilitiesOf } from './owner-abilities.ts'
import { joinOwners, type Holders } from './ownerless.ts'
import { elsewhereFinder, unheldAmong } from './unheld.ts'
import { sweeper, type LoadSweeps, type Swept } from './sweeper.ts'

/** Keeps what is known of owners from look to look. */
export interface OwnerFinder {
  /** Gives each socket of a look its owners, or the reason why it has none; what could not be seen is added to the gaps. */
  find(sockets: readonly Draft[], gaps: Gap[]): Promise<void>
  abilities(): Promise<readonly Ability[]>
  close(): void
}

/** What the finder needs of the machine; tests give their own. */
export interface Machine {
  readonly root: string
  /** Undefined: never by BPF. */
  readonly sweeps: LoadSweeps | undefined
  /** Whether a thread shares the descriptors of its process; undefined where the kernel does not tell. */
  readonly shares: (pid: number, thread: number) => boolean | undefined
  /** Whether a socket has closed since it was listed; undefined where the kernel cannot be asked. */
  readonly isGone?: (socket: Draft) => boolean | undefined
}

/** Makes the finder that a source keeps. */
export function ownerFinder(tape: Tape, machine: Machine): OwnerFinder {
  const search = ownerSearch(machine)
  const elsewhere = elsewhereFinder(machine.root)
  /** Sockets without a holder that were still there when they were asked for. */
  let ownerless = new Set<string>()

  /** Nobody has it, and nothing hides: either the kernel keeps it, or it closed after it was listed. */
  function goneAmong(unheld: readonly Draft[], holders: Holders): number[] {
    if (machine.isGone === undefined || holders.hidden > 0 || holders.blind !== undefined) return []
    const gone: number[] = []
    const still = new Set<string>()
    let asked = 0
    for (const socket of unheld) {
      if (!ownerless.has(socket.key) && ++asked <= mostAsked && machine.isGone(socket)) gone.push(socket.inode!)
      else still.add(socket.key)
    }
    ownerless = still
    return gone
  }

  async function holdersOf(sockets: readonly Draft[], wanted: ReadonlySet<number>): Promise<Holders> {
    let byInode: Map<number | undefined, Draft> | undefined
    const ask = (inode: number): boolean | undefined => {
      byInode ??= new Map(sockets.map(socket => [socket.inode, socket]))
      const socket = byInode.get(inode)
      return socket && machine.isGone?.(socket)
    }
    const isGone = (inode: number): boolean => ask(inode) === true
    const found = await search.find(wanted, isGone)
    // A socket can outlive its last known holder, who gave it away before.
    const exited = found.exited.filter((inode, at) => at >= mostAsked || ask(inode) !== false)
    const unheld = unheldAmong(sockets, { ...found, exited })
    if (unheld.length === 0) return found
    const gone = new Set(goneAmong(unheld, found))
    const left = unheld.filter(({ inode }) => !gone.has(inode!))
    const more = await elsewhere(left, search.tables, found.hidden > 0 || found.blind !== undefined, isGone)
    return { ...found, exited: [...exited, ...gone], ...(more && { elsewhere: more }) }
  }

  return {
    async find(sockets, gaps) {
      const wanted = new Set<number>()
      for (const { inode } of sockets) if (inode !== undefined) wanted.add(inode)
      await joinOwners(
        sockets,
        await tape.value<Holders>('owners', async () => ({ ...(await holdersOf(sockets, wanted)), asRoot: process.geteuid?.() === 0 })),
        gaps,
      )
    },
    abilities: () => search.abilities(),
    close: () => search.close(),
  }
}

/** How many inodes a sweep is asked to pick out; more are read with all others. */
const mostPicked = 64
/** How many sockets without a holder are asked for again in one look. */
const mostAsked = 256

/** Whether the socket of an inode has closed since it was listed. */
type IsGone = (inode: number) => boolean

/** What a walk gave; or a sweep, where that was cheaper than to go on. */
type Walked = { readonly triples: number[]; readonly missing: Set<number>; readonly gone: ReadonlySet<number> } | { readonly swept: Swept }

/** Finds the holders of inodes, and remembers. */
export function ownerSearch(machine: Machine) {
  const known = new Descriptors(machine.root)
  const sweeps = sweeper(machine.sweeps)
  /** Inodes that no process has, as far as we may look: not searched for again. */
  let unowned = new Set<number>()
  /** Inodes that were missing in the look before, and several processes hold. */
  let missedBefore = new Set<number>()
  let shared = new Set<number>()
  let picks = 0

  /** What is known, as far as it is wanted. */
  async function collect(wanted: ReadonlySet<number>): Promise<{ triples: number[]; missing: Set<number> }> {
    const breathe = breath()
    const triples: number[] = []
    const numbers = inodeNumbers(wanted.size)
    for (const inode of wanted) numbers.add(inode)
    const isHeld = new Uint8Array(wanted.size)
    await breathe()
    shared = new Set()
    const add = (inode: number, pid: number, fd: number): void => {
      const number = inode === 0 ? -1 : numbers.find(inode)
      if (number < 0) return
      if (isHeld[number] === 1) shared.add(inode)
      isHeld[number] = 1
      triples.push(inode, pid, fd)
    }
    for (const [pid, table] of known.tables) {
      for (const [fd, inode] of table.sockets) add(inode, pid, fd)
      for (const { fd, inode } of table.threads) add(inode, pid, fd)
      await breathe()
    }
    const missing = new Set<number>()
    for (let number = 0; number < isHeld.length; number++) if (isHeld[number] === 0) missing.add(numbers.inodeOf(number))
    return { triples, missing }
  }

  /** How many readings of descriptors the walk would take. */
  function walkCost({ changed, descriptors }: Changes, isCold: boolean): number {
    // Before Linux 6.2 only reading tells how many there are.
    if (isCold && descriptors === 0) return openFiles(machine.root)
    let sum = 0
    for (const pid of changed) {
      const table = known.tables.get(pid)
      if (table) sum += table.sockets.size === 0 ? table.count || 8 : table.count / 4
    }
    return sum
  }

  /** Reads what has changed. What is then without a holder, and has not gone, is searched for in more and more places. */
  async function walk({ changed, unchanged, descriptors }: Changes, wanted: ReadonlySet<number>, isGone: IsGone): Promise<Walked> {
    const gone = new Set<number>()
    const isDoubtful = (inode: number): boolean => inode === 0 || !wanted.has(inode) || shared.has(inode)
    const isAll = (): boolean => true
    const pids = (): number[] => [...known.tables.keys()]
    const unknown = (missing: ReadonlySet<number>): number[] => [...missing].filter(inode => !unowned.has(inode) && !gone.has(inode))
    for (const pid of changed) await known.read(pid, isDoubtful)
    for (const pid of await known.check(unchanged, wanted.size)) await known.read(pid, isAll)
    let found = await collect(wanted)
    for (const inode of unknown(found.missing).slice(0, mostAsked)) if (isGone(inode)) gone.add(inode)
    if (unknown(found.missing).length > 0 && unchanged.length > 0) {
      const readings = descriptors - found.triples.length / 3
      const swept = (await sweeps.isCheaper(descriptors, readings)) ? await sweeps.run() : undefined
      if (swept) return { swept }
      // A socket that nobody has: a descriptor was closed and its number used again, so that the count is the same.
      for (const pid of unchanged) await known.read(pid, isDoubtful)
      found = await collect(wanted)
    }
    if (unknown(found.missing).some(inode => missedBefore.has(inode))) {
      for (const pid of pids()) await known.read(pid, isAll)
      found = await collect(wanted)
    }
    if (unknown(found.missing).length > 0) {
      for (const pid of pids()) await known.readThreads(pid, machine.shares)
      found = await collect(wanted)
    }
    return { ...found, gone }
  }

  const hiddenCount = (): number => [...known.tables.values()].filter(table => !table.readable).length

  /** A few, picked out by the kernel, so that not even the processes are listed. Undefined: it would not be cheaper, or not all were found. */
  async function pick(wanted: ReadonlySet<number>): Promise<number[] | undefined> {
    const descriptors = openFiles(machine.root)
    if (!(await sweeps.isCheaper(descriptors, descriptors))) return undefined
    const swept = await sweeps.run([...wanted])
    picks++
    const found = swept && tripled(swept, wanted)
    return found?.found.size === wanted.size ? found.triples : undefined
  }

  /** A sweep tells all that the tables are made for. */
  async function takeOver(swept: Swept, changes: Changes, wanted: ReadonlySet<number>): Promise<Holders> {
    known.replace(swept)
    const { triples, missing } = await collect(wanted)
    // Some kernels keep processes from programs too.
    if ([...missing].some(inode => !unowned.has(inode))) await known.probe()
    unowned = missing
    return { triples, hidden: hiddenCount(), exited: lost(changes, missing), blind: undefined }
  }

  async function find(wanted: ReadonlySet<number>, isGone: IsGone): Promise<Holders> {
    if (wanted.size === 0) return { triples: [], hidden: 0, exited: [], blind: undefined }
    const isCold = known.tables.size === 0
    // Who asks again is better served by tables.
    const picked = isCold && picks === 0 && wanted.size <= mostPicked ? await pick(wanted) : undefined
    if (picked) return { triples: picked, hidden: 0, exited: [], blind: undefined }
    const changes = await listed(known)
    const isSweepCheaper =
      changes === undefined || (await sweeps.isCheaper(changes.descriptors || openFiles(machine.root), walkCost(changes, isCold)))
    const swept = isSweepCheaper ? await sweeps.run() : undefined
    if (swept && changes === undefined) return { triples: tripled(swept, wanted).triples, hidden: 0, exited: [], blind: undefined }
    if (swept && changes) return takeOver(swept, changes, wanted)
    if (changes === undefined) return { triples: [], hidden: 0, exited: [], blind: 'proc' }
    const walked = await walk(changes, wanted, isGone)
    if ('swept' in walked) return takeOver(walked.swept, changes, wanted)
    const { triples, missing, gone } = walked
    unowned = new Set([...missing].filter(inode => isCold || missedBefore.has(inode) || unowned.has(inode)))
    missedBefore = missing
    return {
      triples,
      hidden: hiddenCount(),
      exited: [...lost(changes, missing), ...gone],
      blind: missing.size > 0 ? blindness(known) : undefined,
    }
  }

  /** What is known is changed step by step, so looks at the same time wait for each other. */
  let last: Promise<unknown> = Promise.resolve()
  async function inTurn(wanted: ReadonlySet<number>, isGone: IsGone = () => false): Promise<Holders> {
    const run = last.then(async () => find(wanted, isGone))
    last = run.catch(() => undefined)
    return run
  }

  return {
    find: inTurn,
    tables: known.tables as ReadonlyMap<number, Table>,
    abilities: () => abilitiesOf(machine.root, sweeps),
    close: () => sweeps.close(),
  }
}

/** What has no holder since its last one ended. */
const lost = ({ ended }: Changes, missing: ReadonlySet<number>): number[] =>
  missing.size === 0 ? [] : ended.flatMap(table => [...table.sockets.values()]).filter(inode => missing.has(inode))

/** How many files are open on the whole machine; 0 where that is not told. */
function openFiles(root: string): number {
  try {
    return Number.parseInt(readFileSync(`${root}/sys/fs/file-nr`, 'latin1'), 10) || 0
  } catch {
    return 0
  }
}

async function listed(known: Descriptors): Promise<Changes | undefined> {
  try {
    return await known.list()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error
    return undefined // There is no /proc, or we may not read it.
  }
}

/** Why whole processes may be out of sight. */
function blindness(known: Descriptors): Holders['blind'] {
  if (known.tables.size === 0) return 'proc' // Not even ourselves: something else is there in its place.
  if (!known.tables.has(1)) return 'hidepid' // Every pid namespace has a process 1.
  try {
    return readlinkSync(`${known.root}/self/ns/pid`) === 'pid:[4026531836]' ? undefined : 'pid-namespace'
  } catch {
    return undefined
  }
}

function tripled(swept: Swept, wanted: ReadonlySet<number>): { triples: number[]; found: ReadonlySet<number> } {
  const triples: number[] = []
  const found = new Set<number>()
  for (const [pid, sockets] of swept) {
    for (const [fd, inode] of sockets) {
      if (!wanted.has(inode)) continue
      triples.push(inode, pid, fd)
      found.add(inode)
    }
  }
  return { triples, found }
}
