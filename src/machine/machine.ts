// The library's view of one machine: this one, or a recording of one. All results survive JSON, and wrong arguments throw at the call.

import { planQuery, type Query } from '../filter/plan.ts'
import type { Health } from '../model/health.ts'
import type { Ability } from '../model/ability.ts'
import type { SystemCounters } from '../model/counters.ts'
import { OsError } from '../model/errors.ts'
import type { EventGap, SocketEvent } from '../model/event.ts'
import type { Interface } from '../model/interface.ts'
import type { PortRange, SystemLimits, Usage } from '../model/limits.ts'
import type { Process } from '../model/process.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Socket } from '../model/socket.ts'
import type { SocketStat } from '../model/stat.ts'
import type { FrameSubscription } from '../monitor/frame-subscription.ts'
import { Monitor } from '../monitor/monitor.ts'
import { ephemeralPortRange, isPortAvailable, PortSearch, socketLimit, type PortOptions } from '../ports/ports.ts'
import type { ClosePlan } from '../report/close-plan.ts'
import type { KillPlan } from '../report/kill-plan.ts'
import type { PidReport } from '../report/pid.ts'
import type { PortReport } from '../report/port.ts'
import type { PortsReport } from '../report/ports.ts'
import type { StatsReport } from '../report/stats.ts'
import type { Signal, Source } from '../source/source.ts'
import { socketStat, type SocketTarget } from '../source/stat.ts'
import { signalAction, socketAction } from './actions.ts'
import { explainRequest, type Explanation, type ExplainOptions } from './explain.ts'
import { instrumentUntil, type InstrumentOptions } from './instrument.ts'
import { eventParts, watchParts, type EventOptions, type WatchOptions } from './options.ts'
import { firstOf, freePortsRequest, type FreePortOptions } from './ports.ts'
import {
  closePlanRequest,
  killPlanRequest,
  pidRequest,
  portOwnerRequest,
  portRequest,
  portsRequest,
  statsRequest,
  type KillPlanOptions,
  type Ports,
  type ReportOf,
} from './reports.ts'

/** A machine whose sockets can be listed, watched and acted upon: this one, or a recording. It stays open until `close()`. */
export class Machine {
  /** Where its sockets come from. */
  readonly source: Source
  readonly #portSearch = new PortSearch()
  /** One for each choice of network namespaces: a request to the source is of one choice. */
  readonly #monitors = new Map<string, Monitor>()
  /** Ends its instruments, which have a source each. */
  readonly #instruments = new AbortController()
  #closing: Promise<void> | undefined

  /** `openMachine()` makes one; a source of your own can be followed, too. */
  constructor(source: Source) {
    this.source = source
  }

  /** The loop that all subscribers of the same network namespaces share. */
  monitor({ namespaces = 'own' }: Pick<Query, 'namespaces'> = {}): Monitor {
    this.#checkOpen()
    const scope = JSON.stringify(namespaces)
    let monitor = this.#monitors.get(scope)
    if (monitor === undefined) this.#monitors.set(scope, (monitor = new Monitor(this.source)))
    return monitor
  }

  /** Every requested socket, as it is now, with owners. */
  snapshot(query?: Query): Promise<Snapshot> {
    const plan = planQuery(query)
    return this.#answer(source => source.takeSnapshot(plan))
  }

  /**
   * Frames: at once and then at a fixed interval, without drift. They end when the watch is aborted or left, or when a recording ends. A slow
   * subscriber gets the newest frame, and the number of those left out.
   */
  watch(options: WatchOptions = {}): FrameSubscription {
    const parts = watchParts(options)
    return this.monitor(parts.query).frames(parts)
  }

  /**
   * Each socket's opening and end as it happens, with owners and with its final bytes. Sockets that are open at the start are not reported.
   * Nothing is lost silently: events that a slow caller could not receive are reported as a gap with their count.
   */
  events(options: EventOptions = {}): AsyncGenerator<SocketEvent | EventGap, void, undefined> {
    const parts = eventParts(options)
    return this.monitor(parts.query).events(parts)
  }

  /** Watches TCP connections for a while, and judges each over the whole time. */
  explain(options: ExplainOptions = {}): Promise<Explanation> {
    const request = explainRequest(options)
    return this.#answer(() => request(this.monitor(options)))
  }

  /** What listens: the sockets of a port that the same processes hold, with their reach and the number of their connections. */
  ports(query?: Query): Promise<ReportOf<PortsReport>> {
    return this.#answer(portsRequest(query))
  }

  /** Which processes hold these ports: the listeners, what started them, and the connections. */
  port(ports: Ports): Promise<ReportOf<PortReport>> {
    return this.#answer(portRequest(ports))
  }

  /** The process that holds a port; undefined when none does or it cannot be seen, which only `port()` distinguishes. */
  portOwner(port: number): Promise<Process | undefined> {
    return this.#answer(portOwnerRequest(port))
  }

  /** The sockets of a process and its descendants, by its pid or its name. */
  pid(process: number | string): Promise<ReportOf<PidReport>> {
    return this.#answer(pidRequest(process))
  }

  /** How many sockets there are by protocol, state and process, and how close they are to the limits of the system. */
  stats(query?: Query): Promise<ReportOf<StatsReport>> {
    return this.#answer(statsRequest(query))
  }

  /** Which processes would be killed to free ports, and what forbids it. Nothing is done. */
  killPlan(options: KillPlanOptions): Promise<ReportOf<KillPlan>> {
    return this.#answer(killPlanRequest(options))
  }

  /** Which connections would be closed, and why others that match are not. Nothing is done. */
  closePlan(query?: Query): Promise<ReportOf<ClosePlan>> {
    return this.#answer(closePlanRequest(query))
  }

  /** A port that is free; undefined when there is none in the range. Calls at the same time get different ports. */
  freePort(options?: FreePortOptions): Promise<number | undefined> {
    const find = freePortsRequest(options)
    return this.#refusal('bind') ?? firstOf(find(this.#portSearch, query => this.snapshot(query)))
  }

  /** Whether a port can be bound now. Another program may still take it first. */
  isPortAvailable(port: number, options?: PortOptions): Promise<boolean> {
    return this.#refusal('bind') ?? isPortAvailable(port, options)
  }

  /** The ports that the system assigns to connections that do not choose one; undefined where it does not report them. */
  ephemeralPortRange(): Promise<PortRange | undefined> {
    return this.#answer(ephemeralPortRange)
  }

  /** How many descriptors, and so sockets, this process has and may have. */
  socketLimit(): Promise<Usage> {
    return this.#answer(socketLimit)
  }

  /** The statistics of one socket, by the object that holds it: its options, memory, queues and TCP counters. */
  stat(target: SocketTarget): Promise<SocketStat> {
    return this.#refusal('stat') ?? socketStat(target)
  }

  /** The health of one TCP connection at a fixed interval, until it closes. */
  instrument(target: SocketTarget, options?: InstrumentOptions): AsyncGenerator<Health, void, undefined> {
    this.#checkOpen()
    if (this.source.replay) throw this.#notHere('instrument')
    return instrumentUntil(this.#instruments.signal, target, options)
  }

  /** Every process that can be seen, whether it has sockets or not; undefined where the system does not list them. */
  processes(): Promise<readonly Process[] | undefined> {
    return this.#answer(async source => source.processes?.())
  }

  /** The network interfaces and their counters. */
  interfaces(): Promise<readonly Interface[]> {
    return this.#answer(source => source.interfaces())
  }

  /** The limits of the system on sockets; undefined where the system does not report them. */
  limits(): Promise<SystemLimits | undefined> {
    return this.#answer(async source => source.limits?.())
  }

  /** The counters of TCP and UDP for the whole system; undefined where it does not report it. */
  counters(): Promise<SystemCounters | undefined> {
    return this.#answer(async source => source.counters?.())
  }

  /** What works here, what does not, why, and what would help. */
  abilities(): Promise<readonly Ability[]> {
    return this.#answer(source => source.abilities())
  }

  /** Resets one connection at once, by its exact identity: both ends see an error. `ENOENT` when it is gone. */
  closeSocket(socket: Socket): Promise<void> {
    return this.#answer(socketAction('close', socket))
  }

  /** Ends one connection gracefully, as its own process would: sent data is still delivered. `ENOENT` when it is gone. */
  shutdownSocket(socket: Socket): Promise<void> {
    return this.#answer(socketAction('shutdown', socket))
  }

  /** Sends a signal to exactly this process, never to another one with the same pid. `ESRCH` when it has ended. */
  signalProcess(process: Process, signal: Signal = 'TERM'): Promise<void> {
    return this.#answer(signalAction(process, signal))
  }

  /**
   * Ends every watch, and closes the machine: every later call fails with the code `EBADF`. Closing twice does nothing. It fails with the error of the
   * recording when that could not be written to its end.
   */
  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  /** The same as `close()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    this.#instruments.abort()
    for (const monitor of this.#monitors.values()) await monitor.close()
    this.#monitors.clear()
    this.source.close()
    const failure = await this.source.recordingFailure
    if (failure !== undefined) throw failure
  }

  /** A recording is not the system that runs this program. */
  #notHere(call: string): OsError {
    return new OsError(call, 'ENOTSUP', { help: `${this.source.name} is a recording` })
  }

  /** The refusal of a call that needs the system that runs this program; undefined where it is that system. */
  #refusal(call: string): Promise<never> | undefined {
    if (this.#closing !== undefined) return Promise.reject(closed())
    return this.source.replay ? Promise.reject(this.#notHere(call)) : undefined
  }

  /** Passes the source to a request that has been checked. */
  async #answer<T>(request: (source: Source) => Promise<T>): Promise<T> {
    this.#checkOpen()
    return request(this.source)
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw closed()
  }
}

const closed = (): OsError => new OsError('machine', 'EBADF', { help: 'the machine was closed; openMachine() opens another' })
