// Opens machines: this one, one that is recorded along, or a recording. And the machine that the functions of the library share.

import { checkKeys, checkKind } from '../model/arguments.ts'
import { openLocal, openRecorder, openRecording } from '../source/open.ts'
import { Machine } from './machine.ts'

/** Which machine to open. Default: this one. */
export interface MachineOptions {
  /** The file of a recording, which is played as the machine that it was made on. */
  readonly recording?: string | undefined
  /** A new file that everything that is seen of this machine is written to. */
  readonly record?: string | undefined
  /** Keep command lines in the new recording; they can hold secrets. Default: false. */
  readonly keepsArguments?: boolean | undefined
}

/** Opens a machine. It stays open until `close()`, or the end of an `await using`. */
export async function openMachine(options: MachineOptions = {}): Promise<Machine> {
  checkKeys('options', options, ['recording', 'record', 'keepsArguments'] satisfies (keyof MachineOptions)[])
  const { recording, record, keepsArguments } = options
  if (recording !== undefined && record !== undefined) throw new TypeError('options: recording and record exclude each other')
  if (keepsArguments !== undefined) checkKind('keepsArguments', keepsArguments, 'boolean')
  if (recording !== undefined) return new Machine(await openRecording(recording))
  return new Machine(await (record === undefined ? openLocal() : openRecorder(record, { keepsArguments: keepsArguments ?? false })))
}

/** So long after the last use the shared machine stays open: the next call is then quicker. */
const idleMs = 5000

/** A machine that several callers share: opened when it is first needed, closed when nobody has used it for a while. */
export class SharedMachine {
  readonly #open: () => Promise<Machine>
  #opened: Promise<Machine> | undefined
  #users = 0
  #idle: ReturnType<typeof setTimeout> | undefined

  constructor(open: () => Promise<Machine>) {
    this.#open = open
  }

  /** Lends the machine for as long as a promise takes. */
  async use<T>(work: (machine: Machine) => Promise<T>): Promise<T> {
    const machine = await this.#take()
    try {
      return await work(machine)
    } finally {
      this.#giveBack()
    }
  }

  /** Lends the machine for as long as something is iterated. */
  async *iterate<T>(work: (machine: Machine) => AsyncGenerator<T, void, undefined>): AsyncGenerator<T, void, undefined> {
    const machine = await this.#take()
    try {
      yield* work(machine)
    } finally {
      this.#giveBack()
    }
  }

  /** Closes it now; the next use opens it again. */
  async close(): Promise<void> {
    clearTimeout(this.#idle)
    const opened = this.#opened
    this.#opened = undefined
    await (await opened)?.close()
  }

  async #take(): Promise<Machine> {
    clearTimeout(this.#idle)
    this.#users++
    this.#opened ??= this.#open()
    try {
      return await this.#opened
    } catch (error) {
      // What failed is tried again by the next caller.
      this.#opened = undefined
      this.#users--
      throw error
    }
  }

  #giveBack(): void {
    this.#users--
    if (this.#users > 0) return
    this.#idle = setTimeout(() => void this.close(), idleMs)
    this.#idle.unref()
  }
}

/** This machine, for the functions that need none. */
export const thisMachine = new SharedMachine(() => openMachine())
