// The counters that BPF programs keep in the kernel, by socket and process, as this program has read them. Where a socket has ended, the kernel frees those of
// its first user, and reports them with the end; those of other processes are read and freed here.

import type { Protocol, Traffic } from '../../../model/socket.ts'
import type { Draft } from '../decode/draft.ts'
import type { Meter, ProcessTraffic } from '../bpf/meter.ts'
import type { TrafficRecord } from '../bpf/records.ts'
import { keyOfCookie, trafficOf } from './records.ts'

/** The counters of one socket. */
interface SocketCounters {
  readonly id: bigint | number
  /** The processes whose first use was reported. */
  readonly users: number[]
  readonly counts: ProcessTraffic[]
  /** Processes whose first use was not recorded. */
  unrecorded: number[] | undefined
  /** What they add up to; undefined when one of them has changed. */
  traffic: Traffic | undefined
  /** The reading that held it last; 0 before the first. */
  reading: number
}

const nothing = trafficOf([])

/** The counters of all sockets. */
export class TrafficCounters {
  readonly #meter: Meter
  readonly #sockets = new Map<string, SocketCounters>()
  /** The keys of the sockets whose keys are not their identities. */
  readonly #keys = new Map<number, string>()
  #reading = 0

  constructor(meter: Meter) {
    this.#meter = meter
  }

  /** Notes that a process used a socket for the first time, and so has counters. */
  add(key: string, id: bigint, pid: number): void {
    const counters = this.#of(key, id)
    if (!counters.users.includes(pid)) counters.users.push(pid)
    if (key !== keyOfCookie(id)) this.#keys.set(Number(id), key)
  }

  /** The key of a socket whose use was reported; undefined for any other one. */
  keyOf(id: bigint): string | undefined {
    return this.#keys.get(Number(id))
  }

  /** Whether a use of a socket was reported. Counters can be read of one whose use was not. */
  has(key: string): boolean {
    return (this.#sockets.get(key)?.users.length ?? 0) > 0
  }

  /** Reads all counters. What did not change since costs no more than a comparison. */
  read(): void {
    const reading = ++this.#reading
    this.#meter.readAll((id, count, isUnrecorded) => {
      const counters = this.#of(this.#keys.get(id) ?? keyOfCookie(id), id)
      counters.reading = reading
      if (isUnrecorded && !counters.users.includes(count.pid)) (counters.unrecorded ??= []).push(count.pid)
      const at = counters.counts.findIndex(({ pid }) => pid === count.pid)
      if (at >= 0 && isSame(counters.counts[at]!, count)) return
      counters.counts[at < 0 ? counters.counts.length : at] = count
      counters.traffic = undefined
    })
    for (const [key, counters] of this.#sockets) if (counters.reading > 0 && counters.reading !== reading) this.#forget(key, counters)
  }

  /**
   * Puts what was read into the sockets of a snapshot that is being made. `counted`: those of these protocols moved nothing when they have no counters.
   * Reports to `found` the processes whose first use was not recorded.
   */
  addTo(sockets: readonly Draft[], counted: ReadonlySet<Protocol>, found: (socket: Draft, id: bigint, pid: number) => void): void {
    for (const socket of sockets) {
      const counters = this.#sockets.get(socket.key)
      if (counters?.unrecorded !== undefined) {
        for (const pid of counters.unrecorded) found(socket, BigInt(counters.id), pid)
        counters.users.push(...counters.unrecorded)
        counters.unrecorded = undefined
      }
      // No process has used it since: a datagram socket moved nothing, and what a connection has received is not read yet.
      if (counters !== undefined && counters.reading > 0) socket.traffic = counters.traffic ??= trafficOf(counters.counts)
      else if (counted.has(socket.protocol) || (socket.tcp !== undefined && socket.state !== 'LISTEN')) socket.traffic = nothing
    }
  }

  /** Frees the counters of a socket that has ended, and gives what they were. `end`: the record of its end, which has those of the first user. */
  release(key: string, end?: TrafficRecord): Traffic {
    const counters = this.#sockets.get(key)
    const moves: ProcessTraffic[] = []
    if (end !== undefined) {
      const [inBytes, inCalls, outBytes, outCalls] = end.moved as [number, number, number, number]
      if (inBytes + outBytes > 0) moves.push({ pid: end.tgid, inBytes, inCalls, outBytes, outCalls })
    }
    if (counters !== undefined) {
      const pids = new Set([...counters.users, ...counters.counts.map(({ pid }) => pid)])
      if (this.#meter.countsForeignPids) pids.add(0)
      if (end !== undefined) pids.delete(end.tgid)
      for (const pid of pids) {
        const moved = this.#meter.take(BigInt(counters.id), pid)
        if (moved !== undefined) moves.push({ pid, ...moved })
      }
      this.#forget(key, counters)
    }
    return moves.length === 0 ? nothing : trafficOf(moves)
  }

  #forget(key: string, { id }: SocketCounters): void {
    this.#sockets.delete(key)
    this.#keys.delete(Number(id))
  }

  #of(key: string, id: bigint | number): SocketCounters {
    let counters = this.#sockets.get(key)
    if (counters === undefined) {
      counters = { id, users: [], counts: [], unrecorded: undefined, traffic: undefined, reading: 0 }
      this.#sockets.set(key, counters)
    }
    return counters
  }
}

const isSame = (a: ProcessTraffic, b: ProcessTraffic): boolean =>
  a.inBytes === b.inBytes && a.outBytes === b.outBytes && a.inCalls === b.inCalls && a.outCalls === b.outCalls
