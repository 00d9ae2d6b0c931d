// Which process moved the bytes of one socket. A byte is given to one process, once.
//
// A socket's own counters say how much moved in all; the calls of processes (`Traffic`) say who. The two differ while bytes wait
// in a buffer, so what is not yet anybody's waits here until a process has read it, or the socket closes.

import type { Share } from '../../model/socket.ts'

/** What has been given to whom, in one direction of one socket. */
export interface Allocation {
  readonly byPid: Map<number, number>
  /** Moved, but no process has read or written it yet as far as can be seen. */
  waiting: number
}

/** The bytes of one process, and whether it is known that they are its own. */
export interface Part {
  readonly pid: number
  readonly bytes: number
  readonly sure: boolean
}

/** Splits bytes by weights, in whole bytes; what does not divide goes to the first ones. */
export function split(bytes: number, weights: readonly number[]): number[] {
  const sum = weights.reduce((a, b) => a + b, 0)
  if (sum <= 0) return weights.map(() => 0)
  const parts = weights.map(weight => Math.floor((bytes * weight) / sum))
  let rest = bytes - parts.reduce((a, b) => a + b, 0)
  for (let i = 0; rest > 0; i = (i + 1) % parts.length) {
    if (weights[i]! <= 0) continue
    parts[i]! += 1
    rest--
  }
  return parts
}

/** Gives `bytes` that moved now. `last` says that the socket has closed, and nothing can wait any longer. */
export function give(
  given: Allocation,
  bytes: number,
  owners: readonly number[],
  shares: readonly Share[],
  of: 'inBytes' | 'outBytes',
  last: boolean,
): Part[] {
  const pids = [...new Set([...shares.map(s => s.pid), ...owners])].sort((a, b) => a - b)
  const pool = bytes + given.waiting
  if (pids.length === 0) {
    given.waiting = pool
    return []
  }
  given.waiting = 0
  if (pids.length === 1) return note(given, pids, [pool], true)
  const used = new Map(shares.map(s => [s.pid, s[of]]))
  if (used.size === 0)
    return note(
      given,
      pids,
      split(
        pool,
        pids.map(() => 1),
      ),
      false,
    )
  const wants = pids.map(pid => Math.max(0, (used.get(pid) ?? 0) - (given.byPid.get(pid) ?? 0)))
  const requested = wants.reduce((a, b) => a + b, 0)
  if (requested > pool) return note(given, pids, split(pool, wants), false)
  const parts = note(given, pids, wants, true)
  const rest = pool - requested
  if (!last) given.waiting = rest
  else if (rest > 0)
    parts.push(
      ...note(
        given,
        pids,
        split(
          rest,
          pids.map(pid => used.get(pid) || 0),
        ),
        false,
      ),
    )
  return parts
}

function note(given: Allocation, pids: readonly number[], bytes: readonly number[], sure: boolean): Part[] {
  const parts: Part[] = []
  for (const [i, pid] of pids.entries()) {
    if (bytes[i]! === 0) continue
    given.byPid.set(pid, (given.byPid.get(pid) ?? 0) + bytes[i]!)
    parts.push({ pid, bytes: bytes[i]!, sure })
  }
  return parts
}
