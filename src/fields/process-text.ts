// Processes as text.

import { namespaceText } from './endpoint.ts'
import { ownerlessText } from '../model/ownerless.ts'
import type { Process } from '../model/process.ts'
import type { Socket } from '../model/socket.ts'

/** `node (app.js) 4711`, made of foreign text: pass it through safe() before printing. */
export function processText(process: Process | undefined, pid: number): string {
  if (process === undefined) return `pid ${pid}`
  return `${process.name}${process.script === undefined ? '' : ` (${process.script})`} ${pid}`
}

/** The processes that hold a socket, as far as they are known. */
export const holdersOf = ({ owners }: Socket, processes: ReadonlyMap<number, Process>): Process[] =>
  [...new Set(owners.map(owner => owner.pid))].flatMap(pid => processes.get(pid) ?? [])

/** The holders of a socket, and its network namespace where more than the current one was requested. */
export function placeText(socket: Socket, processes: ReadonlyMap<number, Process>, nobody = ''): string {
  const namespace = namespaceText(socket)
  return `${holdersText(socket, processes) || nobody}${namespace === '' ? '' : `  namespace ${namespace}`}`
}

/** Every process that holds a socket, or in brackets why there is none; empty where owners were not looked up. */
export function holdersText(socket: Socket, processes: ReadonlyMap<number, Process>): string {
  const pids = [...new Set(socket.owners.map(o => o.pid))]
  if (pids.length > 0) return pids.map(pid => processText(processes.get(pid), pid)).join(', ')
  return socket.ownerless === undefined ? '' : ownerlessText(socket.ownerless)
}
