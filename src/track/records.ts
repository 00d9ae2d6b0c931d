// What follows from two records of one socket: whether it has ended, its last bytes, its end, and one record merged from both.

import type { Accuracy } from '../model/accuracy.ts'
import { definedOf } from '../model/defined.ts'
import type { ClosedReport, SocketEvent } from '../model/event.ts'
import { payload, sentOnce } from '../model/payload.ts'
import type { Process } from '../model/process.ts'
import type { Socket } from '../model/socket.ts'
import type { Moved } from '../measure/flows/tables.ts'
import type { Account } from './account.ts'
import { finalBytes } from './final-bytes.ts'
import type { TrackedSocket } from './tracked-socket.ts'

/**
 * True at the very end of a connection. A snapshot taken then cannot show whether the other end's FIN is in the bytes, and a socket that only
 * waits has no counters any more: its last report has them.
 */
export function isOver({ protocol, state, tcp, traffic }: Socket, was: Socket | undefined): boolean {
  if (protocol !== 'tcp' || traffic?.accuracy === 'exact') return false
  return state === 'BOUND' || state === 'CLOSED' || (tcp === undefined && (state === 'TIME_WAIT' || was?.tcp !== undefined))
}

/**
 * A socket that snapshots miss: what it moved after the last of them is not known. `isPending`: its end has not been reported yet, and may still be, with
 * all its bytes.
 */
export const movedUnseen = ({ socket }: Account, processes: readonly Process[], isPending: boolean): Moved => ({
  socket,
  amount: { inBytes: 0, outBytes: 0, accuracy: 'sampled', isPending },
  inParts: [],
  outParts: [],
  pids: processes.map(process => process.pid),
  processes: new Map(processes.map(process => [process.pid, process])),
})

/** The end of a socket that only snapshots show: what it moved after the last of them is not known. */
export function vanished(one: TrackedSocket, sequence: number, atMs: number, processes: readonly Process[]): SocketEvent {
  const moved = payload(one.socket, one.connected)
  return {
    type: 'closed',
    sequence,
    atMs,
    durationMs: one.openedAtMs === undefined ? undefined : atMs - one.openedAtMs,
    socket: joinRecords(one.socket, undefined, one.users),
    processes,
    inBytes: moved?.inBytes,
    outBytes: moved?.outBytes,
    accuracy: moved && 'sampled',
    tier: 'snapshot',
  }
}

/** The bytes of a socket that ended: those reported, else those of its final counters, else those last seen. */
export function closingBytes(
  report: ClosedReport,
  was: Socket | undefined,
  connected: boolean | undefined,
): { inBytes: number | undefined; outBytes: number | undefined; accuracy: Accuracy | undefined } {
  const { inBytes, outBytes, accuracy } = report
  if (inBytes !== undefined) {
    const sent =
      report.socket && report.finSent !== undefined ? sentOnce(report.socket, { syn: connected, fin: report.finSent }) : undefined
    return sent === undefined ? { inBytes, outBytes, accuracy } : { inBytes, outBytes: sent.bytes, accuracy: sent.accuracy }
  }
  const final = report.peer && report.socket && finalBytes(report.socket, was, report.peer, connected)
  if (final !== undefined) return final
  const seen = was && payload(was, connected)
  return { inBytes: seen?.inBytes, outBytes: seen?.outBytes, accuracy: seen && 'sampled' }
}

/** The current record, completed with what an earlier one had. A descriptor is known only from a snapshot. */
export function joinRecords(now: Socket, was: Socket | undefined, users: ReadonlyMap<number, Process> | undefined): Socket {
  const owners = [...(was?.owners ?? now.owners)]
  if (was !== undefined) for (const owner of now.owners) if (!owners.some(known => known.pid === owner.pid)) owners.push(owner)
  for (const pid of users?.keys() ?? []) if (!owners.some(known => known.pid === pid)) owners.push({ pid, fd: undefined })
  const ownerless = owners.length > 0 ? undefined : (was?.ownerless ?? now.ownerless)
  if (was === undefined) return owners.length === now.owners.length && ownerless === now.ownerless ? now : { ...now, owners, ownerless }
  return {
    ...now,
    uid: now.uid ?? was.uid,
    inode: now.inode ?? was.inode,
    cgroup: now.cgroup ?? was.cgroup,
    namespace: now.namespace ?? was.namespace,
    interface: now.interface ?? was.interface,
    remote: now.remote ?? was.remote,
    owners,
    ownerless,
    tcp: now.tcp && was.tcp ? { ...was.tcp, ...definedOf(now.tcp), negotiated: was.tcp.negotiated ?? now.tcp.negotiated } : now.tcp,
    traffic: now.traffic ?? was.traffic,
    detail: now.detail ?? was.detail,
  }
}
