// Opens machines: this one, this one while it is recorded, or a recording; and the machine that the functions of the library share.

import { checkKeys } from '../model/arguments.ts'
import { ArgumentError } from '../model/errors.ts'
import { PortSearch } from '../ports/ports.ts'
import { checkFile, openLocal, openRecorder, openRecording } from '../source/open.ts'
import type { Source } from '../source/source.ts'
import { Machine } from './machine.ts'
import { checkSwitch } from './options.ts'

/** Which machine to open. Default: this one. */
export interface MachineOptions {
  /** The file of a recording, which is played in place of the machine that it was made on. */
  readonly recording?: string | undefined
  /** A new file, to which everything that is read from this machine is written. */
  readonly record?: string | undefined
  /** Keep command lines in the new recording; they can hold secrets. Default: false. */
  readonly keepsArguments?: boolean | undefined
}

/** Opens a machine. It stays open until `close()`, or the end of an `await using`. */
export function openMachine(options: MachineOptions = {}): Promise<Machine> {
  checkKeys('options', options, ['recording', 'record', 'keepsArguments'] satisfies (keyof MachineOptions)[])
  const { recording, record, keepsArguments } = options
  if (recording !== undefined && record !== undefined) throw new ArgumentError('options: recording and record exclude each other')
  if (recording !== undefined) checkFile('recording', recording)
  if (record !== undefined) checkFile('record', record)
  checkSwitch('keepsArguments', keepsArguments)
  if (recording !== undefined) return machineOf(openRecording(recording))
  return machineOf(record === undefined ? openLocal() : openRecorder(record, { keepsArguments }))
}

const machineOf = async (source: Promise<Source>): Promise<Machine> => new Machine(await source)

/** How long the shared machine stays open after its last use: the next call is then faster. */
const defaultIdleMs = 5000

/** A machine that several callers share: opened when it is first needed, closed when it has been idle for a while. */
export class SharedMachine {
  readonly #open: () => Promise<Machine>
  readonly #idleMs: number
  /** The search for free ports needs no open machine. */
  readonly portSearch = new PortSearch()
  #opened: Promise<Machine> | undefined
  #users = 0
  #idle: ReturnType<typeof setTimeout> | undefined

  constructor(open: () => Promise<Machine>, idleMs: number = defaultIdleMs) {
    this.#open = open
    this.#idleMs = idleMs
  }

  /** Keeps the machine open until a promise settles. */
  async use<T>(work: (machine: Machine) => Promise<T>): Promise<T> {
    const machine = await this.#acquire()
    try {
      return await work(machine)
    } finally {
      this.#release()
    }
  }

  /** Passes the source of the machine to a request that has been checked. */
  answer<T>(request: (source: Source) => Promise<T>): Promise<T> {
    return this.use(({ source }) => request(source))
  }

  /** Keeps the machine open until an iteration ends. */
  async *iterate<T>(work: (machine: Machine) => AsyncGenerator<T, void, undefined>): AsyncGenerator<T, void, undefined> {
    const machine = await this.#acquire()
    try {
      yield* work(machine)
    } finally {
      this.#release()
    }
  }

  /** Closes it now; the next use opens it again. */
  async close(): Promise<void> {
    clearTimeout(this.#idle)
    const opened = this.#opened
    this.#opened = undefined
    await (await opened)?.close()
  }

  async #acquire(): Promise<Machine> {
    clearTimeout(this.#idle)
    this.#users++
    const opened = (this.#opened ??= this.#open())
    try {
      return await opened
    } catch (error) {
      // The next caller tries again; a caller that failed late leaves what another has opened meanwhile.
      if (this.#opened === opened) this.#opened = undefined
      this.#release()
      throw error
    }
  }

  #release(): void {
    this.#users--
    if (this.#users > 0 || this.#opened === undefined) return
    this.#idle = setTimeout(() => void this.close(), this.#idleMs)
    this.#idle.unref()
  }
}

/** This machine, for the functions that need none. */
export const thisMachine = new SharedMachine(() => openMachine())
