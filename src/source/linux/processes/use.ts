// What processes use of the machine, from /proc. `root` is /proc, or a folder that looks like it in tests.

import { readFileSync } from 'node:fs'
import type { ProcessUse } from '../../../model/process.ts'
import { startKey } from './proc-stat.ts'

const msPerTick = 10 // USER_HZ is 100 on every architecture that Node runs on.

/** Reads what these processes use. One that has ended, or that we may not look at, is not in the answer. */
export function readUse(pids: readonly number[], root = '/proc'): ReadonlyMap<number, ProcessUse> {
  const found = new Map<number, ProcessUse>()
  for (const pid of pids) {
    try {
      const use = useOf(readFileSync(`${root}/${pid}/stat`, 'utf8'), readFileSync(`${root}/${pid}/status`, 'utf8'))
      if (use !== undefined) found.set(pid, use)
    } catch {
      continue // It has ended.
    }
  }
  return found
}

function useOf(stat: string, status: string): ProcessUse | undefined {
  const key = startKey(stat)
  if (key === undefined) return undefined
  const rest = stat.slice(stat.lastIndexOf(')') + 2).split(' ') // From field 3 on; the name may hold brackets itself.
  const ticks = Number(rest[11]) + Number(rest[12]) // In user mode and in the kernel.
  const bytes = (name: string): number | undefined => {
    const match = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)
    return match ? Number(match[1]) * 1024 : undefined // A kernel thread has no memory of its own.
  }
  return {
    key,
    state: rest[0],
    processorMs: Number.isFinite(ticks) ? ticks * msPerTick : undefined,
    residentBytes: bytes('VmRSS'),
    virtualBytes: bytes('VmSize'),
  }
}
