// One snapshot: what is read of macOS, and how the answers are joined.

import { checkPlan, planQuery, type Plan } from '../../filter/plan.ts'
import { counted } from '../../model/counted.ts'
import { OsError } from '../../model/errors.ts'
import type { Gap } from '../../model/gap.ts'
import { ProcessTable } from '../../model/process.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { attempt } from '../attempt.ts'
import { gapOf } from '../gap.ts'
import { recordingLack, type Tape } from '../tape.ts'
import type { Requested } from './decode/requested.ts'
import type { Row } from './decode/row.ts'
import { joinPeers } from './decode/unix.ts'
import type { FlowCounter } from './events/counter.ts'
import { interfaces, zonesOf } from './host/interfaces.ts'
import { majorOf, readRelease } from './host/limits.ts'
import type { Calls } from './kernel/calls.ts'
import { runAsRoot } from './kernel/errno.ts'
import { noWalk, walkHolders, type Walk } from './owners/holders.ts'
import { setOwners, unite } from './owners/join.ts'
import { ProcessReader } from './processes/processes.ts'
import { readConnectionInfo } from './tables/connection-info.ts'
import { readTables, reportHidden } from './tables/tables.ts'

/** Takes the snapshots of a source. The counter belongs to the source, which closes it. */
export class SnapshotTaker {
  readonly processes: ProcessReader
  readonly #tape: Tape
  readonly #calls: Calls | undefined
  readonly #name: string
  readonly #counter: FlowCounter

  constructor(tape: Tape, calls: Calls | undefined, name: string, counter: FlowCounter) {
    this.#tape = tape
    this.#calls = calls
    this.#name = name
    this.#counter = counter
    this.processes = new ProcessReader(tape, calls)
  }

  async takeSnapshot(plan: Plan = planQuery()): Promise<Snapshot> {
    checkPlan(plan)
    const [tape, calls] = [this.#tape, this.#calls]
    tape.beginSnapshot()
    const atMs = await tape.value('clock', Date.now)
    const gaps: Gap[] = []
    const requested = await this.requested(plan)
    const { rows, hidden } = await readTables(tape, calls, plan, requested, gaps)
    // A gap is about what was requested: what is read only for a recording, or only to find hidden sockets, gives none.
    const countGaps = countsTcp(plan) || this.#counter.keepsClosings ? gaps : []
    const isWalked = plan.owners || hidden.length > 0 || tape.recordsEverything
    const walk = isWalked ? await this.#walk(requested, plan.owners ? gaps : []) : undefined
    if (walk !== undefined) {
      unite(rows, walk.held)
      if (plan.owners) setOwners(rows, walk)
    }
    // Behind the gate the control has flows of the same user, whether bytes are requested or not.
    if (requested.traffic || hidden.length > 0) {
      const flows = await this.#counter.count(rows, requested, hidden.length > 0, countGaps)
      if (walk !== undefined && plan.owners) setOwners(flows, walk)
      rows.push(...flows)
    }
    if (requested.tcp) await readConnectionInfo(rows, tape, calls, countGaps)
    joinPeers(rows)
    reportHidden(hidden, rows, plan, gaps)
    if (plan.namespaces !== 'own') gaps.push(noNamespaces)
    const processes = plan.owners ? await this.processes.withParents(pidsOf(rows)) : new ProcessTable()
    if (plan.owners) reportOwners(rows, plan, gaps)
    const sockets = rows.map(r => r.socket).filter(s => plan.test(s, processes))
    return { atMs, source: this.#name, sockets, processes, gaps }
  }

  /** What is read of each socket for a plan. */
  async requested(plan: Plan): Promise<Requested> {
    const everything = this.#tape.recordsEverything
    const counts = everything || countsTcp(plan)
    return {
      tcp: counts,
      traffic: counts || this.#counter.keepsClosings,
      memory: everything || plan.details.includes('memory'),
      options: everything || plan.details.includes('options'),
      major: majorOf(await readRelease(this.#tape, this.#calls)),
      // Zones keep their numbers where the interfaces cannot be listed.
      zones: zonesOf(attempt(() => interfaces(this.#tape, this.#calls)) ?? []),
    }
  }

  async #walk(requested: Requested, gaps: Gap[]): Promise<Walk> {
    try {
      const walk = await walkHolders(this.#tape, this.#calls, requested)
      if (walk.cut > 0) gaps.push(tooManySockets(walk.cut))
      return walk
    } catch (error) {
      if (!(error instanceof OsError)) throw error
      gaps.push(unreadOwners(error))
      return noWalk
    }
  }
}

/** The statistics of TCP and the bytes of sockets come together here. */
const countsTcp = ({ details }: Plan): boolean => details.includes('tcp') || details.includes('bytes')

/** Every process that is named: owners, the last user of a connection that no process holds any more, and the app that a daemon works for. */
function pidsOf(rows: readonly Row[]): Set<number> {
  const pids = new Set<number>()
  for (const r of rows) {
    for (const o of r.socket.owners) pids.add(o.pid)
    if (r.onBehalfOf !== undefined) pids.add(r.onBehalfOf)
  }
  return pids
}

const noNamespaces = gapOf('namespaces-unsupported', 'namespaces', 'platform', 'macOS has no network namespaces')

const tooManySockets = (count: number): Gap =>
  gapOf('owners-limit', 'owners', 'limit', `${counted(count, 'process has', 'processes have')} more sockets than are read of one process`, {
    count,
  })

const unreadOwners = (error: OsError): Gap => ({
  ...gapOf('owners-unread', 'owners', 'kernel', `processes could not be listed: ${error.message}`),
  ...recordingLack(error),
})

/** Sockets whose owners may not be read, among those that the plan can select. */
function reportOwners(rows: readonly Row[], plan: Plan, gaps: Gap[]): void {
  const count = rows.filter(r => r.socket.ownerless === 'permission' && plan.prefilter(r.socket)).length
  if (count === 0) return
  const text = `${counted(count, 'socket belongs', 'sockets belong')} to processes whose descriptors may not be read`
  gaps.push(gapOf('owners-hidden', 'owners', 'permission', text, { help: runAsRoot, count }))
}
