// Events from programs inside the kernel: openings and ends of sockets, which process used which socket, and how many bytes. The ends of UNIX sockets are found
// at each snapshot: no program can run at them.

import { cString } from '../../../bytes/text.ts'
import type { ClosedReport, EventGap, SourceEvent, UsedReport } from '../../../model/event.ts'
import { sentOnce } from '../../../model/payload.ts'
import type { Process } from '../../../model/process.ts'
import type { Protocol, Socket, Traffic } from '../../../model/socket.ts'
import type { Meter } from '../bpf/meter.ts'
import { endings, recordKinds, type MoveValue, type TrafficRecord } from '../bpf/records.ts'
import type { Draft } from '../decode/draft.ts'
import { familyNumbers } from '../decode/numbers.ts'
import type { DestroyMessages } from './destroy-messages.ts'
import { destroyedReport } from './destroy-reader.ts'
import { eventGap, lacksHelp, type LinuxEventReader } from './reader.ts'
import {
  finalQueues,
  finalTcp,
  hasConnected,
  hasSentFin,
  keyOfCookie,
  keyOfRecord,
  processOf,
  recordedInBytes,
  recordProtocol,
  socketOf,
  standIn,
  trafficOf,
  type ProcessRecord,
} from './records.ts'
import type { EventScope } from './scope.ts'
import { TrafficCounters } from './traffic-counters.ts'

const maxRecords = 1000
const maxProcesses = 200_000

/** What the reader needs of its surroundings. */
export interface Surroundings {
  readonly bootMs: number | undefined
  readonly users: ReadonlyMap<number, string>
  readonly scope: Pick<EventScope, 'namespaceOf' | 'keyIn' | 'inEach'>
  readonly readProcess: (pid: number) => Process | undefined
  readonly udp: DestroyMessages | undefined
  /** The tables have no cookies of these protocols: their keys are made of inodes. */
  readonly keyedByInode: ReadonlySet<Protocol>
}

/** What the processes on one socket have left in the kernel when it ended without a record. */
interface Remains {
  readonly key: string | undefined
  readonly protocol: Protocol
  readonly moves: { readonly pid: number; readonly value: MoveValue }[]
}

/** Reads what a meter records. */
export class BpfReader implements LinuxEventReader {
  readonly tier = 'bpf'
  readonly maxIdleMs = 50
  readonly opens: readonly Protocol[]
  readonly ends: readonly Protocol[]
  readonly everyEnd = ['tcp'] as const
  /** What is not counted here, and why; undefined when everything is. */
  readonly lacks: string | undefined
  readonly #meter: Meter
  readonly #around: Surroundings
  readonly #counters: TrafficCounters
  readonly #processes = new ProcessCache()
  #readUntilMs = 0
  #pending: (SourceEvent | EventGap)[] = []
  /** Ends of UDP that were reported, of sockets whose use may still be in the ring. */
  #destroyed: Draft[] = []
  /** Ends are in the counters, because the ring had no room for them. */
  #hasUnrecorded = false

  constructor(meter: Meter, around: Surroundings) {
    this.#meter = meter
    this.#around = around
    this.#counters = new TrafficCounters(meter)
    this.lacks = meter.lacks === undefined ? undefined : `bytes of UDP and UNIX sockets are not counted here: ${meter.lacks}`
    this.opens = meter.lacks === undefined ? meter.counted : ['tcp']
    this.ends = meter.lacks === undefined ? meter.counted : around.udp === undefined ? ['tcp'] : ['tcp', 'udp', 'udplite']
    if (this.lacks !== undefined) this.#pending.push(eventGap('bytes-uncounted', 'bytes', 'kernel', this.lacks, { help: lacksHelp }))
  }

  get readUntilMs(): number {
    return this.#readUntilMs
  }

  drain(): readonly (SourceEvent | EventGap)[] {
    do {
      const fromMs = Date.now()
      if (this.#around.udp?.take(this.#destroyed, maxRecords))
        this.#pending.push(eventGap('events-lost', 'events', 'lost', 'more UDP sockets closed at once than the kernel could report'))
      // These messages have no time. It is taken once and before the ring is read, so that they do not overtake records that are written meanwhile.
      const takenMs = Date.now()
      this.#takeLost()
      // A destroyed socket was used before: so the ring is read after the ends, and drained before they are reported.
      const isEmpty = this.#drainRing()
      if (isEmpty) {
        this.#takeDestroyed(takenMs)
        this.#takeUnrecorded(takenMs)
        this.#readUntilMs = fromMs
        break
      }
    } while (this.#pending.length === 0)
    const events = this.#pending
    this.#pending = []
    return events
  }

  complete(sockets: readonly Draft[]): void {
    if (this.#meter.lacks !== undefined) return
    const hasKeys = this.#drainRing() // The records of first use have the keys of sockets that their identity does not give.
    this.#counters.read()
    const counted = this.#meter.counted.filter(protocol => protocol !== 'tcp' && (hasKeys || !this.#isKeyedByRecord(protocol)))
    this.#counters.addTo(sockets, new Set(counted), (socket, id, pid) => {
      const value = this.#meter.read(id, pid)
      if (value === undefined) return
      const process = this.#storedProcess(pid, value)
      this.#pending.push({ type: 'used', atMs: Date.now(), tier: 'bpf', socket: { ...socket }, process })
    })
  }

  async observe(): Promise<void> {
    if (this.#meter.lacks !== undefined || !this.#meter.counted.includes('unix')) return
    const startNs = Number(process.hrtime.bigint())
    const atMs = Date.now() // Before the ring is read: what is written to it meanwhile is later.
    const unreached = await this.#around.scope.inEach(() => this.#meter.seeUnix())
    if (unreached === 'all' || !this.#drainRing()) return // The uses of what has ended may be in what was not read yet.
    const seen = new Set<number>()
    const unseen: [id: number, pid: number, value: MoveValue][] = []
    this.#meter.readStored((id, pid, value) => {
      if (value.family !== familyNumbers.unix || unreached.has(value.namespace)) return
      if (value.seenNs >= startNs) seen.add(id)
      else unseen.push([id, pid, value])
    })
    this.#reportRemains(
      unseen.filter(([id]) => !seen.has(id)),
      atMs,
    )
  }

  close(): void {
    this.#meter.close()
    this.#around.udp?.close()
  }

  /** Reads the ring; false when there is more in it. */
  #drainRing(): boolean {
    return this.#meter.drain(record => this.#record(record), maxRecords) < maxRecords
  }

  #record(r: TrafficRecord): void {
    const key = this.#counters.keyOf(r.id) ?? this.#around.scope.keyIn(keyOfRecord(r, this.#around.keyedByInode), r.namespace)
    const atMs = wallMs(r.atNs)
    const monotonicMs = r.atNs / 1e6
    const at = { atMs, monotonicMs, tier: 'bpf' } as const
    switch (r.kind) {
      case recordKinds.opened: {
        const state = r.remotePort === 0 ? 'LISTEN' : 'ESTABLISHED'
        this.#pending.push({ type: 'opened', ...at, socket: this.#socket(r, key, state), connected: hasConnected(r) })
        break
      }
      case recordKinds.used: {
        this.#counters.add(key, r.id, r.tgid)
        const process = r.tgid === 0 ? undefined : this.#process(r, cString(r.nameBytes))
        this.#pending.push({ type: 'used', ...at, socket: this.#socket(r, key, undefined), process })
        break
      }
      case recordKinds.closed: {
        this.#reportKept(r, key, at)
        const traffic = this.#counters.release(key, r)
        const socket = { ...this.#socket(r, key, 'CLOSED'), tcp: finalTcp(r), queues: finalQueues(r), traffic }
        const finSent = hasSentFin(r)
        const sent = sentOnce(socket, { syn: undefined, fin: finSent })!
        const moved = { inBytes: recordedInBytes(r), outBytes: sent.bytes, accuracy: sent.accuracy }
        this.#pending.push({ type: 'closed', ...at, key, socket, ...moved, finSent })
        break
      }
      case recordKinds.released: {
        const isUsed = this.#counters.has(key) || r.tgid !== 0
        this.#reportKept(r, key, at)
        const traffic = this.#counters.release(key, r)
        const { inBytes, outBytes } = traffic
        // A socket that nobody used is reported only if a snapshot held it: its own record has nothing to add.
        const socket = isUsed ? { ...this.#socket(r, key, 'UNCONNECTED'), traffic } : undefined
        this.#pending.push({ type: 'closed', ...at, key, socket, traffic, inBytes, outBytes, accuracy: 'exact' })
      }
    }
  }

  #socket(r: TrafficRecord, key: string, state: Socket['state']): Socket {
    return { ...socketOf(r, key, state), namespace: this.#around.scope.namespaceOf(r.namespace) }
  }

  /** The process of a record: it may have ended already, so the record is taken where /proc has no more. */
  #process(r: ProcessRecord, name: string): Process {
    const recorded = processOf(r, name, this.#around.bootMs, this.#around.users)
    return this.#processes.get(recorded.key, () => {
      const read = this.#around.readProcess(recorded.pid)
      return read?.key === recorded.key ? read : recorded
    })
  }

  /** The process of counters; undefined for number 0, which is nobody that can be named. */
  #storedProcess(pid: number, { startedNs, uid, nameBytes }: MoveValue): Process | undefined {
    return pid === 0 ? undefined : this.#process({ tgid: pid, counts: [startedNs, 0, uid] }, cString(nameBytes))
  }

  /** Reports the first user of a socket that has ended, where its use was not recorded: its counters have it. */
  #reportKept(r: TrafficRecord, key: string, at: Pick<UsedReport, 'atMs' | 'monotonicMs' | 'tier'>): void {
    const value = r.isKept === 0 ? undefined : this.#meter.take(r.id, r.tgid)
    if (value === undefined) return
    this.#pending.push({ type: 'used', ...at, socket: this.#socket(r, key, undefined), process: this.#storedProcess(r.tgid, value) })
  }

  /** The end of a socket of which only the counters of its processes are left. */
  #endOf(key: string, socket: Socket | undefined, atMs: number): ClosedReport {
    const traffic = this.#counters.release(key)
    const { inBytes, outBytes } = traffic
    return { type: 'closed', atMs, tier: 'bpf', key, socket, traffic, inBytes, outBytes, accuracy: 'exact' }
  }

  #takeDestroyed(atMs: number): void {
    for (const socket of this.#destroyed) {
      const { key } = socket
      if (this.#counters.has(key)) this.#pending.push(this.#endOf(key, { ...socket, inode: undefined, uid: undefined }, atMs))
      // Where nothing reports the use of datagram sockets, their ends are reported without it.
      else if (this.#meter.lacks !== undefined) this.#pending.push(destroyedReport(socket, atMs, undefined))
    }
    this.#destroyed = []
  }

  #isKeyedByRecord(protocol: Protocol): boolean {
    return protocol === 'mptcp' || this.#around.keyedByInode.has(protocol)
  }

  /** The key by which a socket is known here; undefined where only the record of a use would have it. */
  #keyOfRemains(id: number, protocol: Protocol, namespace: number): string | undefined {
    const reported = this.#counters.keyOf(BigInt(id))
    if (reported !== undefined || this.#isKeyedByRecord(protocol)) return reported
    return this.#around.scope.keyIn(keyOfCookie(id), namespace)
  }

  /** Reports the ends for which the ring had no room. */
  #takeUnrecorded(atMs: number): void {
    if (!this.#hasUnrecorded) return
    this.#hasUnrecorded = false
    const ended = new Set<number>()
    const all: [id: number, pid: number, value: MoveValue][] = []
    this.#meter.readStored((id, pid, value) => {
      if (value.ended !== 0) ended.add(id)
      all.push([id, pid, value])
    })
    this.#reportRemains(
      all.filter(([id]) => ended.has(id)),
      atMs,
    )
  }

  /**
   * Reports the ends of sockets by the counters that they left, and frees these. Where the first use of a socket did not fit into the ring, nothing but its
   * bytes can be reported: added up by process.
   */
  #reportRemains(entries: readonly (readonly [id: number, pid: number, value: MoveValue])[], atMs: number): void {
    const sockets = new Map<number, Remains>()
    for (const [id, pid, found] of entries) {
      const value = this.#meter.take(BigInt(id), pid) ?? found
      let one = sockets.get(id)
      if (one === undefined) {
        const protocol = recordProtocol(value)
        one = { key: this.#keyOfRemains(id, protocol, value.namespace), protocol, moves: [] }
        sockets.set(id, one)
      }
      one.moves.push({ pid, value })
    }
    const sums = new Map<
      string,
      { readonly process: Process | undefined; readonly socket: Socket; sockets: number; inBytes: number; outBytes: number }
    >()
    for (const { key, protocol, moves } of sockets.values()) {
      const traffic = trafficOfMoves(moves)
      const final = moves.find(({ value }) => value.ended === endings.byFinalBytes || value.ended === endings.byLeastBytes)?.value
      const inBytes = final?.finalInBytes ?? traffic.inBytes
      const outBytes = final?.finalOutBytes ?? traffic.outBytes
      if (key !== undefined && this.#counters.has(key)) {
        this.#counters.release(key)
        this.#pending.push({
          type: 'closed',
          atMs,
          tier: 'bpf',
          key,
          socket: undefined,
          traffic,
          inBytes,
          outBytes,
          accuracy: final?.ended === endings.byLeastBytes ? 'estimate' : 'exact',
        })
        continue
      }
      for (const [i, { pid, value }] of moves.entries()) {
        const process =
          pid === 0 ? undefined : this.#process({ tgid: pid, counts: [value.startedNs, 0, value.uid] }, cString(value.nameBytes))
        const name = `${protocol} ${process?.key ?? ''}`
        const sum = sums.get(name) ?? { process, socket: standIn(protocol, value.family, process), sockets: 0, inBytes: 0, outBytes: 0 }
        sums.set(name, sum)
        // What no call has moved, such as bytes that nobody read, is counted with the first of its processes.
        sum.sockets += i === 0 ? 1 : 0
        sum.inBytes += value.inBytes + (i === 0 ? inBytes - traffic.inBytes : 0)
        sum.outBytes += value.outBytes + (i === 0 ? outBytes - traffic.outBytes : 0)
      }
    }
    let count = 0
    for (const sum of sums.values()) {
      count += sum.sockets
      this.#pending.push({ type: 'unrecorded', atMs, tier: 'bpf', ...sum })
    }
    if (count > 0) {
      const text = `${count} sockets that ended have no events: they came faster than they were read; their bytes are counted`
      this.#pending.push(eventGap('events-lost', 'events', 'lost', text, { count }))
    }
  }

  #takeLost(): void {
    const lost = this.#meter.lost()
    const add = (code: 'events-lost' | 'bytes-lost', count: number, text: string): void => {
      if (count > 0) this.#pending.push(eventGap(code, code === 'events-lost' ? 'events' : 'bytes', 'lost', `${count} ${text}`, { count }))
    }
    add('events-lost', lost.records, 'records of openings, ends and first uses were lost: they came faster than they were read')
    add('bytes-lost', lost.counters, 'calls were not counted: too many sockets are in use at once')
    add('bytes-lost', lost.passedOver, 'calls were not counted: the kernel was running the program that counts for another one')
    if (lost.ends > 0) this.#hasUnrecorded = true
  }
}

const trafficOfMoves = (moves: Remains['moves']): Traffic => trafficOf(moves.map(({ pid, value }) => ({ pid, ...value })))

/** Processes by key, so that /proc is read once for each. */
class ProcessCache {
  readonly #processes = new Map<string, Process>()

  get(key: string, read: () => Process): Process {
    let process = this.#processes.get(key)
    if (process !== undefined) return process
    process = read()
    if (this.#processes.size >= maxProcesses) this.#processes.clear()
    this.#processes.set(key, process)
    return process
  }
}

/** The kernel's clock starts when the machine does. */
const wallMs = (ns: number): number => Date.now() - (Number(process.hrtime.bigint()) - ns) / 1e6
