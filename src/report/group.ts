// Sockets counted by what they have in common.

import type { Socket } from '../model/socket.ts'
import { findColumn, type Surroundings } from '../render/columns.ts'

/** What sockets can be grouped by. */
export const groupWords: readonly string[] = ['process', 'user', 'remote', 'container', 'state', 'unit', 'namespace']

/** A group of sockets. */
export interface Group {
  readonly name: string
  readonly sockets: number
  readonly listening: number
  readonly established: number
}

/** Counts the sockets by a word; the biggest group first, then by name. */
export function groupSockets(sockets: readonly Socket[], word: string, around: Surroundings): readonly Group[] {
  const groups = new Map<string, { sockets: number; listening: number; established: number }>()
  for (const socket of sockets) {
    const name = groupName(socket, word, around)
    const group = groups.get(name) ?? { sockets: 0, listening: 0, established: 0 }
    group.sockets++
    if (socket.state === 'LISTEN') group.listening++
    if (socket.state === 'ESTABLISHED') group.established++
    groups.set(name, group)
  }
  return [...groups].map(([name, group]) => ({ name, ...group })).sort((a, b) => b.sockets - a.sockets || (a.name < b.name ? -1 : 1))
}

function groupName(socket: Socket, word: string, around: Surroundings): string {
  if (word === 'remote') return socket.remote?.address ?? socket.remote?.path ?? '(none)'
  if (word === 'process') {
    const owner = socket.owners[0]
    if (owner === undefined) return `(${socket.ownerless ?? 'unknown'})`
    return `${around.processes.get(owner.pid)?.name ?? '?'} ${owner.pid}`
  }
  return String(findColumn(word)!.value(socket, around) ?? '(none)')
}
