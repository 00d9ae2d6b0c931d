// The capabilities of this process.

import { restOfLine } from '../../../bytes/text.ts'
import type { ProcFs } from './proc-fs.ts'

/** Capabilities by their numbers in include/uapi/linux/capability.h. */
const numbers = {
  CAP_DAC_OVERRIDE: 1,
  CAP_DAC_READ_SEARCH: 2,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
} as const

/** The name of a capability. */
export type Capability = keyof typeof numbers

/** The capabilities that this process has now; undefined where /proc does not list them. */
export function ownCapabilities(proc: ProcFs): ReadonlySet<Capability> | undefined {
  const digits = restOfLine(proc.text('self/status') ?? '', 'CapEff:')?.trim()
  if (digits === undefined || !/^[0-9a-f]+$/.test(digits)) return undefined
  const mask = BigInt(`0x${digits}`)
  return new Set((Object.keys(numbers) as Capability[]).filter(name => ((mask >> BigInt(numbers[name])) & 1n) === 1n))
}
