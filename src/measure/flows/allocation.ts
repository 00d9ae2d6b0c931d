// Which process moved the bytes of one socket. Each byte is allocated to one process, once.
//
// A socket's own counters report how much moved in total; the calls of processes (`Traffic`) report who moved it. The two differ while bytes wait
// in a buffer, so bytes that are not yet attributed wait here until a process has read them, or the socket closes.

/** The bytes of one process, and whether they are certainly its own. */
export interface Part {
  readonly pid: number
  readonly bytes: number
  readonly sure: boolean
}

/** Splits bytes by weights, in whole bytes; the remainder goes to the first ones. */
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

/** Which process has which bytes, in one direction of one socket. */
export class Allocation {
  readonly #byPid = new Map<number, number>()
  #waiting = 0

  /** Moved, but not yet read or written by a process, as far as can be seen. */
  get waiting(): number {
    return this.#waiting
  }

  /** Records what a process had moved before counting began. */
  begin(pid: number, bytes: number): void {
    this.#byPid.set(pid, bytes)
  }

  /**
   * Allocates `bytes` that moved now to `pids`, in ascending order. `used` is what each process has moved in total by its own calls, where these are counted.
   * `isLast`: the socket has closed, and nothing can wait any longer.
   */
  allocate(bytes: number, pids: readonly number[], used: ReadonlyMap<number, number>, isLast: boolean): Part[] {
    const pool = bytes + this.#waiting
    if (pids.length === 0) {
      this.#waiting = pool
      return []
    }
    this.#waiting = 0
    if (pids.length === 1) return this.#note(pids, [pool], true)
    if (used.size === 0)
      return this.#note(
        pids,
        split(
          pool,
          pids.map(() => 1),
        ),
        false,
      )
    const due = pids.map(pid => Math.max(0, (used.get(pid) ?? 0) - (this.#byPid.get(pid) ?? 0)))
    const sum = due.reduce((a, b) => a + b, 0)
    if (sum > pool) return this.#note(pids, split(pool, due), false)
    const parts = this.#note(pids, due, true)
    const rest = pool - sum
    if (!isLast) this.#waiting = rest
    else if (rest > 0)
      parts.push(
        ...this.#note(
          pids,
          split(
            rest,
            pids.map(pid => used.get(pid) ?? 0),
          ),
          false,
        ),
      )
    return parts
  }

  #note(pids: readonly number[], bytes: readonly number[], sure: boolean): Part[] {
    const parts: Part[] = []
    for (const [i, pid] of pids.entries()) {
      if (bytes[i]! === 0) continue
      this.#byPid.set(pid, (this.#byPid.get(pid) ?? 0) + bytes[i]!)
      parts.push({ pid, bytes: bytes[i]!, sure })
    }
    return parts
  }
}
