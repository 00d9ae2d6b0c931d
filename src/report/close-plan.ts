// Which connections would be closed, and which of those that match are spared and why.

import type { Process } from '../model/process.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Socket } from '../model/socket.ts'

/** A socket that matches but is not closed. */
export interface SparedSocket {
  /** The socket. */
  readonly socket: Socket
  /** It has no remote end, has ended already, or belongs to the calling program. */
  readonly code: 'not-connected' | 'ended' | 'self'
}

/** What would be closed. */
export interface ClosePlan {
  /** The connections to close. */
  readonly connections: readonly Socket[]
  /** The other sockets of the snapshot. */
  readonly spared: readonly SparedSocket[]
  /** The processes that hold the sockets, and their parents. */
  readonly processes: readonly Process[]
}

/** The plan to close what a snapshot of matching sockets shows; `self` is the pid of the program that asks, where it can be in the snapshot. */
export function closePlan(snapshot: Snapshot, self: number | undefined): ClosePlan {
  const connections: Socket[] = []
  const spared: SparedSocket[] = []
  for (const socket of snapshot.sockets) {
    const code = sparedOf(socket, self)
    if (code === undefined) connections.push(socket)
    else spared.push({ socket, code })
  }
  return { connections, spared, processes: [...snapshot.processes.values()] }
}

function sparedOf(socket: Socket, self: number | undefined): SparedSocket['code'] | undefined {
  if (socket.remote === undefined) return 'not-connected'
  if (socket.state === 'TIME_WAIT' || socket.state === 'CLOSED') return 'ended'
  return socket.owners.some(o => o.pid === self) ? 'self' : undefined
}
