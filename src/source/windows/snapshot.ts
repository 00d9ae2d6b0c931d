// One snapshot: what is asked of Windows, and how the answers are joined.

import { OsError } from '../../model/errors.ts'
import type { Gap } from '../../model/gap.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { Process } from '../../model/process.ts'
import { checkPlan, planQuery, type Plan } from '../../filter/plan.ts'
import type { Tape } from '../tape.ts'
import { elevate } from './kernel/codes.ts'
import { addModules } from './owners/modules.ts'
import { makeProcesses, processReader, type ProcessAnswer, type ProcessReader } from './owners/owners.ts'
import type { Calls } from './processes/processes.ts'
import type { Row } from './decode/sockets.ts'
import { openTables } from './tables/tables.ts'
import { addStatistics, type StatisticsReader } from './estats/connections.ts'

/** Makes the function that looks once. `calls` are undefined when a tape is played. */
export function snapshotTaker(tape: Tape, calls: Calls | undefined, statistics: StatisticsReader): (plan?: Plan) => Promise<Snapshot> {
  const readProcesses = calls && processReader(calls)
  const tables = openTables(tape, calls)

  return async (query = planQuery()) => {
    checkPlan(query)
    tape.beginSnapshot()
    const atMs = await tape.value('clock', Date.now)
    const gaps: Gap[] = otherProtocols(query)
    const found: Row[] = []
    tables.start()
    for (const protocol of ['tcp', 'udp'] as const) {
      for (const family of ['ipv4', 'ipv6'] as const) {
        const isWanted = query.protocols.includes(protocol) && query.families.includes(family)
        if (!isWanted && !tape.recordsEverything) continue
        await tables.read(protocol, family, found, isWanted ? gaps : [])
      }
    }
    const processes =
      query.owners || (tape.recordsEverything && !tape.played)
        ? await addOwners(tape, calls, readProcesses, found, gaps)
        : new Map<number, Process>()
    if (!query.owners) for (const { draft } of found) withoutOwners(draft)
    if (tape.recordsEverything || countsTcp(query)) {
      const isJudgedBefore = !tape.recordsEverything && typeof query.query.filter !== 'function' && !(query.needs && countsTcp(query.needs))
      const asked = isJudgedBefore ? found.filter(row => query.test(row.draft, processes)) : found
      await addStatistics(tape, statistics, asked, gaps)
    }
    const sockets = found.map(row => row.draft).filter(s => query.test(s, processes))
    return { atMs, source: tape.played ? 'replay windows' : 'windows', sockets, processes, gaps }
  }
}

/** What TCP counts comes in one piece here. */
const countsTcp = ({ details }: Pick<Plan, 'details'>): boolean => details.includes('tcp') || details.includes('bytes')

/** The processes of the sockets. A socket whose process is not there loses it, with the reason. */
async function addOwners(
  tape: Tape,
  calls: Calls | undefined,
  read: ProcessReader | undefined,
  found: readonly Row[],
  gaps: Gap[],
): Promise<ReadonlyMap<number, Process>> {
  const pids = new Set(found.map(row => row.pid).filter(pid => pid !== 0))
  try {
    const answer = await tape.value<ProcessAnswer>('processes', () => read!(pids))
    const processes = makeProcesses(answer)
    for (const row of found) markExited(row, processes)
    await addModules(tape, calls, found, processes)
    gaps.push(...processGaps(answer))
    return processes
  } catch (error) {
    if (!(error instanceof OsError)) throw error
    gaps.push({
      what: 'processes',
      why: 'kernel',
      text: `the processes could not be listed: ${error.message}`,
      help: '',
      count: undefined,
    })
    return new Map()
  }
}

/** A row can outlive its process: a handle was inherited, or the process ended while we looked. */
function markExited(row: Row, processes: ReadonlyMap<number, Process>): void {
  if (row.pid === 0 || processes.has(row.pid)) return
  row.draft.owners = []
  row.draft.ownerless = 'exited'
}

/** The owner comes with the row, but it was not asked for: a snapshot is the same on every system. */
function withoutOwners(draft: Row['draft']): void {
  draft.owners = []
  draft.ownerless = undefined
}

function otherProtocols(query: Plan): Gap[] {
  const others = query.protocols.filter(p => p !== 'tcp' && p !== 'udp')
  if (others.length === 0) return []
  return [{ what: 'sockets', why: 'platform', text: 'Windows lists only TCP and UDP sockets', help: '', count: undefined }]
}

function processGaps(answer: ProcessAnswer): Gap[] {
  const gaps: Gap[] = []
  const refused = answer.facts.filter(f => f.refused).length
  if (refused > 0) {
    const text = `${refused} protected processes or processes of other users tell only their name and parent`
    gaps.push({ what: 'processes', why: 'permission', text, help: elevate, count: refused })
  }
  if (answer.servicesError !== undefined) {
    const text = `the services inside processes are not known: ${answer.servicesError}`
    const isRefused = answer.servicesError.includes('ERROR_ACCESS_DENIED')
    gaps.push({ what: 'processes', why: isRefused ? 'permission' : 'kernel', text, help: isRefused ? elevate : '', count: undefined })
  }
  return gaps
}
