// The process of this program and its parents.

import type { Source } from '../source/source.ts'

/** This process and its parents up to the first, this one first. A recording has neither. */
export async function ownChain(source: Pick<Source, 'process' | 'replay'>): Promise<readonly number[]> {
  if (source.replay) return []
  const chain = new Set([process.pid])
  for (let at: number | undefined = process.ppid; at !== undefined && at > 0 && !chain.has(at); at = (await source.process(at))?.parentPid)
    chain.add(at)
  return [...chain]
}
