// Which processes hold which sockets, by reading /proc. `root` is /proc, or a folder that looks like it in tests.

import { readdirSync, readlinkSync } from 'node:fs'
import { breath } from '../breath.ts'

/** Who holds what, as plain data: inode, pid and descriptor in turn. */
export interface Holders {
  readonly triples: readonly number[]
  /** Processes whose descriptors we may not read. */
  readonly hidden: number
}

/** Walks all processes and their descriptors. A process that ends while we look is not an error. */
export async function walkOwners(root = '/proc'): Promise<Holders> {
  const breathe = breath()
  const triples: number[] = []
  let hidden = 0
  for (const name of readdirSync(root)) {
    if (!/^\d+$/.test(name)) continue
    try {
      for (const fd of readdirSync(`${root}/${name}/fd`)) addSocket(triples, `${root}/${name}/fd/${fd}`, Number(name), Number(fd))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EACCES' || code === 'EPERM') hidden++
      else if (code !== 'ENOENT' && code !== 'ESRCH' && code !== 'ENOTDIR') throw error
    }
    await breathe()
  }
  return { triples, hidden }
}

function addSocket(triples: number[], path: string, pid: number, fd: number): void {
  let target: string
  try {
    target = readlinkSync(path)
  } catch {
    return // Closed while we looked.
  }
  if (target.startsWith('socket:[')) triples.push(Number(target.slice(8, -1)), pid, fd)
}
