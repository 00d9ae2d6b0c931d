// One snapshot: what is asked of macOS, and how the answers are joined.

import { checkPlan, planQuery, type Plan } from '../../filter/plan.ts'
import { OsError } from '../../model/errors.ts'
import type { Gap } from '../../model/gap.ts'
import type { Interface } from '../../model/interface.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { Process } from '../../model/process.ts'
import type { Tape } from '../tape.ts'
import type { Calls } from './kernel/calls.ts'
import { flowCounter, type Closing } from './events/counter.ts'
import type { Row } from './decode/draft.ts'
import { walkHolders, type Walk } from './owners/holders.ts'
import { interfaces, zonesOf } from './host/interfaces.ts'
import { giveOwners, unite } from './owners/join.ts'
import { majorOf, readRelease } from './host/limits.ts'
import { processReader } from './processes/processes.ts'
import { askEach } from './tables/connection-info.ts'
import type { Requested } from './decode/sockets.ts'
import { readTables, type Hidden } from './tables/tables.ts'
import { joinPeers } from './decode/unix.ts'

/** What a source keeps from snapshot to snapshot. */
export interface SnapshotTaker {
  readonly takeSnapshot: (plan?: Plan) => Promise<Snapshot>
  readonly processes: ReturnType<typeof processReader>
  close(): void
}

/** Makes the function that looks once. `closings` gets the sockets that closed since the snapshot before, with their last counts. */
export function snapshotTaker(tape: Tape, calls: Calls | undefined, name: string, closings?: Closing[]): SnapshotTaker {
  const processes = processReader(tape, calls)
  const counter = flowCounter(tape, calls, closings)

  async function takeSnapshot(query: Plan = planQuery()): Promise<Snapshot> {
    checkPlan(query)
    tape.beginSnapshot()
    const atMs = await tape.value('clock', Date.now)
    const gaps: Gap[] = []
    const requested = { ...(await wants(tape, calls, query)), ...(closings && { traffic: true }) }
    const { rows, hidden } = await readTables(tape, calls, query, requested, gaps)
    const walk = query.owners || hidden.length > 0 || tape.recordsEverything ? await walked(tape, calls, requested, gaps) : undefined
    if (walk !== undefined) {
      unite(rows, walk.held)
      if (query.owners) giveOwners(rows, walk)
    }
    // Behind the gate the control still shows flows of the same user, whether bytes are wanted or not.
    if (requested.traffic || hidden.length > 0) {
      const flows = await counter.count(rows, requested, hidden.length > 0, requested.traffic ? gaps : [])
      if (walk !== undefined && query.owners) giveOwners(flows, walk)
      rows.push(...flows)
    }
    if (requested.tcp) await askEach(rows, tape, calls)
    joinPeers(rows)
    reportHidden(hidden, rows, gaps)
    if (query.namespaces !== 'own') gaps.push(noNamespaces)
    const owners = query.owners ? await processes.all(pidsOf(rows)) : new Map<number, Process>()
    if (query.owners) reportOwners(rows, gaps)
    const sockets = rows.map(r => r.socket).filter(s => query.test(s, owners))
    return { atMs, source: name, sockets, processes: owners, gaps }
  }

  return {
    takeSnapshot,
    processes,
    close: () => counter.close(),
  }
}

async function wants(tape: Tape, calls: Calls | undefined, query: Plan): Promise<Requested> {
  const asks = (detail: Plan['details'][number]): boolean => tape.recordsEverything || query.details.includes(detail)
  const counts = asks('tcp') || asks('bytes')
  return {
    tcp: counts,
    traffic: counts,
    memory: asks('memory'),
    options: asks('options'),
    major: majorOf(await readRelease(tape, calls)),
    zones: zonesOf(quietInterfaces(tape, calls)),
  }
}

/** Zones keep their numbers where the interfaces cannot be listed. */
function quietInterfaces(tape: Tape, calls: Calls | undefined): readonly Interface[] {
  try {
    return interfaces(tape, calls)
  } catch (error) {
    if (error instanceof OsError) return []
    throw error
  }
}

async function walked(tape: Tape, calls: Calls | undefined, requested: Requested, gaps: Gap[]): Promise<Walk> {
  try {
    const walk = await walkHolders(tape, calls, requested)
    if (walk.cut > 0) {
      gaps.push({
        what: 'owners',
        why: 'limit',
        text: `${walk.cut} processes have more sockets than are read of one process`,
        help: '',
        count: walk.cut,
      })
    }
    return walk
  } catch (error) {
    if (!(error instanceof OsError)) throw error
    gaps.push({ what: 'owners', why: 'kernel', text: `processes could not be listed: ${error.message}`, help: '', count: undefined })
    return { held: [], pids: [], read: new Set(), hidden: 0, cut: 0 }
  }
}

/** Everybody who is named: owners, the last user of a connection that nobody holds any more, and whom a daemon works for. */
function pidsOf(rows: readonly Row[]): Set<number> {
  const pids = new Set<number>()
  for (const r of rows) {
    for (const o of r.socket.owners) pids.add(o.pid)
    if (r.onBehalfOf !== undefined) pids.add(r.onBehalfOf)
  }
  return pids
}

const noNamespaces: Gap = {
  what: 'namespaces',
  why: 'platform',
  text: 'macOS has no network namespaces',
  help: '',
  count: undefined,
}

/** What the gate hides, less what was found another way. */
function reportHidden(hidden: readonly Hidden[], rows: readonly Row[], gaps: Gap[]): void {
  for (const { table, missing, listed } of hidden) {
    const found =
      rows.filter(r => (table === 'raw' ? ['raw', 'icmp'].includes(r.socket.protocol) : r.socket.protocol === table)).length - listed
    const count = missing - found
    if (count <= 0) continue
    gaps.push({
      what: 'sockets',
      why: 'permission',
      text: `macOS shows this program only its own sockets: about ${count} ${table} sockets of other processes are hidden`,
      help: 'run as root: sudo sockscope',
      count,
    })
  }
}

function reportOwners(rows: readonly Row[], gaps: Gap[]): void {
  const count = rows.filter(r => r.socket.ownerless === 'permission').length
  if (count === 0) return
  gaps.push({
    what: 'owners',
    why: 'permission',
    text: `${count} sockets belong to processes whose descriptors we may not read`,
    help: 'run as root: sudo sockscope',
    count,
  })
}
