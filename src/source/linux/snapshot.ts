// One snapshot: what is asked of the kernel, and how the answers are joined.

import { ProcessTable } from '../../model/process.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { families, protocols } from '../../model/socket.ts'
import { checkPlan, planQuery, type Plan } from '../../filter/plan.ts'
import { filterYielding } from '../yielding.ts'
import { recordingLack, type Tape } from '../tape.ts'
import type { Draft } from './decode/draft.ts'
import { SnapshotGaps } from './gaps.ts'
import { CgroupTable } from './host/cgroups.ts'
import { nameInterfaces } from './host/interface-names.ts'
import type { OwnSockets } from './kernel/own-sockets.ts'
import type { ProcFs } from './kernel/proc-fs.ts'
import { NamespaceSet, type NamespaceContext } from './netns/namespace-set.ts'
import { ownNetworkNamespace, type Calls, type NetworkNamespace } from './netns/network-namespace.ts'
import { SocketNamespaces } from './netns/pinned.ts'
import type { OwnerFinder } from './owners/owners.ts'
import type { ProcessReader } from './processes/processes.ts'
import { Dumper } from './sockdiag/dumper.ts'
import { markGap } from './sockdiag/marks.ts'
import type { Requested } from './sockdiag/requests.ts'
import { listTables, type TableContext } from './sockdiag/tables.ts'

export type { Calls } from './netns/network-namespace.ts'

/** What a tape holds, so that every command can run on it. */
const everything: Requested = {
  protocols,
  families,
  states: undefined,
  details: ['tcp', 'memory', 'options', 'cgroup'],
  filter: undefined,
}

/** The machine that snapshots are of. */
export interface SnapshotMachine {
  readonly tape: Tape
  readonly calls: Calls
  readonly proc: ProcFs
  readonly own: OwnSockets
  readonly owners: OwnerFinder
  readonly processes: ProcessReader
}

/** Takes snapshots of a machine. What it has given out does not change any more, whatever snapshots follow. */
export class SnapshotTaker {
  readonly #machine: SnapshotMachine
  readonly #dumper: Dumper
  readonly #cgroups: CgroupTable
  readonly #namespaces: NamespaceContext

  /** Keeps what is remembered from snapshot to snapshot. */
  constructor(machine: SnapshotMachine) {
    const { tape, calls, proc, own } = machine
    this.#machine = machine
    this.#dumper = new Dumper(tape, calls, own)
    this.#cgroups = new CgroupTable(tape)
    this.#namespaces = { tape, calls, proc, own: ownNetworkNamespace(calls, proc), socketNamespaces: new SocketNamespaces() }
  }

  /** Takes one. `complete` puts what was counted into the sockets before they are selected. */
  async take(plan: Plan = planQuery(), complete?: (sockets: readonly Draft[]) => void): Promise<Snapshot> {
    checkPlan(plan)
    const { tape } = this.#machine
    tape.beginSnapshot()
    const atMs = await tape.value('clock', Date.now)
    const sinceTicks = tape.played ? undefined : this.#machine.processes.now()
    const gaps = new SnapshotGaps()
    const ahead = new OwnersAhead(this.#machine.owners, plan.owners && !tape.recordsEverything)
    const all = await this.#listAll(plan, gaps, ahead)
    await this.#cgroups.resolve()
    complete?.(all)
    const unmarked = markGap(plan.filter, all)
    if (unmarked) gaps.add(unmarked)
    const { sockets, processes } = await this.#select(all, plan, gaps, ahead, sinceTicks)
    return { atMs, source: tape.played ? 'replay linux' : 'linux', sockets, processes, gaps: gaps.list() }
  }

  /** The sockets of every table in every network namespace that the plan is about. */
  async #listAll(plan: Plan, gaps: SnapshotGaps, ahead: OwnersAhead): Promise<Draft[]> {
    const { tape, calls } = this.#machine
    const context: TableContext = { tape, dumper: this.#dumper, cgroupOf: this.#cgroups.of, onLong: () => ahead.start() }
    const all: Draft[] = []
    const add = async (namespaces: readonly NetworkNamespace[]): Promise<void> => {
      for (const netns of namespaces) {
        const found = await listTables(context, netns, tape.recordsEverything ? everything : plan, plan, gaps)
        await nameInterfaces(tape, calls, netns, found)
        // One by one: a spread of 50,000 arguments is too long for the stack.
        for (const socket of found) all.push(socket)
      }
    }
    const opened = await NamespaceSet.open(this.#namespaces, plan.namespaces, gaps)
    try {
      await add(opened.namespaces)
      await add(await opened.more(all))
    } finally {
      opened.close()
    }
    return this.#withoutOwn(all)
  }

  /** The sockets without those through which they were requested. */
  async #withoutOwn(all: Draft[]): Promise<Draft[]> {
    if (!all.some(socket => socket.protocol === 'netlink')) return all
    const { tape, own } = this.#machine
    const inodes = await tape
      .value('own sockets', () => own.list())
      .catch((error: unknown) => {
        recordingLack(error) // An older recording does not have them.
        return []
      })
    const isOwn = new Set<number | undefined>(inodes)
    return filterYielding(all, socket => socket.protocol !== 'netlink' || !isOwn.has(socket.inode))
  }

  /** Gives sockets their owners, and leaves out what the plan does not match. */
  async #select(
    all: Draft[],
    plan: Plan,
    gaps: SnapshotGaps,
    ahead: OwnersAhead,
    sinceTicks: number | undefined,
  ): Promise<Pick<Snapshot, 'sockets'> & { processes: ProcessTable }> {
    const { tape, owners } = this.#machine
    // A tape is written with the owners of all sockets, whatever is asked for now.
    const isRecording = tape.recordsEverything && !tape.played
    const isAll = tape.recordsEverything ? isRecording : plan.matchesEverything
    const found = isAll ? all : await filterYielding(all, plan.prefilter)
    let processes = new ProcessTable()
    if (plan.owners || isRecording) {
      const unseen = await owners.find(found, { ahead: ahead.started, ...(isRecording && { isRequested: plan.prefilter }) })
      if (plan.owners) for (const gap of unseen) gaps.add(gap)
      processes = await this.#machine.processes.ofSockets(found, sinceTicks)
    }
    const isMatched = plan.matchesEverything && !tape.recordsEverything
    const sockets = isMatched ? found : await filterYielding(found, s => plan.test(s, processes))
    if (isRecording || plan.details.some(name => name === 'context' || name === 'socketContext'))
      processes = await this.#withContexts(isRecording ? found : sockets, processes, plan, gaps)
    return { sockets, processes }
  }

  async #withContexts(sockets: readonly Draft[], processes: ProcessTable, plan: Plan, gaps: SnapshotGaps): Promise<ProcessTable> {
    const { addContexts } = await import('./processes/contexts.ts')
    const { tape, calls, proc } = this.#machine
    const labelled = await addContexts(tape, { proc, attributeOf: calls?.extendedAttribute }, sockets, processes, plan.details)
    for (const gap of labelled.gaps) gaps.add(gap)
    return labelled.processes
  }
}

/** The search for owners that starts while the kernel still walks a long table. A tape keeps one question after the other, so it does not start there. */
class OwnersAhead {
  readonly #owners: OwnerFinder
  readonly #isAllowed: boolean
  started: ReturnType<OwnerFinder['begin']> | undefined

  constructor(owners: OwnerFinder, isAllowed: boolean) {
    this.#owners = owners
    this.#isAllowed = isAllowed
  }

  start(): void {
    if (!this.#isAllowed || this.started) return
    this.started = this.#owners.begin()
    this.started.catch(() => undefined) // It is thrown again when the owners are joined, or nobody needs it any more.
  }
}
