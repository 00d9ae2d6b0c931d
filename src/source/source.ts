// The interface of every place that sockets come from: this machine, a recording, another machine.

import type { Query } from '../filter/query.ts'
import type { Ability } from '../model/ability.ts'
import type { EventGap, SocketEvent } from '../model/event.ts'
import type { Interface } from '../model/interface.ts'
import type { Look } from '../model/look.ts'
import type { Process } from '../model/process.ts'

/** A place that sockets come from. Every folder beside this file makes one, and the rest of the program knows nothing else of it. */
export interface Source {
  /** `linux`, `darwin`, `windows`; with `replay` before it when it is a recording. */
  readonly name: string
  /** Looks once. It never holds the event loop for long. */
  sockets(query?: Query): Promise<Look>
  process(pid: number): Promise<Process | undefined>
  interfaces(): Promise<readonly Interface[]>
  /** Sockets as they open and close, where the operating system can tell. */
  events?(query?: Query, signal?: AbortSignal): AsyncIterable<SocketEvent | EventGap>
  /** What works here, what does not, why, and what would help. */
  abilities(): Promise<readonly Ability[]>
  /** True when a recording has no further look. */
  readonly ended: boolean
  close(): void
}
