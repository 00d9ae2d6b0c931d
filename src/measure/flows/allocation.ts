// Which process moved the bytes of one socket. Each byte is allocated to one process, once.
//
// A socket's own counters report how much moved in total; the calls of processes (`Traffic`) report who moved it. The two differ while bytes wait
// in a buffer, so bytes that are not yet attributed wait here until a process has read them, or the socket closes. What has left the buffer without
// a counted call (splice, mapped memory) belongs to the processes that hold the socket: to one alone, or as an estimate.

/** The bytes of one process, and whether they are certainly its own. */
export interface Part {
  /** 0 for processes outside of this pid namespace, where no process has that number. */
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

/** Who holds a socket, and what processes have moved on it, in one direction. */
export interface Evidence {
  /** The processes that hold it, in ascending order. */
  readonly holders: readonly number[]
  /** What each process has moved in total by its own calls; undefined where these are not counted. */
  readonly called: ReadonlyMap<number, number> | undefined
  /** Whether a process has been reported: the bytes of another wait for that. */
  readonly isKnown: (pid: number) => boolean
  /** How many bytes are queued, so that no process can have read them; undefined where that is not known. */
  readonly queued: number | undefined
  /** The socket has closed: nothing can wait any longer. */
  readonly isLast: boolean
}

/** Which process has which bytes, in one direction of one socket. */
export class Allocation {
  /** What was attributed to each process by its calls. */
  readonly #byCalls = new Map<number, number>()
  #waiting = 0
  /** Bytes that were queued when counting began: they are read first, and are not counted. */
  #older = 0
  /** The process that alone held the socket at the last count. */
  #holder: number | undefined
  #isCounting = false

  /** Moved, but not yet read or written by a process, as far as can be seen. */
  get waiting(): number {
    return this.#waiting
  }

  /** Records what processes had moved before counting began, and how many bytes were queued then. */
  begin(called: ReadonlyMap<number, number>, queued: number): void {
    for (const [pid, bytes] of called) this.#byCalls.set(pid, bytes)
    this.#older = queued
  }

  /** Allocates `bytes` that moved now. What no process has read yet waits. */
  allocate(bytes: number, evidence: Evidence): Part[] {
    const pool = bytes + this.#waiting
    const { holders, called } = evidence
    const [holder] = holders.length === 1 ? holders : []
    // One that held it alone at both ends of the interval has moved what no call shows.
    const isOnlyOne = holder !== undefined && (!this.#isCounting || this.#holder === holder)
    this.#holder = holder
    this.#isCounting = true
    this.#waiting = 0
    if (called === undefined) return this.#share(pool, holders, [], isOnlyOne)
    const pids = [...called.keys()].sort((a, b) => a - b)
    const due = pids.map(pid => this.#due(pid, called.get(pid)!))
    const sum = due.reduce((a, b) => a + b, 0)
    const given = sum > pool ? split(pool, due) : due
    const isSure = sum <= pool || due.filter(one => one > 0).length === 1
    const parts: Part[] = []
    let unknown = 0
    for (const [i, pid] of pids.entries()) {
      if (given[i] === 0) continue
      if (!evidence.isKnown(pid)) {
        unknown += given[i]!
        continue
      }
      this.#byCalls.set(pid, (this.#byCalls.get(pid) ?? 0) + given[i]!)
      parts.push({ pid, bytes: given[i]!, sure: isSure })
    }
    // Below 0, a byte that was counted too early is given back: the next ones make up for it.
    const rest = pool < 0 ? pool : Math.max(0, pool - sum)
    // What is queued has been read by nobody: at the end it belongs to the holders all the same, as an estimate.
    const queued = Math.min(rest, evidence.queued ?? (evidence.isLast ? 0 : rest))
    this.#waiting = (evidence.isLast ? 0 : queued) + unknown
    const users = pids.filter(pid => called.get(pid)! > 0)
    const weights = evidence.isLast && users.length > 0 ? users.map(pid => called.get(pid)!) : []
    const isAlone = isOnlyOne && users.every(pid => pid === holder)
    const sharers = weights.length > 0 ? users : holders
    if (evidence.isLast) parts.push(...this.#share(queued, sharers, weights, false))
    return [...parts, ...this.#share(rest - queued, sharers, weights, isAlone)]
  }

  /** What a process has moved since the last count; what it read of older bytes is left out. */
  #due(pid: number, called: number): number {
    const due = Math.max(0, called - (this.#byCalls.get(pid) ?? 0))
    const older = Math.min(due, this.#older)
    if (older === 0) return due
    this.#older -= older
    this.#byCalls.set(pid, (this.#byCalls.get(pid) ?? 0) + older)
    return due - older
  }

  /** Shares bytes that no call shows; they wait where there is no process to have them. */
  #share(bytes: number, pids: readonly number[], weights: readonly number[], isSure: boolean): Part[] {
    if (bytes === 0) return []
    if (pids.length === 0) {
      this.#waiting += bytes
      return []
    }
    const shares = split(bytes, weights.length > 0 ? weights : pids.map(() => 1))
    return pids.map((pid, i) => ({ pid, bytes: shares[i]!, sure: isSure })).filter(part => part.bytes !== 0)
  }
}
