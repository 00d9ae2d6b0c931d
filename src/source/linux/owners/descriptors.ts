// The descriptors of processes, kept from snapshot to snapshot, so that a snapshot reads what has changed and little more.
// `root` is /proc, or a folder that looks like it in tests. It knows nothing of sockets but their inodes.

import { opendirSync, readdirSync, readlinkSync, statSync } from 'node:fs'
import { yieldToEventLoop } from '../../yielding.ts'

/** The descriptors of one process, as they were when they were last read. */
export interface Table {
  /** The inode of the folder of descriptors: another one means another process. */
  readonly identity: number
  /** How many descriptors there were when the processes were last listed. */
  count: number
  /** There were more or fewer when it was last read. It says so until it is read, whichever look does that. */
  isStale: boolean
  /** False: we may not look. */
  readable: boolean
  /** Descriptor to inode; 0 is no socket. */
  sockets: Map<number, number>
  /** The snapshot in which all of it was read. */
  readIn: number
  /** Sockets of threads with descriptors of their own. */
  threads: readonly Thread[]
}

/** A socket that only one thread of a process holds. */
export interface Thread {
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
  readonly ended: readonly Table[]
  /** How many descriptors there are in all, as far as it can be told without reading them. */
  readonly descriptors: number
}

/** Inode numbers are 32 bits in sock_diag, and may be more in /proc: the lower half counts. */
const inodeOf = (target: string): number => (target.startsWith('socket:[') ? Number(target.slice(8, -1)) % 2 ** 32 || 0 : 0)

const isNumber = /^\d{1,10}$/
/** Of the descriptors that nothing speaks against, so many are read again in each snapshot: a part of the wanted sockets, and some more. */
const checkedPart = 1 / 32
const checkedLeast = 64

/** The descriptors of all processes. */
export class Descriptors {
  readonly tables = new Map<number, Table>()
  readonly root: string
  #look = 0
  #ended: Table[] = []
  #cursor = 0
  #confirmed = 0
  /** The size of a folder of descriptors is how many there are: since Linux 6.2. */
  #tellsCounts = false

  constructor(root: string) {
    this.root = root
  }

  /**
   * Starts a snapshot: lists the processes, and compares how many descriptors each has.
   * @param endedBefore what listing them before, for the same snapshot, has found to have ended.
   */
  async list(endedBefore: readonly Table[] = []): Promise<Changes> {
    this.#look++
    const changed: number[] = []
    const unchanged: number[] = []
    const ended = new Map(this.tables)
    let descriptors = 0
    for (const name of readdirSync(this.root)) {
      if (!isNumber.test(name)) continue
      const pid = Number(name)
      const stat = this.#stat(name)
      if (stat === undefined) continue
      const table = this.tables.get(pid)
      descriptors += stat.size || table?.count || 0
      this.#tellsCounts ||= stat.size > 0
      if (table !== undefined && table.identity === stat.ino) {
        ended.delete(pid)
        const count = this.#tellsCounts ? stat.size : table.readable ? this.#count(pid) : table.count
        table.isStale ||= count !== table.count
        table.count = count
        ;(table.isStale ? changed : unchanged).push(pid)
        table.threads = table.threads.filter(t => isStill(t.path, t.inode))
      } else {
        const table = { identity: stat.ino, count: stat.size, isStale: true, readable: true, sockets: new Map(), readIn: 0, threads: [] }
        this.tables.set(pid, table)
        changed.push(pid)
      }
      await yieldToEventLoop()
    }
    for (const [pid, table] of ended) if (this.tables.get(pid) === table) this.tables.delete(pid)
    this.#ended = [...endedBefore, ...ended.values()]
    return { changed, unchanged, ended: this.#ended, descriptors }
  }

  #stat(name: string): { ino: number; size: number } | undefined {
    try {
      return statSync(`${this.root}/${name}/fd`)
    } catch {
      return undefined // It has ended, or /proc is mounted so that it is hidden from us.
    }
  }

  #count(pid: number): number {
    let count = 0
    try {
      for (const _ of entries(`${this.root}/${pid}/fd`)) count++
    } catch {
      return 0 // It has ended, or we may no longer look: reading it will say.
    }
    return count
  }

  /** Reads what a process holds: descriptors that are new, and known ones that are doubtful. */
  async read(pid: number, isDoubtful: (inode: number) => boolean): Promise<void> {
    const table = this.tables.get(pid)
    if (table === undefined || table.readIn === this.#look) return
    const { sockets } = table
    const now = new Map<number, number>()
    const folder = `${this.root}/${pid}/fd`
    let all = true
    try {
      for (const name of entries(folder, table.count || Infinity)) {
        const known = sockets.get(Number(name))
        const isSure = known !== undefined && !isDoubtful(known)
        all &&= !isSure
        const inode = isSure ? known : readInode(`${folder}/${name}`)
        if (inode !== undefined) now.set(Number(name), inode)
        await yieldToEventLoop()
      }
      table.readable = true
    } catch (error) {
      if (isDenied(error)) table.readable = false
      else {
        this.tables.delete(pid) // It ended while we looked.
        this.#ended.push(table)
        return
      }
    }
    table.sockets = now
    table.isStale = false
    table.count ||= now.size
    if (all) table.readIn = this.#look
  }

  /**
   * Reads a part of what is believed to be unchanged, in turn; gives the processes in which something was not.
   * @param wanted how many sockets are asked for: a look for a few is to be cheap.
   */
  async check(unchanged: readonly number[], requested: number): Promise<number[]> {
    const surprised: number[] = []
    let position = 0
    const end = this.#cursor + checkedLeast + Math.floor(requested * checkedPart)
    for (const pid of unchanged) {
      const table = this.tables.get(pid)
      if (table === undefined) continue
      if (position + table.sockets.size > this.#cursor && position < end && !(await this.#isAsKnown(pid, table, position, end)))
        surprised.push(pid)
      position += table.sockets.size || 1
    }
    this.#cursor = end >= position ? 0 : end
    return surprised
  }

  /** Reads again what is believed of a few holders: inode, pid and descriptor in turn. Gives the processes in which it is not so. */
  confirm(triples: readonly number[], isMeant: (inode: number) => boolean, max: number): Set<number> {
    const surprised = new Set<number>()
    let count = 0
    for (let seen = 0; seen < triples.length && count < max; seen += 3) {
      const i = (this.#confirmed = (this.#confirmed + 3) % triples.length) // In turn, where there are more.
      if (!isMeant(triples[i]!)) continue
      const [inode, pid, fd] = triples.slice(i, i + 3) as [number, number, number]
      const table = this.tables.get(pid)
      // Those of threads were asked for when the processes were listed.
      if (table?.sockets.get(fd) !== inode || table.readIn === this.#look || surprised.has(pid)) continue
      count++
      if (!isStill(`${this.root}/${pid}/fd/${fd}`, inode)) surprised.add(pid)
    }
    return surprised
  }

  async #isAsKnown(pid: number, table: Table, position: number, end: number): Promise<boolean> {
    let at = position
    for (const fd of table.sockets.keys()) {
      if (at >= end) break
      const isTurn = at >= this.#cursor
      at++
      if (!isTurn) continue
      if (!isStill(`${this.root}/${pid}/fd/${fd}`, table.sockets.get(fd)!)) return false
      await yieldToEventLoop()
    }
    return true
  }

  /**
   * The descriptors of threads that do not share those of their process, or have outlived its first thread.
   * @param shares says whether a thread shares; undefined where the kernel does not tell.
   */
  async readThreads(pid: number, shares: (pid: number, thread: number) => boolean | undefined): Promise<void> {
    const table = this.tables.get(pid)
    if (table === undefined || !table.readable) return
    const folder = `${this.root}/${pid}/task`
    const found = new Map<string, Thread>()
    try {
      // A folder in it for each thread: those of one thread are most.
      const threads = statSync(folder).nlink - 2
      if (threads === 1) return void (table.threads = [])
      for (const name of entries(folder, threads > 0 ? threads : Infinity)) {
        await yieldToEventLoop()
        if (Number(name) === pid || (shares(pid, Number(name)) ?? statSync(`${folder}/${name}/fd`).size === table.count)) continue
        for (const fd of entries(`${folder}/${name}/fd`)) {
          const path = `${folder}/${name}/fd/${fd}`
          const inode = readInode(path)
          // Where the kernel does not tell who shares, the same descriptor comes from every thread.
          if (inode && table.sockets.get(Number(fd)) !== inode) found.set(`${fd} ${inode}`, { path, fd: Number(fd), inode })
        }
      }
    } catch {
      return // It ended while we looked.
    }
    table.threads = [...found.values()]
  }

  /** Looks once into processes of which no socket is known: is it that there is none, or that we may not look? */
  async probe(): Promise<void> {
    for (const [pid, table] of this.tables) {
      if (table.sockets.size > 0 || table.count === 0) continue
      try {
        for (const fd of entries(`${this.root}/${pid}/fd`)) {
          readInode(`${this.root}/${pid}/fd/${fd}`)
          break
        }
      } catch (error) {
        table.readable = !isDenied(error)
      }
      await yieldToEventLoop()
    }
  }

  /** Takes over what another way of looking has found. */
  replace(found: ReadonlyMap<number, Map<number, number>>): void {
    for (const [pid, table] of this.tables) {
      table.sockets = found.get(pid) ?? new Map()
      table.threads = []
      table.isStale = false
      table.readIn = this.#look
      table.readable ||= table.sockets.size > 0
    }
  }
}

/** A folder with so many entries is read in about a millisecond. */
const fewEntries = 1000

/** The names in a folder: at once where they are few, which costs half; else piece by piece, as a big one would hold the event loop. */
export function entries(path: string, count = Infinity): Iterable<string> {
  return count <= fewEntries ? readdirSync(path) : pieces(path)
}

function* pieces(path: string): Generator<string> {
  const dir = opendirSync(path, { bufferSize: 256 })
  try {
    for (let entry = dir.readSync(); entry !== null; entry = dir.readSync()) yield entry.name
  } finally {
    dir.closeSync()
  }
}

/** The inode of a socket, 0 for anything else, undefined when it has been closed. Throws when we may not look. */
export function readInode(path: string): number | undefined {
  try {
    return inodeOf(readlinkSync(path))
  } catch (error) {
    // The folder of another user's process can be listed by root, and its links still be barred.
    if (isDenied(error)) throw error
    return undefined
  }
}

function isStill(path: string, inode: number): boolean {
  try {
    return readInode(path) === inode
  } catch {
    return false
  }
}

function isDenied(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'EACCES' || code === 'EPERM'
}
