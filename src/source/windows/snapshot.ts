// One snapshot: what is read of Windows, and how the answers are joined.

import { needs } from '../../filter/needs.ts'
import { checkPlan, planQuery, type Plan } from '../../filter/plan.ts'
import type { Gap } from '../../model/gap.ts'
import { ProcessTable } from '../../model/process.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { gapOf } from '../gap.ts'
import type { Tape } from '../tape.ts'
import type { Row } from './decode/sockets.ts'
import { addStatistics, type StatisticsReader } from './estats/connections.ts'
import type { Calls } from './kernel/api.ts'
import { addOwners, removeOwners } from './owners/owners.ts'
import { ProcessReader } from './processes/processes.ts'
import { TableReader } from './tables/tables.ts'

/** Takes the snapshots of a source. */
export class SnapshotTaker {
  readonly #tape: Tape
  readonly #calls: Calls | undefined
  readonly #statistics: StatisticsReader | undefined
  readonly #processes: ProcessReader | undefined
  readonly #tables: TableReader

  /** `calls` and `statistics` are undefined when a tape is played. */
  constructor(tape: Tape, calls: Calls | undefined, statistics: StatisticsReader | undefined) {
    this.#tape = tape
    this.#calls = calls
    this.#statistics = statistics
    this.#processes = calls && new ProcessReader(calls)
    this.#tables = new TableReader(tape, calls)
  }

  async takeSnapshot(plan: Plan = planQuery()): Promise<Snapshot> {
    checkPlan(plan)
    const tape = this.#tape
    tape.beginSnapshot()
    const atMs = await tape.value('clock', Date.now)
    const gaps = unsupported(plan)
    const rows = await this.#readTables(plan, gaps)
    const readsOwners = plan.owners || (tape.recordsEverything && !tape.played)
    // What is read for a recording only gives no gaps: it was not requested.
    const processes = readsOwners ? await addOwners(tape, this.#calls, this.#processes, rows, plan.owners ? gaps : []) : new ProcessTable()
    if (!plan.owners) for (const { draft } of rows) removeOwners(draft)
    if (tape.recordsEverything || countsTcp(plan)) {
      const candidates = this.#filtersBefore(plan) ? rows.filter(row => plan.test(row.draft, processes)) : rows
      await addStatistics(tape, this.#statistics, candidates, countsTcp(plan) ? gaps : [])
    }
    const sockets = rows.map(row => row.draft).filter(s => plan.test(s, processes))
    return { atMs, source: tape.played ? 'replay windows' : 'windows', sockets, processes, gaps }
  }

  async #readTables(plan: Plan, gaps: Gap[]): Promise<Row[]> {
    const rows: Row[] = []
    this.#tables.start()
    for (const protocol of ['tcp', 'udp'] as const) {
      for (const family of ['ipv4', 'ipv6'] as const) {
        const isRequested = plan.protocols.includes(protocol) && plan.families.includes(family)
        if (isRequested || this.#tape.recordsEverything) await this.#tables.read(protocol, family, rows, isRequested ? gaps : [])
      }
    }
    return rows
  }

  /** The filter can select before statistics are read, so that only the connections that it selects are turned on. */
  #filtersBefore({ query, filter }: Plan): boolean {
    return !this.#tape.recordsEverything && typeof query.filter !== 'function' && !(filter && countsTcp(needs(filter)))
  }
}

/** The statistics of TCP and the bytes of sockets come together here. */
const countsTcp = ({ details }: Pick<Plan, 'details'>): boolean => details.includes('tcp') || details.includes('bytes')

/** What a plan has that no Windows has. */
function unsupported(plan: Plan): Gap[] {
  const gaps: Gap[] = []
  if (plan.protocols.some(p => p !== 'tcp' && p !== 'udp')) {
    gaps.push(gapOf('table-unsupported', 'sockets', 'platform', 'Windows lists only TCP and UDP sockets'))
  }
  if (plan.namespaces !== 'own') {
    gaps.push(gapOf('namespaces-unsupported', 'namespaces', 'platform', 'Windows has no network namespaces'))
  }
  return gaps
}
