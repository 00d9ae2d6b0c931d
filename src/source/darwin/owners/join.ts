// The sockets of the tables and those that processes hold, as one list with owners. Neither side deletes what the other has. Pure.

import type { Owner, Ownerless } from '../../../model/socket.ts'
import type { Row } from '../decode/row.ts'
import type { Held, Walk } from './holders.ts'

/** Adds the sockets that are held but in no table. */
export function unite(rows: Row[], held: readonly Held[]): Row[] {
  const known = new Set(rows.map(r => r.handle))
  const keys = new Set(rows.map(r => r.socket.key))
  for (const h of held) {
    // The same socket can be held many times, and be opened again between the two snapshots.
    if (h.row === undefined || known.has(h.handle) || keys.has(h.row.socket.key)) continue
    known.add(h.handle)
    keys.add(h.row.socket.key)
    rows.push(h.row)
  }
  return rows
}

/** Sets the owners of each socket, or the reason why it has none. */
export function setOwners(rows: readonly Row[], walk: Walk): void {
  const byHandle = new Map<bigint, Owner[]>()
  for (const { pid, fd, handle } of walk.held) {
    const owners = byHandle.get(handle)
    if (owners === undefined) byHandle.set(handle, [{ pid, fd }])
    else if (!owners.some(o => o.pid === pid && o.fd === fd)) owners.push({ pid, fd })
  }
  const running = new Set(walk.pids)
  const runs = (pid: number): boolean => walk.pids.length === 0 || running.has(pid)
  for (const r of rows) {
    const owners = [...((r.handle === 0n ? undefined : byHandle.get(r.handle)) ?? [])]
    if (isOwner(r, owners, walk, runs)) owners.push({ pid: r.lastPid!, fd: undefined })
    r.socket.owners = owners
    r.socket.ownerless = owners.length > 0 ? undefined : whyOwnerless(r, walk, runs)
  }
}

/** The last user counts as an owner, unless its descriptors were read and other processes hold the socket. */
function isOwner(r: Row, owners: readonly Owner[], walk: Walk, runs: (pid: number) => boolean): boolean {
  if (r.lastPid === undefined || r.withoutDescriptor || r.notAccepted || !runs(r.lastPid)) return false
  if (owners.some(o => o.pid === r.lastPid)) return false
  return owners.length === 0 || !walk.read.has(r.lastPid)
}

function whyOwnerless(r: Row, walk: Walk, runs: (pid: number) => boolean): Ownerless {
  if (r.socket.state === 'TIME_WAIT') return 'time-wait'
  if (r.notAccepted) return 'not-accepted'
  if (r.withoutDescriptor) return 'orphan'
  if (r.ofKernel) return 'kernel'
  if (r.lastPid !== undefined && !runs(r.lastPid)) return 'exited'
  return walk.hidden > 0 ? 'permission' : 'unknown'
}
