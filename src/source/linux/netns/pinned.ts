// Network namespaces in which no process is: an open descriptor or a socket alone pins them. Found by what processes hold.

import { closeSync, existsSync, fstatSync } from 'node:fs'
import { OsError } from '../../../model/errors.ts'
import { codeOf } from '../../attempt.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import type * as calls from '../kernel/calls.ts'
import { linkInode, type ProcFs } from '../kernel/proc-fs.ts'
import type { FoundNamespace } from './network-namespace.ts'

/** So many links are read in one snapshot; each costs about 4 µs. */
const maxLinks = 400_000
/** So many sockets are asked in one snapshot, at about 30 µs each. */
const maxAsked = 4096

type BorrowCalls = Pick<typeof calls, 'openPid' | 'borrowFd' | 'closeFd' | 'openNamespaceOf'>

/** What the descriptors of all processes stand for. */
export interface Links {
  /** Namespaces, by inode. */
  readonly namespaces: ReadonlyMap<number, FoundNamespace>
  /** Pid, descriptor and inode in turn; of a socket that several hold, the first. */
  readonly sockets: readonly number[]
  /** Processes that there was no time for. */
  readonly skipped: number
}

/** Reads the descriptors of all processes that may be read. */
export async function readLinks(proc: ProcFs): Promise<Links> {
  const namespaces = new Map<number, FoundNamespace>()
  const sockets: number[] = []
  const seen = new Set<number>()
  let count = 0
  let skipped = 0
  for (const pid of proc.pids()) {
    if (count > maxLinks) {
      skipped++
      continue
    }
    try {
      for (const fd of proc.entries(`${pid}/fd`)) {
        count++
        const name = `${pid}/fd/${fd}`
        const [, kind, digits] = /^(net|socket):\[(\d+)\]$/.exec(proc.link(name) ?? '') ?? []
        const inode = Number(digits)
        if (kind === 'net' && !namespaces.has(inode)) namespaces.set(inode, { inode, name, file: proc.path(name), pid: undefined })
        if (kind === 'socket' && !seen.has(inode)) {
          seen.add(inode)
          sockets.push(pid, Number(fd), inode)
        }
        await yieldToEventLoop()
      }
    } catch (error) {
      // It has ended, or may not be read: then its own namespace is not known either, which is a gap.
      const code = codeOf(error)
      if (code === undefined) throw error
      if (code === 'EMFILE' || code === 'ENFILE') throw new OsError(`read(${proc.path(`${pid}/fd`)})`, code, { cause: error })
    }
  }
  return { namespaces, sockets, skipped }
}

/** What asking sockets for their namespaces gave. */
export interface Asked {
  /** Descriptors of namespaces that were not known before, by their inode. They are open. */
  readonly opened: ReadonlyMap<number, number>
  /** Sockets that there was no time for. */
  readonly skipped: number
}

/**
 * In which namespaces sockets are. A socket never changes its namespace, and the kernel counts inodes on: what was asked once stays true, so a source keeps this
 * from snapshot to snapshot.
 */
export class SocketNamespaces {
  readonly #maxSize = 65_536
  readonly #byInode = new Map<number, number>()

  /** Asks the sockets that were seen in no namespace in which one they are. */
  async ask(
    call: BorrowCalls,
    { sockets }: Links,
    isSeen: (inode: number) => boolean,
    isListed: (namespace: number) => boolean,
  ): Promise<Asked> {
    const opened = new Map<number, number>()
    if (this.#byInode.size > this.#maxSize) this.#byInode.clear()
    let asked = 0
    let skipped = 0
    try {
      for (let i = 0; i < sockets.length; i += 3) {
        const inode = sockets[i + 2]!
        const before = this.#byInode.get(inode)
        if (isSeen(inode % 2 ** 32) || (before !== undefined && (isListed(before) || opened.has(before)))) continue
        if (asked >= maxAsked) {
          skipped++
          continue
        }
        asked++
        const fd = namespaceOf(call, sockets[i]!, sockets[i + 1]!, inode)
        if (fd !== undefined) {
          const { ino } = fstatSync(fd)
          this.#byInode.set(inode, ino)
          if (isListed(ino) || opened.has(ino)) closeSync(fd)
          else opened.set(ino, fd)
        }
        await yieldToEventLoop()
      }
    } catch (error) {
      for (const fd of opened.values()) closeSync(fd)
      throw error
    }
    return { opened, skipped }
  }
}

/** Opens the namespace of a socket that a process holds; undefined when that is not allowed, or the descriptor is another thing by now. */
export function namespaceOf(call: BorrowCalls, pid: number, fd: number, inode: number | undefined): number | undefined {
  const held: number[] = []
  const hold = (one: number): number => {
    held.push(one)
    return one
  }
  try {
    const borrowed = hold(call.borrowFd(hold(call.openPid(pid)), fd))
    if (inode !== undefined && fstatSync(borrowed).ino % 2 ** 32 !== inode % 2 ** 32) return undefined
    return call.openNamespaceOf(borrowed)
  } catch (error) {
    if (error instanceof OsError) return undefined
    throw error
  } finally {
    for (const one of held) call.closeFd(one)
  }
}

/** A namespace by the name that `readLinks` gives it, such as `1234/fd/5`. */
export function pinnedByName(name: string, proc: ProcFs): FoundNamespace | undefined {
  const file = proc.path(name)
  const isDescriptor = /^\d{1,10}\/fd\/\d{1,10}$/.test(name) && existsSync(file)
  const inode = isDescriptor ? linkInode(proc.link(name), 'net') : undefined
  return inode === undefined ? undefined : { inode, name, file, pid: undefined }
}
