// Which machine this is, and which of its runs.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { HostIdentity } from '../../../model/host.ts'
import type { ProcFs } from '../kernel/proc-fs.ts'

/** Reads the identity. The machine id is confidential (machine-id(5)), so only a hash of it is used. */
export function readIdentity(proc: ProcFs, machineIdFile = '/etc/machine-id'): HostIdentity {
  const machineId = readMachineId(machineIdFile)
  return {
    hostId: machineId && createHash('sha256').update(`sockscope ${machineId}`).digest('hex').slice(0, 32),
    bootId: proc.text('sys/kernel/random/boot_id')?.trim() || undefined,
  }
}

/** Undefined where the file is missing, or the machine has not been given an id yet. */
function readMachineId(file: string): string | undefined {
  try {
    return /^[0-9a-f]{32}$/.exec(readFileSync(file, 'latin1').trim())?.[0]
  } catch {
    return undefined
  }
}
