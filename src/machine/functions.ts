// The functions that need no machine: this machine, opened when it is first needed and closed when nobody uses it. Wrong arguments throw at the
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
import { freePortRequest, type FreePortOptions } from './ports.ts'
import { portOwnerRequest, portRequest, portsRequest, type Ports, type ReportOf } from './reports.ts'

export { isPortAvailable, type PortOptions } from '../ports/ports.ts'

/** Every socket of this machine that is asked for, as it is now, with owners. */
export function sockets(query?: Query): Promise<Snapshot> {
  const plan = planQuery(query)
  return thisMachine.use(({ source }) => source.takeSnapshot(plan))
}

/** Frames of this machine: at once and then every so often. See `Machine.watch`. */
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
export function ports(query?: Query): Promise<ReportOf<PortsReport>> {
  const request = portsRequest(query)
  return thisMachine.use(({ source }) => request(source))
}

/** Who has these ports of this machine: the listeners with their processes, what started those, and the connections. */
export function port(ports: Ports): Promise<ReportOf<PortReport>> {
  const request = portRequest(ports)
  return thisMachine.use(({ source }) => request(source))
}

/** The process that holds a port; undefined when none does or it cannot be seen, which `port()` tells apart. */
export function portOwner(port: number): Promise<Process | undefined> {
  const request = portOwnerRequest(port)
  return thisMachine.use(({ source }) => request(source))
}

/** A port that is free; undefined when there is none in the range. */
export function freePort(options?: FreePortOptions): Promise<number | undefined> {
  return freePortRequest(options)(query => sockets(query))
}

/** The ports that the system gives to connections that do not ask for one; undefined where it does not report them. */
export const ephemeralPortRange = (): Promise<PortRange | undefined> => thisMachine.use(machine => machine.ephemeralPortRange())

/** How many descriptors, and so sockets, this process has and may have. */
export const socketLimit = (): Promise<Usage> => thisMachine.use(machine => machine.socketLimit())

/** Resets one connection at once, by its exact identity: both ends see an error. `ENOENT` when it is gone. */
export function closeSocket(socket: Socket): Promise<void> {
  const action = socketAction('close', socket)
  return thisMachine.use(({ source }) => action(source))
}

/** Ends one connection gracefully, as its own process would. `ENOENT` when it is gone. */
export function shutdownSocket(socket: Socket): Promise<void> {
  const action = socketAction('shutdown', socket)
  return thisMachine.use(({ source }) => action(source))
}

/** Sends a signal to exactly this process, never to another that got its pid. `ESRCH` when it has ended. */
export function signalProcess(process: Process, signal: Signal = 'TERM'): Promise<void> {
  const action = signalAction(process, signal)
  return thisMachine.use(({ source }) => action(source))
}
