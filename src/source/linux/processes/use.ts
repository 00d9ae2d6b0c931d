// What processes use of the machine, from /proc.

import type { ProcessUse } from '../../../model/process.ts'
import { restOfLine } from '../../../bytes/text.ts'
import { ProcFs } from '../kernel/proc-fs.ts'
import { processKey, readStat } from './proc-stat.ts'

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

function useOf(text: string, status: string): ProcessUse | undefined {
  const stat = readStat(text)
  if (stat === undefined) return undefined
  const bytes = (name: string): number | undefined => {
    const match = /^\s*(\d+) kB$/.exec(restOfLine(status, `${name}:`) ?? '')
    return match ? Number(match[1]) * 1024 : undefined // A kernel thread has no memory of its own.
  }
  const { state, processorMs } = stat
  return { key: processKey(stat), state, processorMs, residentBytes: bytes('VmRSS'), virtualBytes: bytes('VmSize') }
}
