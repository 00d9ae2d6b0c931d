// What processes use of the machine, from /proc.

import type { ProcessUse } from '../../../model/process.ts'
import { msPerTick, ProcFs } from '../kernel/proc-fs.ts'
import { startKey } from './proc-stat.ts'

/** Reads what these processes use. One that has ended, or may not be read, is not in the answer. */
export function readUse(pids: readonly number[], proc = new ProcFs()): ReadonlyMap<number, ProcessUse> {
  const found = new Map<number, ProcessUse>()
  for (const pid of pids) {
    const [stat, status] = [proc.text(`${pid}/stat`), proc.text(`${pid}/status`)]
    const use = stat === undefined || status === undefined ? undefined : useOf(stat, status)
    if (use !== undefined) found.set(pid, use)
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
