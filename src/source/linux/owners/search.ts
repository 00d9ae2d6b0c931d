// Which processes hold which inodes: chosen between reading /proc, as little of it as will do, and a sweep by BPF.

import type { Ability } from '../../../model/ability.ts'
import { codeOf } from '../../attempt.ts'
import { firstPidNamespace, type ProcFs } from '../kernel/proc-fs.ts'
import { abilitiesOf } from './abilities.ts'
import { DescriptorCache, type Changes, type Collected, type DescriptorTable } from './descriptor-cache.ts'
import type { Inodes } from './inodes.ts'
import type { Holders } from './ownerless.ts'
import { Sweeper, type LoadSweeps, type Swept } from './sweeper.ts'

/** What the search needs of the machine; tests give their own. */
export interface SearchMachine {
  readonly proc: ProcFs
  /** Undefined: never by BPF. */
  readonly sweeps: LoadSweeps | undefined
  /** Whether a thread shares the descriptors of its process; undefined where the kernel does not say. */
  readonly shares: (pid: number, thread: number) => boolean | undefined
}

/** The holders of inodes, and the inodes that nobody has. */
export interface FoundHolders extends Holders {
  readonly missing: ReadonlySet<number>
}

/** How many inodes a sweep is asked to pick out; more are read with all others. */
const maxPicked = 64
/** The links of so few are read again, each of them; of more those of sockets with several holders, and a part of the others in turn. */
const maxConfirmed = 64
/** Of sockets with several holders, so many are read again in one snapshot; they cost 2 ms. */
const maxReadAgain = 512
/** How many sockets without a holder are asked for again in one snapshot. */
const maxAsked = 256

/** Whether the socket of an inode has closed since it was listed. */
type IsGone = (inode: number) => boolean

/** What was done ahead. */
export interface Ahead {
  /** Undefined: there is no /proc, or it may not be read. */
  readonly changes: Changes | undefined
  /** Nothing was known before. */
  readonly isCold: boolean
  /** All that is known is from a sweep. */
  readonly isSwept: boolean
}

/** What a walk gave; or a sweep, where that was cheaper than to go on. */
type Walked = (Collected & { readonly gone: ReadonlySet<number> }) | { readonly swept: Swept }

/** Finds the holders of inodes, and remembers what it has read. */
export class OwnerSearch {
  readonly #machine: SearchMachine
  readonly #cache: DescriptorCache
  readonly #sweeper: Sweeper
  /** Inodes that no process has, as far as they may be read: not searched for again. */
  #unowned: ReadonlySet<number> = new Set()
  /** Inodes that were missing in the snapshot before. */
  #missedBefore: ReadonlySet<number> = new Set()
  /** Inodes that several processes held when they were last collected. */
  #shared: ReadonlySet<number> = new Set()
  #picks = 0
  /** How many inodes were requested last. */
  #lastRequested = 0
  /** The step that runs now: what is known is changed step by step, so snapshots at the same time wait for each other. */
  #running: Promise<unknown> = Promise.resolve()

  /** Starts without knowing anything. */
  constructor(machine: SearchMachine) {
    this.#machine = machine
    this.#cache = new DescriptorCache(machine.proc)
    this.#sweeper = new Sweeper(machine.sweeps)
  }

  /** Starts what can be done before it is known what is requested: the kernel is busy with its tables meanwhile. */
  async begin(): Promise<Ahead> {
    return this.#inTurn(async () => this.#lookAhead())
  }

  /** The holders of these inodes. */
  async find(requested: Inodes, isGone: IsGone = () => false, ahead?: Promise<Ahead>): Promise<FoundHolders> {
    const done = await ahead
    return this.#inTurn(async () => this.#find(requested, isGone, done))
  }

  /** The descriptors of each process, as they are known. */
  get tables(): ReadonlyMap<number, DescriptorTable> {
    return this.#cache.tables
  }

  /** What works here. */
  async abilities(): Promise<readonly Ability[]> {
    return abilitiesOf(this.#machine.proc, this.#sweeper)
  }

  /** Closes what it has opened. */
  close(): void {
    this.#sweeper.close()
  }

  async #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const run = this.#running.then(step)
    this.#running = run.catch(() => undefined)
    return run
  }

  async #find(requested: Inodes, isGone: IsGone, ahead: Ahead | undefined): Promise<FoundHolders> {
    this.#lastRequested = requested.size
    if (requested.size === 0) return this.#found({ triples: [], missing: new Set() }, [], undefined)
    const isCold = ahead ? ahead.isCold : this.#cache.tables.size === 0
    // Who asks again is better served by the cache.
    const picked =
      ahead === undefined && isCold && this.#picks === 0 && requested.size <= maxPicked ? await this.#pick(requested) : undefined
    if (picked) return this.#found(picked, [], undefined)
    const foundAhead = ahead && (await this.#findAhead(ahead, requested))
    if (foundAhead) return foundAhead
    const changes = await this.#list(ahead?.changes?.ended)
    const isSwept = changes === undefined || (await this.#isSweepCheaper(changes, isCold && ahead === undefined))
    const swept = isSwept ? await this.#sweeper.run() : undefined
    if (swept && changes === undefined) return this.#found(asTriples(swept, requested), [], undefined)
    if (swept && changes) return this.#takeOver(swept, changes, requested)
    if (changes === undefined) return this.#found(await this.#collect(requested), [], 'proc')
    const walked = await this.#walk(changes, requested, isGone, ahead !== undefined)
    if ('swept' in walked) return this.#takeOver(walked.swept, changes, requested)
    const { missing, gone } = walked
    this.#unowned = new Set([...missing].filter(inode => isCold || this.#missedBefore.has(inode) || this.#unowned.has(inode)))
    this.#missedBefore = missing
    return this.#found(walked, [...lost(changes, missing), ...gone], missing.size > 0 ? this.#blindness() : undefined)
  }

  #found(
    { triples, missing }: Pick<Collected, 'triples' | 'missing'>,
    exited: readonly number[],
    blind: FoundHolders['blind'],
  ): FoundHolders {
    return { triples, missing, hidden: this.#cache.hidden, exited, blind }
  }

  /** What is known, as far as it is requested. */
  async #collect(requested: Inodes): Promise<Collected> {
    const collected = await this.#cache.collect(requested)
    this.#shared = collected.shared
    return collected
  }

  /** The same, after the links are read again of whose change there would be no other sign: the socket has another holder, too. */
  async #confirmed(requested: Inodes): Promise<Collected> {
    const collected = await this.#collect(requested)
    const isFew = requested.size <= maxConfirmed
    const isMeant = (inode: number): boolean => isFew || collected.shared.has(inode)
    const surprised = this.#cache.confirm(collected.triples, isMeant, isFew ? Infinity : maxReadAgain)
    await this.#cache.readAll(surprised)
    return surprised.size > 0 ? this.#collect(requested) : collected
  }

  /** Known descriptors that are read again where something has changed. */
  #doubtfulFor(requested: Inodes): (inode: number) => boolean {
    return inode => inode === 0 || requested.find(inode) < 0 || this.#shared.has(inode)
  }

  /** A few, picked out by the kernel, so that not even the processes are listed. Undefined: it would not be cheaper, or not all were found. */
  async #pick(requested: Inodes): Promise<Pick<Collected, 'triples' | 'missing'> | undefined> {
    const descriptors = openFiles(this.#machine.proc)
    if (!(await this.#sweeper.isCheaper(descriptors, descriptors))) return undefined
    const swept = await this.#sweeper.run(Array.from({ length: requested.size }, (_, number) => requested.inodeOf(number)))
    this.#picks++
    const picked = swept && asTriples(swept, requested)
    return picked?.missing.size === 0 ? picked : undefined
  }

  /** A sweep finds all that the cache is made for. */
  async #takeOver(swept: Swept, changes: Changes, requested: Inodes): Promise<FoundHolders> {
    this.#cache.replace(swept)
    const collected = await this.#collect(requested)
    // Some kernels hide processes from programs too.
    if ([...collected.missing].some(inode => !this.#unowned.has(inode))) await this.#cache.probe()
    this.#unowned = collected.missing
    return this.#found(collected, lost(changes, collected.missing), undefined)
  }

  /** Processes and sockets may come after it. */
  async #lookAhead(): Promise<Ahead> {
    const isCold = this.#cache.tables.size === 0
    const changes = await this.#list()
    if (changes === undefined) return { changes, isCold, isSwept: false }
    const swept = (await this.#isSweepCheaper(changes, isCold)) ? await this.#sweeper.run() : undefined
    if (swept) this.#cache.replace(swept)
    else if (!isCold) await this.#cache.check(changes.unchanged, this.#lastRequested)
    return { changes, isCold, isSwept: swept !== undefined }
  }

  /** What looking ahead has found; undefined when something is missing, which may have come since. */
  async #findAhead({ changes, isSwept }: Ahead, requested: Inodes): Promise<FoundHolders | undefined> {
    if (changes === undefined) return undefined
    if (!isSwept) for (const pid of changes.changed) await this.#cache.read(pid, this.#doubtfulFor(requested))
    const collected = await this.#confirmed(requested)
    const { missing } = collected
    if ([...missing].some(inode => !this.#unowned.has(inode))) return undefined
    this.#unowned = this.#missedBefore = missing
    return this.#found(collected, lost(changes, missing), missing.size > 0 ? this.#blindness() : undefined)
  }

  async #list(endedBefore?: readonly DescriptorTable[]): Promise<Changes | undefined> {
    try {
      return await this.#cache.list(endedBefore)
    } catch (error) {
      if (codeOf(error) === undefined) throw error
      return undefined // There is no /proc, or it may not be read.
    }
  }

  /** Whether a sweep costs less than reading what has changed. */
  async #isSweepCheaper(changes: Changes, isCold: boolean): Promise<boolean> {
    const { proc } = this.#machine
    // Before Linux 6.2 descriptors can only be counted by reading them.
    const readings = isCold && changes.descriptors === 0 ? openFiles(proc) : this.#cache.walkCost(changes.changed)
    return this.#sweeper.isCheaper(changes.descriptors || openFiles(proc), readings)
  }

  /** Reads what has changed. What is then without a holder, and has not gone, is searched for in more and more places. */
  async #walk(changes: Changes, requested: Inodes, isGone: IsGone, isChecked: boolean): Promise<Walked> {
    const { changed, unchanged, descriptors } = changes
    const gone = new Set<number>()
    const isDoubtful = this.#doubtfulFor(requested)
    const unexplained = (missing: ReadonlySet<number>): number[] =>
      [...missing].filter(inode => !this.#unowned.has(inode) && !gone.has(inode))
    for (const pid of changed) await this.#cache.read(pid, isDoubtful)
    if (!isChecked) await this.#cache.check(unchanged, requested.size)
    let walked = await this.#confirmed(requested)
    for (const inode of unexplained(walked.missing).slice(0, maxAsked)) if (isGone(inode)) gone.add(inode)
    if (unexplained(walked.missing).length > 0 && unchanged.length > 0) {
      const readings = descriptors - walked.triples.length / 3
      const swept = (await this.#sweeper.isCheaper(descriptors, readings)) ? await this.#sweeper.run() : undefined
      if (swept) return { swept }
      // A socket that nobody has: a descriptor was closed and its number used again, so that the count is the same.
      for (const pid of unchanged) await this.#cache.read(pid, isDoubtful)
      walked = await this.#collect(requested)
    }
    if (unexplained(walked.missing).some(inode => this.#missedBefore.has(inode))) {
      await this.#cache.readAll(this.#cache.tables.keys())
      walked = await this.#collect(requested)
    }
    if (unexplained(walked.missing).length > 0) {
      for (const pid of this.#cache.tables.keys()) await this.#cache.readThreads(pid, this.#machine.shares)
      walked = await this.#collect(requested)
    }
    return { ...walked, gone }
  }

  /** Why whole processes may be out of sight. */
  #blindness(): Holders['blind'] {
    const { tables } = this.#cache
    if (tables.size === 0) return 'proc' // Not even ourselves: something else is there in its place.
    if (!tables.has(1)) return 'hidepid' // Every pid namespace has a process 1.
    const space = this.#machine.proc.link('self/ns/pid')
    return space === undefined || space === firstPidNamespace ? undefined : 'pid-namespace'
  }
}

/** What has no holder since its last one ended. */
const lost = ({ ended }: Changes, missing: ReadonlySet<number>): number[] =>
  missing.size === 0 ? [] : ended.flatMap(table => [...table.sockets.values()]).filter(inode => missing.has(inode))

/** How many files are open on the whole machine; 0 where that cannot be read. */
const openFiles = (proc: ProcFs): number => Number.parseInt(proc.text('sys/fs/file-nr') ?? '', 10) || 0

function asTriples(swept: Swept, requested: Inodes): Pick<Collected, 'triples' | 'missing'> {
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
