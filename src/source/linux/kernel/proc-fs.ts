// /proc, or a folder that looks like it in tests and recordings. The callers decode the files.

import { lstatSync, opendirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { restOfLine } from '../../../bytes/text.ts'
import { attempt } from '../../attempt.ts'
import { asSystemCall, readText } from './files.ts'

/** Ticks are those of USER_HZ, which is 100 on every architecture that Node runs on. */
export const msPerTick = 10

/** What /proc has for the first pid namespace: include/linux/proc_ns.h */
export const firstPidNamespace = 'pid:[4026531836]'

/** A folder with so many entries is read in about a millisecond. */
const fewEntries = 1000

/** The inode in what a link of /proc leads to, such as `socket:[123]`; undefined when it leads to something else. */
export function linkInode(target: string | undefined, kind: 'socket' | 'net'): number | undefined {
  if (target === undefined || !target.startsWith(`${kind}:[`) || !target.endsWith(']')) return undefined
  const inode = Number(target.slice(kind.length + 2, -1))
  return Number.isSafeInteger(inode) ? inode : undefined
}

/** The kernel's files about processes and itself. */
export class ProcFs {
  readonly root: string

  /** Reads below this folder. */
  constructor(root = '/proc') {
    this.root = root
  }

  /**
   * Whether this /proc belongs to another pid namespace than this process: its numbers then mean other processes than the same numbers in system calls. The
   * kernel lists the pids of a process from the namespace of /proc down to its own, so in a /proc of our own there is one; before Linux 4.1 there is no list.
   */
  isForeign(): boolean {
    const self = this.link('self')
    if (self === undefined) return attempt(() => lstatSync(this.path('self')).isSymbolicLink()) ?? false // We are not in this /proc, or it is not one.
    const pids = restOfLine(this.text('self/status') ?? '', 'NSpid:\t') ?? self
    return pids !== String(process.pid)
  }

  /** The processes that can be seen. Throws where there is no /proc. */
  pids(): number[] {
    return asSystemCall(`read(${this.root})`, () => readdirSync(this.root))
      .filter(name => /^\d{1,10}$/.test(name))
      .map(Number)
  }

  /** A path below the root. */
  path(name: string): string {
    return `${this.root}/${name}`
  }

  /** The text of a file; undefined when it is gone or may not be read. */
  text(name: string): string | undefined {
    return readText(`${this.root}/${name}`)
  }

  /** The bytes of a file; undefined when it is gone or may not be read. */
  bytes(name: string): Uint8Array | undefined {
    return attempt(() => readFileSync(`${this.root}/${name}`))
  }

  /** The target of a link; undefined when it is gone or may not be read. */
  link(name: string): string | undefined {
    return attempt(() => readlinkSync(`${this.root}/${name}`))
  }

  /** The names in a folder: at once where they are few, which costs half; else one by one, as a big one would hold the event loop. Throws as node does. */
  entries(name: string, count = Infinity): Iterable<string> {
    const folder = `${this.root}/${name}`
    return count <= fewEntries ? readdirSync(folder) : oneByOne(folder)
  }

  /** Whether the kernel has this version or a later one; false where the version cannot be read. */
  isKernelAtLeast(major: number, minor: number): boolean {
    const [a, b] = (this.text('sys/kernel/osrelease') ?? '').split('.').map(Number.parseFloat)
    return a !== undefined && b !== undefined && (a > major || (a === major && b >= minor))
  }
}

function* oneByOne(folder: string): Generator<string> {
  const dir = opendirSync(folder, { bufferSize: 256 })
  try {
    for (let entry = dir.readSync(); entry !== null; entry = dir.readSync()) yield entry.name
  } finally {
    dir.closeSync()
  }
}
