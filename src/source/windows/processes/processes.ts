// The processes that a snapshot needs: the owners of its sockets and their parents, with users and services.

import { DecodeError, OsError } from '../../../model/errors.ts'
import { ProcessTable, type Process } from '../../../model/process.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import type { Calls } from '../kernel/api.ts'
import { fileTimeMs } from '../kernel/structs.ts'
import { splitCommandLine } from '../kernel/text.ts'
import { AccountNames } from './accounts.ts'
import { keyOf, listProcesses, readFacts, type Facts } from './facts.ts'
import { readServices } from './services.ts'

/** What Windows reported of the processes, as plain data. A recording has it in this form. */
export interface ProcessAnswer {
  readonly facts: readonly Facts[]
  /** Users: SID and name. */
  readonly users: readonly (readonly [string, string])[]
  /** Services: pid and names. */
  readonly services: readonly (readonly [number, readonly string[]])[]
  /** Why the services are not known: as a sentence, and as the code of the error, which older recordings do not have. */
  readonly servicesError?: string | undefined
  readonly servicesCode?: string | undefined
}

/** Reads processes and their parents. It keeps what it read, because only new processes need to be opened again. */
export class ProcessReader {
  readonly #calls: Calls
  readonly #accounts: AccountNames
  #known: ReadonlyMap<number, Facts> = new Map()
  #services: ReadonlyMap<number, readonly string[]> = new Map()
  #servicesError: OsError | DecodeError | undefined

  constructor(calls: Calls) {
    this.#calls = calls
    this.#accounts = new AccountNames(calls)
  }

  /** Reads these processes, or all, and their parents. */
  async read(pids: Iterable<number> | 'all'): Promise<ProcessAnswer> {
    const list = listProcesses(this.#calls)
    const found = new Map<number, Facts>()
    let isNew = false
    for (const pid of pids === 'all' ? list.keys() : pids) {
      for (let entry = list.get(pid); entry !== undefined && !found.has(entry.pid); entry = list.get(entry.parentPid)) {
        const known = this.#known.get(entry.pid)
        const facts = readFacts(this.#calls, entry, known)
        if (facts !== known) isNew = true
        found.set(entry.pid, facts)
        await yieldToEventLoop()
      }
    }
    this.#known = found
    if (isNew) this.#readServices()
    const error = this.#servicesError
    const facts = [...found.values()]
    return {
      facts,
      users: [...(await this.#accounts.find(facts.flatMap(f => f.sid ?? [])))],
      services: [...this.#services].filter(([pid]) => found.has(pid)),
      servicesError: error?.message,
      servicesCode: error instanceof OsError ? error.code : undefined,
    }
  }

  #readServices(): void {
    try {
      this.#services = readServices(this.#calls)
      this.#servicesError = undefined
    } catch (error) {
      if (!(error instanceof OsError || error instanceof DecodeError)) throw error
      this.#servicesError = error
    }
  }
}

/** The processes of an answer. */
export function makeProcesses(answer: ProcessAnswer): ProcessTable {
  const facts = new Map(answer.facts.map(f => [f.pid, f]))
  const users = new Map(answer.users)
  const services = new Map(answer.services)
  const processes = new ProcessTable()
  for (const f of answer.facts) {
    const user = f.sid === undefined ? undefined : users.get(f.sid)
    processes.set(f.pid, makeProcess(f, facts.get(f.parentPid), user, services.get(f.pid)))
  }
  return processes
}

/** Puts a process together. `parent` is the process that has the parent's pid now. */
function makeProcess(facts: Facts, parent: Facts | undefined, user: string | undefined, services: readonly string[] | undefined): Process {
  // Pids are reused: a "parent" that started later is another process.
  const reused = parent?.started !== undefined && facts.started !== undefined && BigInt(parent.started) > BigInt(facts.started)
  const hasParent = facts.parentPid !== 0 && facts.parentPid !== facts.pid && !reused
  return {
    key: keyOf(facts.pid, facts.started),
    pid: facts.pid,
    name: facts.name,
    parentPid: hasParent ? facts.parentPid : undefined,
    uid: undefined,
    user: user ?? facts.sid,
    startedAtMs: facts.started === undefined ? undefined : fileTimeMs(BigInt(facts.started)),
    exe: facts.exe === '' ? undefined : facts.exe,
    command: facts.command === undefined ? undefined : splitCommandLine(facts.command),
    script: undefined,
    container: undefined,
    unit: services === undefined || services.length === 0 ? undefined : services.join(', '),
  }
}
