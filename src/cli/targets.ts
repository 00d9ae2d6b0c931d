// Which processes may be ended: never this program, its parents, or the first process.

import type { Process } from '../model/process.ts'
import { parents } from '../render/process-text.ts'
import type { Source } from '../source/source.ts'

/** A process that would be ended, and why it may not be. */
export interface Target {
  readonly process: Process
  readonly why: { readonly text: string; readonly permission: boolean } | undefined
}

/** Says of each process whether it may be ended. */
export async function markTargets(processes: readonly Process[], source: Source): Promise<Target[]> {
  const own = await ownChain(source)
  const uid = process.geteuid?.()
  return processes.map(target => {
    const text = own.has(target.pid)
      ? target.pid === process.pid
        ? 'it is this program'
        : 'this program runs inside of it'
      : target.pid === 1
        ? 'it is the first process of the system'
        : source.actions?.signal === undefined
          ? 'this source cannot signal processes'
          : undefined
    if (text !== undefined) return { process: target, why: { text, permission: false } }
    const foreign = uid !== undefined && uid !== 0 && target.uid !== undefined && target.uid !== uid
    return {
      process: target,
      why: foreign ? { text: `it belongs to user ${target.user ?? target.uid}; run as that user or as root`, permission: true } : undefined,
    }
  })
}

/** This process and all above it. */
async function ownChain(source: Source): Promise<Set<number>> {
  const chain = new Set([process.pid])
  for (let at: number | undefined = process.ppid; at !== undefined && at > 0 && !chain.has(at); at = (await source.process(at))?.parentPid)
    chain.add(at)
  return chain
}

/** The processes and everything that they started, children before their parents. */
export async function treeOf(source: Source, roots: readonly Process[]): Promise<readonly Process[]> {
  const all = new Map(((await source.processes?.()) ?? []).map(p => [p.pid, p]))
  const pids = new Set(roots.map(p => p.pid))
  const below = [...all.values()].filter(p => !pids.has(p.pid) && parents(p.pid, all).some(above => pids.has(above.pid)))
  const depth = (p: Process): number => parents(p.pid, all).length
  return [...below.sort((a, b) => depth(b) - depth(a)), ...roots]
}
