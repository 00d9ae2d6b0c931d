// The sweep of all owners by BPF, from never tried to running or refused. A refusal is kept with its reason, and is never an error.

import { codeOf } from '../../attempt.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import type * as bpf from '../bpf/owners.ts'

/** The part that calls the kernel. */
interface SweepModule extends Pick<typeof bpf, 'isPrepared' | 'readRecords'> {
  openSweep(): OpenSweep
}
type OpenSweep = Pick<bpf.Sweep, 'run' | 'close'>

/** Loads the part that calls the kernel; tests give one that fails. */
export type LoadSweeps = () => Promise<SweepModule>

/** Descriptor to inode of all sockets, by process. */
export type Swept = ReadonlyMap<number, Map<number, number>>

/** Measured by bench/owners.ts. */
const cost = { perDescriptor: 1 / 10, open: 300, load: 4000, readTypes: 8000 } as const

/** BPF, from never tried to running or refused. */
export class Sweeper {
  readonly #load: LoadSweeps | undefined
  #module: SweepModule | undefined
  #sweep: OpenSweep | undefined
  #isPrepared: boolean | undefined
  #refusal: string | undefined
  #isClosed = false

  /** Without `load` there are no sweeps. */
  constructor(load: LoadSweeps | undefined) {
    this.#load = load
    this.#refusal = load === undefined ? 'it was not asked for' : undefined
  }

  /** Why it does not work; undefined while it was not refused. */
  get refusal(): string | undefined {
    return this.#refusal
  }

  /** Tries to open it; undefined: it does not work here. */
  async open(): Promise<OpenSweep | undefined> {
    if (this.#refusal !== undefined || this.#load === undefined) return undefined
    try {
      this.#module ??= await this.#load()
      return this.#isClosed ? undefined : (this.#sweep ??= this.#module.openSweep())
    } catch (error) {
      this.#refuse(error)
      return undefined
    }
  }

  /** A lack of descriptors or memory can end: the next search tries again. */
  #refuse(error: unknown): void {
    if (/^(EMFILE|ENFILE|ENOMEM)$/.test(codeOf(error) ?? '')) return
    this.#refusal = error instanceof Error ? error.message : String(error)
    this.#sweep?.close()
    this.#sweep = undefined
  }

  /** Whether one sweep over this many descriptors costs less than so many readings of one descriptor. */
  async isCheaper(descriptors: number, readings: number): Promise<boolean> {
    if (this.#refusal !== undefined || this.#load === undefined) return false
    const left = readings - descriptors * cost.perDescriptor
    if (this.#sweep) return left > 0
    // Loading the code to find out more costs as much as many readings.
    if (left <= cost.open + (this.#module ? 0 : cost.load)) return false
    try {
      this.#module ??= await this.#load()
      this.#isPrepared ??= this.#module.isPrepared()
      return left > cost.open + (this.#isPrepared ? 0 : cost.readTypes)
    } catch (error) {
      this.#refuse(error)
      return false
    }
  }

  /** All sockets, or those with these inodes. Undefined: it does not work here. */
  async run(only?: readonly number[]): Promise<Swept | undefined> {
    const sweep = await this.open()
    if (sweep === undefined || this.#module === undefined) return undefined
    const { readRecords } = this.#module
    const found = new Map<number, Map<number, number>>()
    try {
      for await (const bytes of sweep.run(only)) {
        readRecords(bytes, (inode, pid, fd) => {
          const sockets = found.get(pid)
          if (sockets) sockets.set(fd, inode)
          else found.set(pid, new Map([[fd, inode]]))
        })
        await yieldToEventLoop()
      }
      return found
    } catch (error) {
      if (error instanceof TypeError) throw error
      this.#refuse(error)
      return undefined
    }
  }

  /** Closes what it has opened; it works no more. */
  close(): void {
    this.#sweep?.close()
    this.#sweep = undefined
    this.#refusal = 'the source is closed'
    this.#isClosed = true
  }
}
