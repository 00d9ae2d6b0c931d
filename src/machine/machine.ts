// The library's view of one machine: this one, or a recording of one. Everything that it gives survives JSON.

import { planQuery, type Query } from '../filter/plan.ts'
import { aFullSocket, aProcess, checkIs } from '../model/arguments.ts'
import { OsError } from '../model/errors.ts'
import type { Ability } from '../model/ability.ts'
import type { EventGap, SocketEvent } from '../model/event.ts'
import type { Interface } from '../model/interface.ts'
import type { SystemLimits } from '../model/limits.ts'
import type { Process } from '../model/process.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Socket } from '../model/socket.ts'
import { Monitor, type FrameSubscription } from '../monitor/monitor.ts'
import { signals, type Actions, type Signal, type Source } from '../source/source.ts'
import { explainFrames, type Explanation, type ExplainOptions } from './explain.ts'
import { eventParts, watchParts, type EventOptions, type WatchOptions } from './options.ts'

/** A machine whose sockets can be listed, watched and acted upon. It stays open until `close()`. */
export class Machine {
  /** Where its sockets come from. */
  readonly source: Source
  /** One for each choice of network namespaces: what is asked of the source for all subscribers is of one choice. */
  readonly #monitors = new Map<string, Monitor>()

  constructor(source: Source) {
    this.source = source
  }

  /** The loop that all subscribers of the same network namespaces share. */
  monitor({ namespaces = 'own' }: Pick<Query, 'namespaces'> = {}): Monitor {
    const scope = JSON.stringify(namespaces)
    let monitor = this.#monitors.get(scope)
    if (monitor === undefined) this.#monitors.set(scope, (monitor = new Monitor(this.source)))
    return monitor
  }

  /** Every socket that is asked for, as it is now, with owners. */
  async snapshot(query?: Query): Promise<Snapshot> {
    return this.source.takeSnapshot(planQuery(query))
  }

  /**
   * Frames: at once and then every so often, without drift. They end when the watch is aborted or left, or when a recording ends. Whoever is too
   * slow gets the newest frame, and how many were left out.
   */
  watch(options: WatchOptions = {}): FrameSubscription {
    const parts = watchParts(options)
    return this.monitor(parts.query).frames(parts)
  }

  /**
   * Each socket's opening and end as it happens, with owners and with its final bytes. The sockets that are there at the start are not news.
   * A caller that is slow loses nothing silently: what there was no room for comes as a gap with its count.
   */
  events(options: EventOptions = {}): AsyncGenerator<SocketEvent | EventGap, void, undefined> {
    const parts = eventParts(options)
    return this.monitor(parts.query).events(parts)
  }

  /** Watches TCP connections for a while, and judges each over the whole time. */
  async explain(options: ExplainOptions = {}): Promise<Explanation> {
    return explainFrames(this, options)
  }

  /** Resets one connection at once, by its exact identity: both ends see an error. `ENOENT` when it is gone. */
  async closeSocket(socket: Socket): Promise<void> {
    checkIs('socket', socket, aFullSocket)
    await this.#action('close')(socket)
  }

  /** Ends one connection gracefully, as its own process would: what was sent is delivered first. `ENOENT` when it is gone. */
  async shutdownSocket(socket: Socket): Promise<void> {
    checkIs('socket', socket, aFullSocket)
    await this.#action('shutdown')(socket)
  }

  /** Sends a signal to exactly this process, never to another that got its pid. `ESRCH` when it has ended. */
  async signalProcess(process: Process, signal: Signal = 'TERM'): Promise<void> {
    checkIs('process', process, aProcess)
    if (!(Number.isSafeInteger(process.pid) && process.pid > 0)) throw new TypeError('process: needs a process with a pid above 0')
    if (!signals.includes(signal)) throw new TypeError(`signal: ${JSON.stringify(signal)} is none of ${signals.join(', ')}`)
    await this.#action('signal')(process, signal)
  }

  /** The network interfaces and their counters. */
  async interfaces(): Promise<readonly Interface[]> {
    return this.source.interfaces()
  }

  /** The limits that sockets run into; undefined where the system does not say. */
  async limits(): Promise<SystemLimits | undefined> {
    return this.source.limits?.()
  }

  /** What works here, what does not, why, and what would help. */
  async abilities(): Promise<readonly Ability[]> {
    return this.source.abilities()
  }

  /** Ends every watch, and closes the machine. Closing twice does nothing. */
  async close(): Promise<void> {
    for (const monitor of this.#monitors.values()) await monitor.close()
    this.#monitors.clear()
    this.source.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #action<K extends keyof Actions>(name: K): NonNullable<Actions[K]> {
    const found = this.source.actions?.[name]
    if (found === undefined) throw new OsError(name, 'ENOTSUP', { help: `${this.source.name} has no such action` })
    return found.bind(this.source.actions) as NonNullable<Actions[K]>
  }
}
