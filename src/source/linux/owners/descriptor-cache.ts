// The descriptors of processes, kept from snapshot to snapshot, so that a snapshot reads what has changed and little more.
// Of sockets only their inodes are known here.

import { readlinkSync, statSync } from 'node:fs'
import { yieldToEventLoop } from '../../yielding.ts'
import { attempt } from '../../attempt.ts'
import { isRefusal } from '../kernel/files.ts'
import { linkInode, type ProcFs } from '../kernel/proc-fs.ts'
import type { Inodes } from './inodes.ts'
import type { Swept } from './sweeper.ts'

/** The descriptors of one process, as they were when they were last read. */
export interface DescriptorTable {
  /** The inode of the folder of descriptors: another one means another process. */
  readonly identity: number
  /** How many descriptors there were when the processes were last listed. */
  count: number
  /** There were more or fewer when it was last read. It stays so until it is read, by whichever snapshot. */
  isStale: boolean
  /** False: it may not be read. */
  readable: boolean
  /** Descriptor to inode; 0 is not a socket. */
  sockets: Map<number, number>
  /** The snapshot in which all of it was read. */
  readIn: number
  /** Sockets of threads with descriptors of their own. */
  threads: readonly ThreadSocket[]
}

/** A socket that only one thread of a process holds. */
export interface ThreadSocket {
  readonly path: string
  readonly fd: number
  readonly inode: number
}

/** What listing the processes gave. */
export interface Changes {
  /** Processes that are new, or have more or fewer descriptors than when they were read. */
  readonly changed: readonly number[]
  readonly unchanged: readonly number[]
  /** Tables of processes that have ended since the snapshot before; those that are found to have ended in this snapshot are added. */
  readonly ended: readonly DescriptorTable[]
  /** How many descriptors there are in all, as far as they can be counted without reading them. */
  readonly descriptors: number
}

/** The holders of inodes, as far as they are in the cache. */
export interface Collected {
  /** Inode, pid and descriptor in turn. */
  readonly triples: number[]
  /** Inodes without a holder. */
  readonly missing: ReadonlySet<number>
  /** Inodes with several holders. */
  readonly shared: ReadonlySet<number>
}

/** Of the descriptors that show no sign of a change, so many are read again in each snapshot: a part of the requested sockets, and some more. */
const checkedPart = 1 / 32
const minChecked = 64

/** The descriptors of all processes. */
export class DescriptorCache {
  readonly #proc: ProcFs
  readonly #tables = new Map<number, DescriptorTable>()
  /** The number of the snapshot. */
  #snapshot = 0
  #ended: DescriptorTable[] = []
  /** Where the next check goes on. */
  #checkCursor = 0
  /** Where the next confirmation goes on. */
  #confirmCursor = 0
  /** The size of a folder of descriptors is their number: since Linux 6.2. */
  #folderSizesCount = false

  /** Starts empty. */
  constructor(proc: ProcFs) {
    this.#proc = proc
  }

  /** What is known, by pid. */
  get tables(): ReadonlyMap<number, DescriptorTable> {
    return this.#tables
  }

  /**
   * Starts a snapshot: lists the processes, and compares how many descriptors each has.
   * @param endedBefore what listing them before, for the same snapshot, has found to have ended.
   */
  async list(endedBefore: readonly DescriptorTable[] = []): Promise<Changes> {
    this.#snapshot++
    const changed: number[] = []
    const unchanged: number[] = []
    const ended = new Map(this.#tables)
    let descriptors = 0
    for (const pid of this.#proc.pids()) {
      const stat = this.#statFolder(pid)
      if (stat === undefined) continue
      const table = this.#tables.get(pid)
      descriptors += stat.size || table?.count || 0
      this.#folderSizesCount ||= stat.size > 0
      if (table !== undefined && table.identity === stat.ino) {
        ended.delete(pid)
        const count = this.#folderSizesCount ? stat.size : table.readable ? this.#countEntries(pid) : table.count
        table.isStale ||= count !== table.count
        table.count = count
        ;(table.isStale ? changed : unchanged).push(pid)
        table.threads = table.threads.filter(t => isStill(t.path, t.inode))
      } else {
        this.#tables.set(pid, newTable(stat))
        changed.push(pid)
      }
      await yieldToEventLoop()
    }
    for (const [pid, table] of ended) if (this.#tables.get(pid) === table) this.#tables.delete(pid)
    this.#ended = [...endedBefore, ...ended.values()]
    return { changed, unchanged, ended: this.#ended, descriptors }
  }

  #statFolder(pid: number): { ino: number; size: number } | undefined {
    // Undefined: it has ended, or /proc is mounted so that it is hidden from us.
    return attempt(() => statSync(this.#proc.path(`${pid}/fd`)))
  }

  #countEntries(pid: number): number {
    let count = 0
    try {
      for (const _ of this.#proc.entries(`${pid}/fd`)) count++
    } catch {
      return 0 // It has ended, or may no longer be read: reading it finds out.
    }
    return count
  }

  /** Reads what a process holds: descriptors that are new, and known ones that are doubtful. */
  async read(pid: number, isDoubtful: (inode: number) => boolean): Promise<void> {
    const table = this.#tables.get(pid)
    if (table === undefined || table.readIn === this.#snapshot) return
    const { sockets } = table
    const now = new Map<number, number>()
    const folder = this.#proc.path(`${pid}/fd`)
    let all = true
    try {
      for (const name of this.#proc.entries(`${pid}/fd`, table.count || Infinity)) {
        const known = sockets.get(Number(name))
        const isSure = known !== undefined && !isDoubtful(known)
        all &&= !isSure
        const inode = isSure ? known : readInode(`${folder}/${name}`)
        if (inode !== undefined) now.set(Number(name), inode)
        const pause = yieldToEventLoop()
        if (pause) await pause
      }
      table.readable = true
    } catch (error) {
      if (isRefusal(error)) table.readable = false
      else {
        this.#tables.delete(pid) // It ended meanwhile.
        this.#ended.push(table)
        return
      }
    }
    table.sockets = now
    table.isStale = false
    table.count ||= now.size
    if (all) table.readIn = this.#snapshot
  }

  /** Reads all of several processes. */
  async readAll(pids: Iterable<number>): Promise<void> {
    for (const pid of pids) await this.read(pid, () => true)
  }

  /**
   * Reads a part of what is believed to be unchanged, in turn, and all of each process in which something was not.
   * @param requested how many sockets are asked for: a snapshot for a few is to be cheap.
   */
  async check(unchanged: readonly number[], requested: number): Promise<void> {
    const surprised: number[] = []
    let position = 0
    const end = this.#checkCursor + minChecked + Math.floor(requested * checkedPart)
    for (const pid of unchanged) {
      const table = this.#tables.get(pid)
      if (table === undefined) continue
      if (position + table.sockets.size > this.#checkCursor && position < end && !(await this.#isAsKnown(pid, table, position, end)))
        surprised.push(pid)
      position += table.sockets.size || 1
    }
    this.#checkCursor = end >= position ? 0 : end
    await this.readAll(surprised)
  }

  async #isAsKnown(pid: number, table: DescriptorTable, position: number, end: number): Promise<boolean> {
    let at = position
    for (const fd of table.sockets.keys()) {
      if (at >= end) break
      const isTurn = at >= this.#checkCursor
      at++
      if (!isTurn) continue
      if (!isStill(this.#proc.path(`${pid}/fd/${fd}`), table.sockets.get(fd)!)) return false
      await yieldToEventLoop()
    }
    return true
  }

  /** Reads again the links of holders: inode, pid and descriptor in turn. Returns the processes in which one has changed. */
  confirm(triples: readonly number[], isMeant: (inode: number) => boolean, max: number): Set<number> {
    const surprised = new Set<number>()
    let count = 0
    for (let seen = 0; seen < triples.length && count < max; seen += 3) {
      const i = (this.#confirmCursor = (this.#confirmCursor + 3) % triples.length) // In turn, where there are more.
      if (!isMeant(triples[i]!)) continue
      const [inode, pid, fd] = triples.slice(i, i + 3) as [number, number, number]
      const table = this.#tables.get(pid)
      // Those of threads were read when the processes were listed.
      if (table?.sockets.get(fd) !== inode || table.readIn === this.#snapshot || surprised.has(pid)) continue
      count++
      if (!isStill(this.#proc.path(`${pid}/fd/${fd}`), inode)) surprised.add(pid)
    }
    return surprised
  }

  /**
   * The descriptors of threads that do not share those of their process, or have outlived its first thread.
   * @param shares whether a thread shares; undefined where the kernel does not say.
   */
  async readThreads(pid: number, shares: (pid: number, thread: number) => boolean | undefined): Promise<void> {
    const table = this.#tables.get(pid)
    if (table === undefined || !table.readable) return
    const folder = this.#proc.path(`${pid}/task`)
    const found = new Map<string, ThreadSocket>()
    try {
      // A folder in it for each thread: those of one thread are most.
      const threads = statSync(folder).nlink - 2
      if (threads === 1) return void (table.threads = [])
      for (const name of this.#proc.entries(`${pid}/task`, threads > 0 ? threads : Infinity)) {
        await yieldToEventLoop()
        if (Number(name) === pid || (shares(pid, Number(name)) ?? statSync(`${folder}/${name}/fd`).size === table.count)) continue
        for (const fd of this.#proc.entries(`${pid}/task/${name}/fd`)) {
          const path = `${folder}/${name}/fd/${fd}`
          const inode = readInode(path)
          // Where the kernel does not say who shares, the same descriptor comes from every thread.
          if (inode && table.sockets.get(Number(fd)) !== inode) found.set(`${fd} ${inode}`, { path, fd: Number(fd), inode })
        }
      }
    } catch {
      return // It ended meanwhile.
    }
    table.threads = [...found.values()]
  }

  /** Reads one link of each process of which no socket is known: is it that there is none, or that it may not be read? */
  async probe(): Promise<void> {
    for (const [pid, table] of this.#tables) {
      if (table.sockets.size > 0 || table.count === 0) continue
      try {
        for (const fd of this.#proc.entries(`${pid}/fd`)) {
          readInode(this.#proc.path(`${pid}/fd/${fd}`))
          break
        }
      } catch (error) {
        table.readable = !isRefusal(error)
      }
      await yieldToEventLoop()
    }
  }

  /** Takes over what a sweep has found. */
  replace(swept: Swept): void {
    for (const [pid, table] of this.#tables) {
      table.sockets = swept.get(pid) ?? new Map()
      table.threads = []
      table.isStale = false
      table.readIn = this.#snapshot
      table.readable ||= table.sockets.size > 0
    }
  }

  /** The holders of these inodes. */
  async collect(requested: Inodes): Promise<Collected> {
    const triples: number[] = []
    const shared = new Set<number>()
    const isHeld = new Uint8Array(requested.size)
    const add = (inode: number, pid: number, fd: number): void => {
      const number = inode === 0 ? -1 : requested.find(inode)
      if (number < 0) return
      if (isHeld[number] === 1) shared.add(inode)
      isHeld[number] = 1
      triples.push(inode, pid, fd)
    }
    for (const [pid, table] of this.#tables) {
      table.sockets.forEach((inode, fd) => add(inode, pid, fd)) // A loop over entries makes an array of each.
      for (const { fd, inode } of table.threads) add(inode, pid, fd)
      await yieldToEventLoop()
    }
    const missing = new Set<number>()
    for (let number = 0; number < isHeld.length; number++) if (isHeld[number] === 0) missing.add(requested.inodeOf(number))
    return { triples, missing, shared }
  }

  /** Roughly how many links a walk over the changed processes would read. */
  walkCost(changed: readonly number[]): number {
    let sum = 0
    for (const pid of changed) {
      const table = this.#tables.get(pid)
      if (table) sum += table.sockets.size === 0 ? table.count || 8 : table.count / 4
    }
    return sum
  }

  /** How many processes may not be read. */
  get hidden(): number {
    let count = 0
    for (const table of this.#tables.values()) if (!table.readable) count++
    return count
  }
}

const newTable = (stat: { readonly ino: number; readonly size: number }): DescriptorTable => ({
  identity: stat.ino,
  count: stat.size,
  isStale: true,
  readable: true,
  sockets: new Map(),
  readIn: 0,
  threads: [],
})

/** Inode numbers are 32 bits in sock_diag, and may be more in /proc: the lower half counts. */
const inodeOf = (target: string): number => (linkInode(target, 'socket') ?? 0) % 2 ** 32

/** The inode of a socket, 0 for anything else, undefined when it has been closed. Throws when it may not be read. */
export function readInode(path: string): number | undefined {
  try {
    return inodeOf(readlinkSync(path))
  } catch (error) {
    // The folder of another user's process can be listed by root, and its links still be barred.
    if (isRefusal(error)) throw error
    return undefined
  }
}

const isStill = (path: string, inode: number): boolean => attempt(() => readInode(path)) === inode
