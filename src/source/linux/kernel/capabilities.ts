// The capabilities of this process.

import type { ProcFs } from './proc-fs.ts'

/** Capabilities by their numbers in include/uapi/linux/capability.h. */
const numbers = {
  CAP_DAC_OVERRIDE: 1,
  CAP_DAC_READ_SEARCH: 2,
  CAP_KILL: 5,
  CAP_NET_ADMIN: 12,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
} as const

/** The name of a capability. */
export type Capability = keyof typeof numbers

/** The capabilities that a process has now. */
export class Capabilities {
  readonly #mask: bigint

  /** Reads those of this process; undefined where /proc does not list them. */
  static ofThisProcess(proc: ProcFs): Capabilities | undefined {
    const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(proc.text('self/status') ?? '')?.[1]
    return mask === undefined ? undefined : new Capabilities(BigInt(`0x${mask}`))
  }

  private constructor(mask: bigint) {
    this.#mask = mask
  }

  /** Whether it has this one. */
  has(capability: Capability): boolean {
    return ((this.#mask >> BigInt(numbers[capability])) & 1n) === 1n
  }
}
