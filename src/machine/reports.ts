// The reports of a machine. Each is checked and planned at the call, and then made of one snapshot of a source.

import { checkRanges, listenerPorts, mergeRanges, parsePorts, portsFilter } from '../filter/language/ports.ts'
import { changePlan, planQuery, type Plan, type Query } from '../filter/plan.ts'
import { checkKeys, checkKind } from '../model/arguments.ts'
import { ArgumentError, OsError } from '../model/errors.ts'
import type { Gap } from '../model/gap.ts'
import type { PortRange } from '../model/limits.ts'
import type { Process } from '../model/process.ts'
import type { Snapshot } from '../model/snapshot.ts'
import { protocols, type Protocol } from '../model/socket.ts'
import { closePlan, type ClosePlan } from '../report/close-plan.ts'
import { killPlan, killQuery, type KillPlan } from '../report/kill-plan.ts'
import { pidReport, type PidReport } from '../report/pid.ts'
import { portReport, type PortReport } from '../report/port.ts'
import { portsReport, type PortsReport } from '../report/ports.ts'
import { statsReport, type StatsReport } from '../report/stats.ts'
import type { Source } from '../source/source.ts'
import { checkSwitch } from './options.ts'
import { ownChain } from './self.ts'

/** The snapshot that a report was made of. */
export interface ReportOrigin {
  /** When it was taken, in milliseconds since 1970. */
  readonly atMs: number
  /** The source that it was taken from: `linux`, `linux (bpf)`, `replay linux`. */
  readonly source: string
  /** What could not be seen; the report is complete when there are none. */
  readonly gaps: readonly Gap[]
}

/** A report, and the snapshot that it was made of. */
export type ReportOf<Report> = Report & ReportOrigin

/** A checked request, which a source answers. */
export type Request<Report> = (source: Source) => Promise<ReportOf<Report>>

/** Ports: a number, text such as `80,443,8000-8100`, or ranges. */
export type Ports = number | string | readonly PortRange[]

/** Which ports to free, and how. */
export interface KillPlanOptions {
  /** The ports to free. */
  readonly ports: Ports
  /** Also kill the processes of this machine that are connected to them. Default: false. */
  readonly clients?: boolean | undefined
  /** Also kill the descendants of the processes. Default: false. */
  readonly tree?: boolean | undefined
}

/** The plan of a query that has protocols of its own by default. */
const planOver = (query: Query, byDefault: readonly Protocol[]): Plan => {
  const plan = planQuery(query)
  return plan.query.protocols === undefined ? changePlan(plan, { protocols: byDefault }) : plan
}

/** Takes a snapshot, and makes a report from it. */
const answer =
  <Report extends object>(plan: Plan, report: (snapshot: Snapshot, source: Source) => Report | Promise<Report>): Request<Report> =>
  async source => {
    const snapshot = await source.takeSnapshot(plan)
    const { atMs, source: name, gaps } = snapshot
    return { ...(await report(snapshot, source)), atMs, source: name, gaps }
  }

/** What listens. Connections are counted whether they match or not: so the source gets no states, and of the filter only what it requires of the port. */
export function portsRequest(query: Query = {}): Request<PortsReport> {
  const wanted = planQuery(query)
  const { filter: _filter, states: _states, ...scope } = query
  const filter = wanted.filter && listenerPorts(wanted.filter)
  const plan = planQuery({
    ...scope,
    ...(filter && { filter }),
    owners: wanted.owners,
    details: [...new Set([...wanted.details, 'options' as const])],
  })
  return answer(plan, snapshot => portsReport(snapshot, wanted.matchesEverything ? undefined : wanted.test))
}

/** Which processes hold ports. */
export function portRequest(ports: Ports): Request<PortReport> {
  const ranges = rangesOf('port', ports)
  return answer(planQuery({ filter: portsFilter('sport', ranges), details: ['options'] }), snapshot => portReport(snapshot, ranges))
}

/** The sockets of a process and its descendants. */
export function pidRequest(given: number | string): Request<PidReport> {
  if (typeof given !== 'string' && !(Number.isSafeInteger(given) && given > 0))
    throw new ArgumentError(`process: needs a pid above 0 or the name of a process, got ${String(given)}`)
  const choice = typeof given === 'string' ? { name: given } : { pid: given }
  return answer(planQuery({ protocols }), snapshot => pidReport(snapshot, choice))
}

/** Counts of sockets. */
export function statsRequest(query: Query = {}): Request<StatsReport> {
  return answer(planOver(query, protocols), async (snapshot, source) =>
    statsReport(snapshot, await source.limits?.(), await source.counters?.()),
  )
}

/** Which processes would be killed to free ports. */
export function killPlanRequest(options: KillPlanOptions): Request<KillPlan> {
  checkKeys('options', options, ['ports', 'clients', 'tree'] satisfies (keyof KillPlanOptions)[])
  const { ports, clients = false, tree = false } = options
  const ranges = rangesOf('ports', ports)
  checkSwitch('clients', clients)
  checkSwitch('tree', tree)
  return answer(planQuery(killQuery(ranges, clients)), async (snapshot, source) => {
    const { pids: self, hiddenAbove } = await ownChain(source)
    const request = {
      ranges,
      clients,
      descendants: tree ? ((await source.processes?.()) ?? []) : undefined,
      self,
      hiddenAbove,
      denied: new Map<number, string>(),
      canSignal: source.actions?.hold !== undefined,
    }
    const plan = killPlan(snapshot, request)
    const denied = await deniedOf(source, plan)
    return denied.size === 0 ? plan : killPlan(snapshot, { ...request, denied })
  })
}

/** The targets to which the system refuses signals: it is asked, as users, capabilities and security modules all decide. */
async function deniedOf({ actions }: Source, { targets }: KillPlan): Promise<ReadonlyMap<number, string>> {
  const denied = new Map<number, string>()
  for (const { process, spared } of targets) {
    if (spared !== undefined) continue
    try {
      ;(await actions!.hold!(process)).release()
    } catch (error) {
      if (!(error instanceof OsError)) throw error
      if (error.code === 'EPERM') denied.set(process.pid, error.help ?? 'run as that user or as root')
      else if (error.code !== 'ESRCH') throw error // One that has ended is found to have ended again when the plan is carried out.
    }
  }
  return denied
}

/** Which connections would be closed. */
export function closePlanRequest(query: Query = {}): Request<ClosePlan> {
  return answer(planOver(query, ['tcp']), async (snapshot, source) => closePlan(snapshot, (await ownChain(source)).pids[0]))
}

/** The process that holds a port: that of a listener before that of any other socket. */
export function portOwnerRequest(port: number): (source: Source) => Promise<Process | undefined> {
  checkKind('port', port, 'number')
  const request = portRequest(port)
  return async source => {
    const { ports, others, processes } = await request(source)
    const holders = ports.flatMap(listener => listener.holders.map(holder => holder.process))
    const byPid = new Map(processes.map(process => [process.pid, process]))
    return [...holders, ...others.flatMap(socket => socket.owners.map(owner => byPid.get(owner.pid)))].find(one => one !== undefined)
  }
}

/** Ranges of ports. */
function rangesOf(argument: string, given: Ports): readonly PortRange[] {
  if (typeof given === 'string') return parsePorts(given, argument)
  return mergeRanges(checkRanges(argument, typeof given === 'number' ? [{ first: given, last: given }] : given))
}
