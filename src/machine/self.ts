// The process of this program and its parents.

import type { Process } from '../model/process.ts'
import type { Source } from '../source/source.ts'

/** This process and its parents. A recording has neither. */
export interface OwnChain {
  /** The pids up to the first process, this one first. */
  readonly pids: readonly number[]
  /** The last of them that can be seen, where its parent cannot: /proc may hide processes of other users. */
  readonly hiddenAbove: Process | undefined
}

/** Follows the parents of this process. */
export async function ownChain(source: Pick<Source, 'process' | 'replay'>): Promise<OwnChain> {
  if (source.replay) return { pids: [], hiddenAbove: undefined }
  const pids = new Set([process.pid])
  let last = await source.process(process.pid)
  for (let at: number | undefined = process.ppid; at !== undefined && at > 0 && !pids.has(at);) {
    pids.add(at)
    const found = await source.process(at)
    if (found === undefined) return { pids: [...pids], hiddenAbove: at === 1 ? undefined : last }
    last = found
    at = found.parentPid
  }
  return { pids: [...pids], hiddenAbove: undefined }
}
