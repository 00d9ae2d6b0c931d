// The counters that BPF programs keep in the kernel, by socket and process, as this program has read them. It is what says which counters
// exist, so that those of a socket that ended can be read a last time and freed.

import { endGraceMs } from '../../../model/event.ts'
import type { Snapshot } from '../../../model/snapshot.ts'
import type { Protocol, Traffic } from '../../../model/socket.ts'
import type { Draft } from '../decode/draft.ts'
import type { Meter, ProcessTraffic } from '../bpf/meter.ts'
import { keyOfCookie, trafficOf } from './records.ts'

/** So many snapshots in a row must miss a socket before its counters are taken for those of a socket that ended. */
const graceSnapshots = 2
/** More ended sockets than this are not kept track of. */
const maxEnded = 200_000

/** The counters of one socket. */
interface SocketCounters {
  readonly cookie: bigint | number
  /** Undefined until a record has named it. */
  protocol: Protocol | undefined
  readonly counts: ProcessTraffic[]
  /** What they add up to; undefined when one of them has changed. */
  traffic: Traffic | undefined
  /** The reading that held it last. */
  reading: number
  missing: number
}

const datagram: ReadonlySet<Protocol> = new Set<Protocol>(['udp', 'udplite', 'icmp', 'unix'])
const nothing = trafficOf([])

/** The counters of all sockets. */
export class TrafficCounters {
  readonly #meter: Meter
  readonly #sockets = new Map<string, SocketCounters>()
  /** When sockets ended whose counters were freed: a process may still read what had arrived, and make new ones. */
  readonly #ended = new Map<string, number>()
  #reading = 0

  constructor(meter: Meter) {
    this.#meter = meter
  }

  /** Notes that a process used a socket for the first time, and so has counters. False when that socket has ended: then they are freed. */
  add(key: string, cookie: bigint, pid: number, protocol: Protocol): boolean {
    if (this.#ended.has(key)) {
      this.#meter.read(cookie, pid, true)
      return false
    }
    const counters = this.#of(key, cookie)
    counters.protocol = protocol
    if (pid !== 0 && !counters.counts.some(count => count.pid === pid))
      counters.counts.push({ pid, inBytes: 0, outBytes: 0, inCalls: 0, outCalls: 0 })
    return true
  }

  /** Reads all counters. What did not change since costs no more than a comparison. */
  read(): void {
    const reading = ++this.#reading
    this.#meter.readAll((cookie, count) => {
      const counters = this.#of(keyOfCookie(cookie), cookie)
      counters.reading = reading
      const at = counters.counts.findIndex(({ pid }) => pid === count.pid)
      if (at >= 0 && isSame(counters.counts[at]!, count)) return
      counters.counts[at < 0 ? counters.counts.length : at] = count
      counters.traffic = undefined
    })
    for (const [key, counters] of this.#sockets) if (counters.reading > 0 && counters.reading !== reading) this.#sockets.delete(key)
  }

  /** Puts what was read into the sockets of a snapshot that is being made. */
  addTo(sockets: readonly Draft[]): void {
    for (const socket of sockets) {
      const counters = this.#sockets.get(socket.key)
      // No process has used it since: a datagram socket moved nothing, and what a connection has received is not read yet.
      if (counters !== undefined && counters.reading > 0) socket.traffic = counters.traffic ??= trafficOf(counters.counts)
      else if (datagram.has(socket.protocol) || (socket.tcp !== undefined && socket.state !== 'LISTEN')) socket.traffic = nothing
    }
  }

  /** Frees the counters of a socket that has ended, and gives what they were. */
  release(key: string, atMs: number): Traffic {
    const counters = this.#sockets.get(key)
    const pids = (counters?.counts ?? []).map(({ pid }) => pid)
    if (this.#meter.countsForeignPids && !pids.includes(0)) pids.push(0)
    this.#sockets.delete(key)
    this.#ended.set(key, atMs)
    if (counters === undefined) return nothing
    const cookie = BigInt(counters.cookie)
    return trafficOf(pids.map(pid => this.#meter.read(cookie, pid, true)).filter(count => count !== undefined))
  }

  hasEnded(key: string): boolean {
    return this.#ended.has(key)
  }

  /** A socket of that key is open again. */
  reopen(key: string): void {
    this.#ended.delete(key)
  }

  has(key: string): boolean {
    return this.#sockets.has(key)
  }

  /** The sockets whose counters are still there although snapshots that hold every socket of these protocols have not held them. */
  orphans(snapshot: Snapshot, complete: ReadonlySet<Protocol>): readonly Orphan[] {
    for (const one of this.#sockets.values()) one.missing++
    for (const { key, state } of snapshot.sockets) {
      const one = state === 'TIME_WAIT' ? undefined : this.#sockets.get(key)
      if (one !== undefined) one.missing = 0
    }
    const orphans: Orphan[] = []
    for (const [key, one] of this.#sockets) {
      const { protocol } = one
      if (protocol === undefined || !complete.has(protocol)) one.missing = 0
      else if (one.missing >= graceSnapshots) orphans.push({ key, protocol })
    }
    return orphans
  }

  /** Drops the ended sockets of which nothing can be reported any more. */
  forgetEnded(nowMs: number): void {
    for (const [key, atMs] of this.#ended) {
      if (nowMs - atMs < endGraceMs && this.#ended.size < maxEnded) break
      this.#ended.delete(key)
    }
  }

  #of(key: string, cookie: bigint | number): SocketCounters {
    let counters = this.#sockets.get(key)
    if (counters === undefined) {
      counters = { cookie, protocol: undefined, counts: [], traffic: undefined, reading: 0, missing: 0 }
      this.#sockets.set(key, counters)
    }
    return counters
  }
}

/** A socket whose counters are there although it seems to have ended. */
export interface Orphan {
  readonly key: string
  readonly protocol: Protocol
}

const isSame = (a: ProcessTraffic, b: ProcessTraffic): boolean =>
  a.inBytes === b.inBytes && a.outBytes === b.outBytes && a.inCalls === b.inCalls && a.outCalls === b.outCalls
