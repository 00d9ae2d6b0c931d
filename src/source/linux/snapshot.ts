// One snapshot: what is asked of the kernel, and how the answers are joined.

import type { Gap } from '../../model/gap.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { Process } from '../../model/process.ts'
import { families, protocols } from '../../model/socket.ts'
import { checkPlan, planQuery, type Plan } from '../../filter/plan.ts'
import { filterYielding } from '../yielding.ts'
import type { Tape } from '../tape.ts'
import { dumper } from './sockdiag/dumper.ts'
import type { Draft } from './decode/draft.ts'
import { markGap } from './sockdiag/marks.ts'
import { cgroups, interfaceNamer } from './host/naming.ts'
import type { OwnerFinder } from './owners/owners.ts'
import { ownPlace, type Calls, type Place } from './netns/network-namespace.ts'
import { openPlaces } from './netns/enter.ts'
import type { ProcessReader } from './processes/processes.ts'
import type { Requested } from './sockdiag/requests.ts'
import { listTables, type Lister } from './sockdiag/tables.ts'

export type { Calls } from './netns/network-namespace.ts'

/** Makes the function that looks once. */
export function snapshotTaker(
  tape: Tape,
  calls: Calls,
  owners: OwnerFinder,
  processReader: ProcessReader,
): (plan?: Plan, complete?: (sockets: readonly Draft[]) => void) => Promise<Snapshot> {
  const groups = cgroups(tape)
  const ask = dumper(tape, calls)
  const nameInterfaces = interfaceNamer(tape, calls)

  async function inPlace(lister: Lister, place: Place, query: Plan, gaps: Gap[]): Promise<Draft[]> {
    const found = await listTables(lister, place, tape.recordsEverything ? everything : query, (protocol, gap) => {
      // What this kernel lacks it lacks in each namespace, and that is said once.
      const isSaid = gap.count === undefined && gaps.some(said => said.text === gap.text)
      if (query.protocols.includes(protocol) && !isSaid) gaps.push(gap)
    })
    await nameInterfaces(place, found)
    return found
  }

  return async (query = planQuery(), complete) => {
    checkPlan(query)
    tape.beginSnapshot()
    const atMs = await tape.value('clock', Date.now)
    const gaps: Gap[] = []
    const own = ownPlace(calls)
    let ahead: ReturnType<typeof owners.begin> | undefined
    // While the kernel walks a long table, the owners are looked for. A tape keeps one question after the other.
    const onLong = (): void => {
      if (!query.owners || tape.recordsEverything || ahead) return
      ahead = owners.begin()
      ahead.catch(() => undefined) // It is heard of when the owners are joined, or nobody wants it any more.
    }
    const lister: Lister = { tape, ask: async (place, question) => ask(place, question, onLong), cgroupOf: groups.of }
    // The usual case needs nothing that knows of namespaces.
    const opened =
      query.namespaces === 'own'
        ? { places: [own], more: async () => [], close() {} }
        : await openPlaces(tape, calls, query.namespaces, own, gaps)
    const all: Draft[] = []
    try {
      // One by one: a spread of 50,000 arguments is too long for the stack.
      for (const place of opened.places) for (const socket of await inPlace(lister, place, query, gaps)) all.push(socket)
      for (const place of await opened.more(all)) for (const socket of await inPlace(lister, place, query, gaps)) all.push(socket)
    } finally {
      opened.close()
    }
    await groups.resolve()
    const unmarked = markGap(query.filter, all)
    if (unmarked) gaps.push(unmarked)
    // A tape is written with the owners of all sockets, whatever is asked for now.
    const isAll = tape.recordsEverything ? !tape.played : query.matchesEverything
    complete?.(all)
    const found = isAll ? all : await filterYielding(all, query.prefilter)
    let processes: ReadonlyMap<number, Process> = new Map()
    if (query.owners || (tape.recordsEverything && !tape.played)) {
      await owners.find(found, gaps, ahead)
      processes = await processReader.ofSockets(found)
    }
    const sockets = query.matchesEverything && !tape.recordsEverything ? found : await filterYielding(found, s => query.test(s, processes))
    const records = tape.recordsEverything && !tape.played
    if (records || query.details.some(name => name === 'context' || name === 'socketContext')) {
      const { addContexts, contextReader } = await import('./processes/contexts.ts')
      processes = await addContexts(tape, contextReader(calls), records ? found : sockets, processes, query.details, gaps)
    }
    return { atMs, source: tape.played ? 'replay linux' : 'linux', sockets, processes, gaps }
  }
}

/** What a tape holds, so that every command can run on it. */
const everything: Requested = {
  protocols,
  families,
  states: undefined,
  details: ['tcp', 'memory', 'options', 'cgroup'],
  filter: undefined,
}
