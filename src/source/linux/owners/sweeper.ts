// The sweep of all owners by BPF, from never tried to running or refused. A refusal is kept with its reason, and is never an error.

import { yieldToEventLoop } from '../../yielding.ts'
import type * as bpf from '../bpf/owners.ts'

/** Loads the part that talks to the kernel; tests give one that fails. */
export type LoadSweeps = () => Promise<Pick<typeof bpf, 'isPrepared' | 'openSweep' | 'readRecords'>>

/** Descriptor to inode of all sockets, by process. */
export type Swept = ReadonlyMap<number, Map<number, number>>

/** Sweeps where it can. */
export interface Sweeper {
  /** Why it does not work; undefined while nothing speaks against it. */
  refusal(): string | undefined
  /** Whether one sweep over this many descriptors costs less than so many readings of one descriptor. */
  isCheaper(descriptors: number, readings: number): Promise<boolean>
  /** All sockets, or those with these inodes. Undefined: it does not work here. */
  run(only?: readonly number[]): Promise<Swept | undefined>
  /** Tries to open it; false: it does not work here. */
  open(): Promise<boolean>
  close(): void
}

/** Measured by bench/owners.ts. */
const cost = { perDescriptor: 1 / 10, open: 300, load: 4000, readTypes: 8000 } as const

/** BPF, from never tried to running or refused. */
export function sweeper(load: LoadSweeps | undefined): Sweeper {
  let module: Awaited<ReturnType<LoadSweeps>> | undefined
  let sweep: bpf.Sweep | undefined
  let isPrepared: boolean | undefined
  let refusal: string | undefined = load === undefined ? 'it was not asked for' : undefined
  let isClosed = false

  async function open(): Promise<bpf.Sweep | undefined> {
    if (refusal !== undefined || load === undefined) return undefined
    try {
      module ??= await load()
      return isClosed ? undefined : (sweep ??= module.openSweep())
    } catch (error) {
      refuse(error)
      return undefined
    }
  }

  function refuse(error: unknown): void {
    refusal = error instanceof Error ? error.message : String(error)
    sweep?.close()
    sweep = undefined
  }

  return {
    open: async () => (await open()) !== undefined,
    refusal: () => refusal,
    async isCheaper(descriptors, readings) {
      if (refusal !== undefined || load === undefined) return false
      const left = readings - descriptors * cost.perDescriptor
      if (sweep) return left > 0
      // Loading the code to know more costs as much as many readings.
      if (left <= cost.open + (module ? 0 : cost.load)) return false
      try {
        module ??= await load()
        isPrepared ??= module.isPrepared()
        return left > cost.open + (isPrepared ? 0 : cost.readTypes)
      } catch (error) {
        refuse(error)
        return false
      }
    },
    async run(only) {
      const opened = await open()
      if (opened === undefined || module === undefined) return undefined
      const found = new Map<number, Map<number, number>>()
      try {
        for await (const bytes of opened.run(only)) {
          module.readRecords(bytes, (inode, pid, fd) => {
            const sockets = found.get(pid)
            if (sockets) sockets.set(fd, inode)
            else found.set(pid, new Map([[fd, inode]]))
          })
          await yieldToEventLoop()
        }
        return found
      } catch (error) {
        if (error instanceof TypeError) throw error
        refuse(error)
        return undefined
      }
    },
    close() {
      sweep?.close()
      sweep = undefined
      refusal = 'the source is closed'
      isClosed = true
    },
  }
}
