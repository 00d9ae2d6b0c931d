// Which processes hold which inodes: chosen between reading /proc, as little of it as will do, and a sweep by BPF.

import { readFileSync, readlinkSync } from 'node:fs'
import { yieldToEventLoop } from '../../yielding.ts'
import { Descriptors, type Changes, type Table } from './descriptors.ts'
import type { Inodes } from './inodes.ts'
import { abilitiesOf } from './abilities.ts'
import type { Holders } from './ownerless.ts'
import { sweeper, type LoadSweeps, type Swept } from './sweeper.ts'

/** What the search needs of the machine; tests give their own. */
export interface SearchMachine {
  readonly root: string
  /** Undefined: never by BPF. */
  readonly sweeps: LoadSweeps | undefined
  /** Whether a thread shares the descriptors of its process; undefined where the kernel does not tell. */
  readonly shares: (pid: number, thread: number) => boolean | undefined
}

/** The holders of inodes, and the inodes that nobody has. */
export interface Found extends Holders {
  readonly missing: ReadonlySet<number>
}

/** How many inodes a sweep is asked to pick out; more are read with all others. */
const maxPicked = 64
/** The holders of so few are asked for again, each of them; of more those of sockets with several, and a part of the others in turn. */
const maxConfirmed = 64
/** Of sockets with several holders, so many are read again in one snapshot; they cost 2 ms. */
const maxReadAgain = 512
/** How many sockets without a holder are asked for again in one snapshot. */
const maxAsked = 256

/** Whether the socket of an inode has closed since it was listed. */
type IsGone = (inode: number) => boolean

/** Of the inodes that are wanted, inode, pid and descriptor in turn of those with a holder, and the others. */
interface Collected {
  readonly triples: number[]
  readonly missing: ReadonlySet<number>
}

/** What was done ahead. */
export interface Ahead {
  /** Undefined: there is no /proc, or we may not read it. */
  readonly changes: Changes | undefined
  /** Nothing was known before. */
  readonly isCold: boolean
  /** All that is known is from a sweep. */
  readonly isSwept: boolean
}

/** What a walk gave; or a sweep, where that was cheaper than to go on. */
type Walked = (Collected & { readonly gone: ReadonlySet<number> }) | { readonly swept: Swept }

/** Finds the holders of inodes, and remembers. */
export function ownerSearch(machine: SearchMachine) {
  const known = new Descriptors(machine.root)
  const sweeps = sweeper(machine.sweeps)
  /** Inodes that no process has, as far as we may look: not searched for again. */
  let unowned: ReadonlySet<number> = new Set()
  /** Inodes that were missing in the snapshot before, and several processes hold. */
  let missedBefore: ReadonlySet<number> = new Set()
  let shared = new Set<number>()
  let picks = 0
  /** How many inodes were wanted last. */
  let lastWanted = 0

  /** What is known, as far as it is wanted. */
  async function collect(requested: Inodes): Promise<Collected> {
    const triples: number[] = []
    const isHeld = new Uint8Array(requested.size)
    shared = new Set()
    const add = (inode: number, pid: number, fd: number): void => {
      const number = inode === 0 ? -1 : requested.find(inode)
      if (number < 0) return
      if (isHeld[number] === 1) shared.add(inode)
      isHeld[number] = 1
      triples.push(inode, pid, fd)
    }
    for (const [pid, table] of known.tables) {
      table.sockets.forEach((inode, fd) => add(inode, pid, fd)) // A loop over entries makes an array of each.
      for (const { fd, inode } of table.threads) add(inode, pid, fd)
      await yieldToEventLoop()
    }
    const missing = new Set<number>()
    for (let number = 0; number < isHeld.length; number++) if (isHeld[number] === 0) missing.add(requested.inodeOf(number))
    return { triples, missing }
  }

  /** The same, after those are read again of whom nothing else would tell that they hold a socket no more: another one has it, too. */
  async function confirmed(requested: Inodes): Promise<Collected> {
    const collected = await collect(requested)
    const isFew = requested.size <= maxConfirmed
    const surprised = known.confirm(collected.triples, inode => isFew || shared.has(inode), isFew ? Infinity : maxReadAgain)
    for (const pid of surprised) await known.read(pid, isAll)
    return surprised.size > 0 ? collect(requested) : collected
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
  async function walk(
    { changed, unchanged, descriptors }: Changes,
    requested: Inodes,
    isGone: IsGone,
    isChecked: boolean,
  ): Promise<Walked> {
    const gone = new Set<number>()
    const isDoubtful = doubtfulFor(requested)
    const pids = (): number[] => [...known.tables.keys()]
    const unknown = (missing: ReadonlySet<number>): number[] => [...missing].filter(inode => !unowned.has(inode) && !gone.has(inode))
    for (const pid of changed) await known.read(pid, isDoubtful)
    if (!isChecked) await check(unchanged, requested.size)
    let walked = await confirmed(requested)
    for (const inode of unknown(walked.missing).slice(0, maxAsked)) if (isGone(inode)) gone.add(inode)
    if (unknown(walked.missing).length > 0 && unchanged.length > 0) {
      const readings = descriptors - walked.triples.length / 3
      const swept = (await sweeps.isCheaper(descriptors, readings)) ? await sweeps.run() : undefined
      if (swept) return { swept }
      // A socket that nobody has: a descriptor was closed and its number used again, so that the count is the same.
      for (const pid of unchanged) await known.read(pid, isDoubtful)
      walked = await collect(requested)
    }
    if (unknown(walked.missing).some(inode => missedBefore.has(inode))) {
      for (const pid of pids()) await known.read(pid, isAll)
      walked = await collect(requested)
    }
    if (unknown(walked.missing).length > 0) {
      for (const pid of pids()) await known.readThreads(pid, machine.shares)
      walked = await collect(requested)
    }
    return { ...walked, gone }
  }

  /** Known descriptors that are read again where something has changed. */
  const doubtfulFor =
    (requested: Inodes) =>
    (inode: number): boolean =>
      inode === 0 || requested.find(inode) < 0 || shared.has(inode)

  async function check(unchanged: readonly number[], requested: number): Promise<void> {
    for (const pid of await known.check(unchanged, requested)) await known.read(pid, isAll)
  }

  const found = ({ triples, missing }: Collected, exited: readonly number[], blind: Found['blind']): Found => ({
    triples,
    missing,
    hidden: hiddenCount(),
    exited,
    blind,
  })

  const hiddenCount = (): number => [...known.tables.values()].filter(table => !table.readable).length

  /** A few, picked out by the kernel, so that not even the processes are listed. Undefined: it would not be cheaper, or not all were found. */
  async function pick(requested: Inodes): Promise<Collected | undefined> {
    const descriptors = openFiles(machine.root)
    if (!(await sweeps.isCheaper(descriptors, descriptors))) return undefined
    const swept = await sweeps.run(Array.from({ length: requested.size }, (_, number) => requested.inodeOf(number)))
    picks++
    const picked = swept && tripled(swept, requested)
    return picked?.missing.size === 0 ? picked : undefined
  }

  /** A sweep tells all that the tables are made for. */
  async function takeOver(swept: Swept, changes: Changes, requested: Inodes): Promise<Found> {
    known.replace(swept)
    const collected = await collect(requested)
    // Some kernels keep processes from programs too.
    if ([...collected.missing].some(inode => !unowned.has(inode))) await known.probe()
    unowned = collected.missing
    return found(collected, lost(changes, collected.missing), undefined)
  }

  /** What can be done before it is known what is wanted: the kernel is busy with its tables meanwhile. Processes and sockets may come after it. */
  async function lookAhead(): Promise<Ahead> {
    const isCold = known.tables.size === 0
    const changes = await listed(known)
    if (changes === undefined) return { changes, isCold, isSwept: false }
    const swept = (await isSweepCheaper(changes, isCold)) ? await sweeps.run() : undefined
    if (swept) known.replace(swept)
    else if (!isCold) await check(changes.unchanged, lastWanted)
    return { changes, isCold, isSwept: swept !== undefined }
  }

  const isSweepCheaper = async (changes: Changes, isCold: boolean): Promise<boolean> =>
    sweeps.isCheaper(changes.descriptors || openFiles(machine.root), walkCost(changes, isCold))

  /** What looking ahead has found; undefined when something is missing, which may have come since. */
  async function fromAhead({ changes, isSwept }: Ahead, requested: Inodes): Promise<Found | undefined> {
    if (changes === undefined) return undefined
    if (!isSwept) for (const pid of changes.changed) await known.read(pid, doubtfulFor(requested))
    const collected = await confirmed(requested)
    const { missing } = collected
    if ([...missing].some(inode => !unowned.has(inode))) return undefined
    unowned = missedBefore = missing
    return found(collected, lost(changes, missing), missing.size > 0 ? blindness(known) : undefined)
  }

  async function find(requested: Inodes, isGone: IsGone, ahead: Ahead | undefined): Promise<Found> {
    lastWanted = requested.size
    if (requested.size === 0) return found({ triples: [], missing: new Set() }, [], undefined)
    const isCold = ahead ? ahead.isCold : known.tables.size === 0
    // Who asks again is better served by tables.
    const picked = ahead === undefined && isCold && picks === 0 && requested.size <= maxPicked ? await pick(requested) : undefined
    if (picked) return found(picked, [], undefined)
    const prefilter = ahead && (await fromAhead(ahead, requested))
    if (prefilter) return prefilter
    const changes = await listed(known, ahead?.changes?.ended)
    const isSwept = changes === undefined || (await isSweepCheaper(changes, isCold && ahead === undefined))
    const swept = isSwept ? await sweeps.run() : undefined
    if (swept && changes === undefined) return found(tripled(swept, requested), [], undefined)
    if (swept && changes) return takeOver(swept, changes, requested)
    if (changes === undefined) return found(await collect(requested), [], 'proc')
    const walked = await walk(changes, requested, isGone, ahead !== undefined)
    if ('swept' in walked) return takeOver(walked.swept, changes, requested)
    const { missing, gone } = walked
    unowned = new Set([...missing].filter(inode => isCold || missedBefore.has(inode) || unowned.has(inode)))
    missedBefore = missing
    return found(walked, [...lost(changes, missing), ...gone], missing.size > 0 ? blindness(known) : undefined)
  }

  /** What is known is changed step by step, so looks at the same time wait for each other. */
  let last: Promise<unknown> = Promise.resolve()
  async function inTurn<T>(step: () => Promise<T>): Promise<T> {
    const run = last.then(step)
    last = run.catch(() => undefined)
    return run
  }

  return {
    begin: async (): Promise<Ahead> => inTurn(lookAhead),
    find: async (requested: Inodes, isGone: IsGone = () => false, ahead?: Promise<Ahead>) => {
      const prefilter = await ahead
      return inTurn(async () => find(requested, isGone, prefilter))
    },
    tables: known.tables as ReadonlyMap<number, Table>,
    abilities: async () => abilitiesOf(machine.root, sweeps),
    close: () => sweeps.close(),
  }
}

const isAll = (): boolean => true

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

async function listed(known: Descriptors, endedBefore?: readonly Table[]): Promise<Changes | undefined> {
  try {
    return await known.list(endedBefore)
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

function tripled(swept: Swept, requested: Inodes): Collected {
  const triples: number[] = []
  const missing = new Set(Array.from({ length: requested.size }, (_, number) => requested.inodeOf(number)))
  for (const [pid, sockets] of swept) {
    for (const [fd, inode] of sockets) {
      if (requested.find(inode) < 0) continue
      triples.push(inode, pid, fd)
      missing.delete(inode)
    }
  }
  return { triples, missing }
}
