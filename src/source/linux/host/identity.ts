// Which machine this is, and which of its runs.

import { createHash } from 'node:crypto'
import type { HostIdentity } from '../../../model/host.ts'
import { readText } from '../kernel/files.ts'
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
const readMachineId = (file: string): string | undefined => /^[0-9a-f]{32}$/.exec(readText(file)?.trim() ?? '')?.[0]
