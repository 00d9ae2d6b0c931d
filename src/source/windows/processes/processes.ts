// The processes that a snapshot needs: the owners of its sockets, and their parents, with users and services.

import { DecodeError, OsError } from '../../../model/errors.ts'
import type { Process } from '../../../model/process.ts'
import { yielding } from '../../yielding.ts'
import { accountFinder } from './accounts.ts'
import { listProcesses, makeProcess, readFacts, readServices, type Calls, type Facts } from './facts.ts'

/** What Windows said of the processes, as plain data. */
export interface ProcessAnswer {
  readonly facts: readonly Facts[]
  /** Users: SID and name. */
  readonly users: readonly (readonly [string, string])[]
  /** Services: pid and names. */
  readonly services: readonly (readonly [number, readonly string[]])[]
  /** Why the services are not known. */
  readonly servicesError?: string | undefined
}

/** Reads processes and their parents. */
export type ProcessReader = (pids: Iterable<number> | 'all') => Promise<ProcessAnswer>

/** Makes the reader that a source keeps from snapshot to snapshot. */
export function processReader(calls: Calls): ProcessReader {
  const findAccounts = accountFinder(calls)
  let known = new Map<number, Facts>()
  let services = new Map<number, string[]>()
  let servicesError: string | undefined

  return async pids => {
    const yieldToEventLoop = yielding()
    const list = listProcesses(calls)
    const found = new Map<number, Facts>()
    let isNew = false
    for (const pid of pids === 'all' ? list.keys() : pids) {
      for (let entry = list.get(pid); entry !== undefined && !found.has(entry.pid); entry = list.get(entry.parentPid)) {
        const facts = readFacts(calls, entry, known.get(entry.pid))
        if (facts !== known.get(entry.pid)) isNew = true
        found.set(entry.pid, facts)
        await yieldToEventLoop()
      }
    }
    known = found
    if (isNew) {
      try {
        services = readServices(calls)
        servicesError = undefined
      } catch (error) {
        if (!(error instanceof OsError || error instanceof DecodeError)) throw error
        servicesError = error.message
      }
    }
    const facts = [...found.values()]
    const users = await findAccounts(facts.flatMap(f => f.sid ?? []))
    return { facts, users: [...users], services: [...services].filter(([pid]) => found.has(pid)), servicesError }
  }
}

/** The processes of an answer, by pid. */
export function makeProcesses(answer: ProcessAnswer): Map<number, Process> {
  const facts = new Map(answer.facts.map(f => [f.pid, f]))
  const users = new Map(answer.users)
  const services = new Map(answer.services)
  return new Map(
    answer.facts.map(f => [
      f.pid,
      makeProcess(f, facts.get(f.parentPid), f.sid === undefined ? undefined : users.get(f.sid), services.get(f.pid)),
    ]),
  )
}
