// /proc, or a folder that looks like it in tests and recordings. The callers decode the files.

import { opendirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Ticks are those of USER_HZ, which is 100 on every architecture that Node runs on. */
export const msPerTick = 10

/** A folder with so many entries is read in about a millisecond. */
const fewEntries = 1000

/** The kernel's files about processes and itself. */
export class ProcFs {
  readonly root: string

  /** Reads below this folder. */
  constructor(root = '/proc') {
    this.root = root
  }

  /** The processes that can be seen. Throws where there is no /proc. */
  pids(): number[] {
    return readdirSync(this.root)
      .filter(name => /^\d{1,10}$/.test(name))
      .map(Number)
  }

  /** A path below the root. */
  path(name: string): string {
    return `${this.root}/${name}`
  }

  /** The text of a file; undefined when it is gone or may not be read. */
  text(name: string): string | undefined {
    try {
      return readFileSync(`${this.root}/${name}`, 'utf8')
    } catch {
      return undefined
    }
  }

  /** The target of a link; undefined when it is gone or may not be read. */
  link(name: string): string | undefined {
    try {
      return readlinkSync(`${this.root}/${name}`)
    } catch {
      return undefined
    }
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

/** True for errors of node and of ours that mean: not allowed. */
export function isRefusal(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown }
  return code === 'EACCES' || code === 'EPERM'
}
