// The functions that need no machine: this machine, opened when it is first needed and closed when nobody uses it.

import { planQuery, type Query } from '../filter/plan.ts'
import { checkMillis } from '../model/arguments.ts'
import type { EventGap, SocketEvent } from '../model/event.ts'
import type { Frame } from '../model/frame.ts'
import type { Process } from '../model/process.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Socket } from '../model/socket.ts'
import type { Signal } from '../source/source.ts'
import type { Explanation, ExplainOptions } from './explain.ts'
import { thisMachine } from './open.ts'
import { checkSignal, eventParts, splitOptions, watchParts, type EventOptions, type WatchOptions } from './options.ts'

/** Every socket of this machine that is asked for, as it is now, with owners. */
export function sockets(query?: Query): Promise<Snapshot> {
  planQuery(query)
  return thisMachine.use(machine => machine.snapshot(query))
}

/** Frames of this machine: at once and then every so often. See `Machine.watch`. */
export function watch(options: WatchOptions = {}): AsyncGenerator<Frame, void, undefined> {
  watchParts(options)
  return thisMachine.iterate(machine => machine.watch(options))
}

/** Each socket's opening and end on this machine, as it happens. See `Machine.events`. */
export function events(options: EventOptions = {}): AsyncGenerator<SocketEvent | EventGap, void, undefined> {
  eventParts(options)
  return thisMachine.iterate(machine => machine.events(options))
}

/** Watches TCP connections of this machine for a while, and judges each over the whole time. */
export function explain(options: ExplainOptions = {}): Promise<Explanation> {
  const { rest } = splitOptions(options, ['for', 'signal'])
  if (rest.for !== undefined) checkMillis('for', rest.for)
  checkSignal(rest.signal)
  return thisMachine.use(machine => machine.explain(options))
}

/** Resets one connection at once, by its exact identity: both ends see an error. `ENOENT` when it is gone. */
export const closeSocket = (socket: Socket): Promise<void> => thisMachine.use(machine => machine.closeSocket(socket))

/** Ends one connection gracefully, as its own process would. `ENOENT` when it is gone. */
export const shutdownSocket = (socket: Socket): Promise<void> => thisMachine.use(machine => machine.shutdownSocket(socket))

/** Sends a signal to exactly this process, never to another that got its pid. `ESRCH` when it has ended. */
export const signalProcess = (process: Process, signal: Signal = 'TERM'): Promise<void> =>
  thisMachine.use(machine => machine.signalProcess(process, signal))
