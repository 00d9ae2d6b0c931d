// The functions that need no machine: this machine, opened when it is first needed and closed when it is idle. Wrong arguments throw at the
// call, before anything is opened.

import { planQuery, type Query } from '../filter/plan.ts'
import type { EventGap, SocketEvent } from '../model/event.ts'
import type { Frame } from '../model/frame.ts'
import type { PortRange, Usage } from '../model/limits.ts'
import type { Process } from '../model/process.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Socket } from '../model/socket.ts'
import type { PortReport } from '../report/port.ts'
import type { PortsReport } from '../report/ports.ts'
import type { Signal } from '../source/source.ts'
import { signalAction, socketAction } from './actions.ts'
import { explainRequest, type Explanation, type ExplainOptions } from './explain.ts'
import { thisMachine } from './open.ts'
import { eventParts, watchParts, type EventOptions, type WatchOptions } from './options.ts'
import { firstOf, freePortsRequest, type FreePortOptions } from './ports.ts'
import { portOwnerRequest, portRequest, portsRequest, type Ports, type ReportOf } from './reports.ts'

export { isPortAvailable, type PortOptions } from '../ports/ports.ts'

/** Every requested socket of this machine, as it is now, with owners. */
export function sockets(query?: Query): Promise<Snapshot> {
  const plan = planQuery(query)
  return thisMachine.answer(source => source.takeSnapshot(plan))
}

/** Frames of this machine: at once and then at a fixed interval. See `Machine.watch`. */
export function watch(options: WatchOptions = {}): AsyncGenerator<Frame, void, undefined> {
  const parts = watchParts(options)
  return thisMachine.iterate(machine => machine.monitor(parts.query).frames(parts))
}

/** Each socket's opening and end on this machine, as it happens. See `Machine.events`. */
export function events(options: EventOptions = {}): AsyncGenerator<SocketEvent | EventGap, void, undefined> {
  const parts = eventParts(options)
  return thisMachine.iterate(machine => machine.monitor(parts.query).events(parts))
}

/** Watches TCP connections of this machine for a while, and judges each over the whole time. */
export function explain(options: ExplainOptions = {}): Promise<Explanation> {
  const request = explainRequest(options)
  return thisMachine.use(machine => request(machine.monitor(options)))
}

/** What listens on this machine, from where it can be reached, and how many are connected. */
export const ports = (query?: Query): Promise<ReportOf<PortsReport>> => thisMachine.answer(portsRequest(query))

/** Which processes hold these ports of this machine: the listeners, what started them, and the connections. */
export const port = (ports: Ports): Promise<ReportOf<PortReport>> => thisMachine.answer(portRequest(ports))

/** The process that holds a port; undefined when none does or it cannot be seen, which only `port()` distinguishes. */
export const portOwner = (port: number): Promise<Process | undefined> => thisMachine.answer(portOwnerRequest(port))

/** A port that is free; undefined when there is none in the range. Calls at the same time get different ports. */
export const freePort = (options?: FreePortOptions): Promise<number | undefined> =>
  firstOf(freePortsRequest(options)(thisMachine.portSearch, query => sockets(query)))

/** The ports that the system assigns to connections that do not choose one; undefined where it does not report them. */
export const ephemeralPortRange = (): Promise<PortRange | undefined> => thisMachine.use(machine => machine.ephemeralPortRange())

/** How many descriptors, and so sockets, this process has and may have. */
export const socketLimit = (): Promise<Usage> => thisMachine.use(machine => machine.socketLimit())

/** Resets one connection at once, by its exact identity: both ends see an error. `ENOENT` when it is gone. */
export const closeSocket = (socket: Socket): Promise<void> => thisMachine.answer(socketAction('close', socket))

/** Ends one connection gracefully, as its own process would. `ENOENT` when it is gone. */
export const shutdownSocket = (socket: Socket): Promise<void> => thisMachine.answer(socketAction('shutdown', socket))

/** Sends a signal to exactly this process, never to another one with the same pid. `ESRCH` when it has ended. */
export const signalProcess = (process: Process, signal: Signal = 'TERM'): Promise<void> => thisMachine.answer(signalAction(process, signal))
