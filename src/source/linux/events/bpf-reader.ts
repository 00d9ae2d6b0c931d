// Events from programs inside the kernel: openings and ends of TCP sockets, which process used which socket, and how many bytes.
// Ends of UDP come from the kernel's destroy messages; those of UNIX sockets are seen when snapshots do not hold them any more.

import { cString } from '../../../bytes/text.ts'
import type { ClosedReport, EventGap, SourceEvent } from '../../../model/event.ts'
import type { Process } from '../../../model/process.ts'
import type { Snapshot } from '../../../model/snapshot.ts'
import type { Protocol, Socket } from '../../../model/socket.ts'
import type { Meter } from '../bpf/meter.ts'
import { recordKinds, type TrafficRecord } from '../bpf/records.ts'
import type { Draft } from '../decode/draft.ts'
import type { DestroyMessages } from './destroy-messages.ts'
import { destroyedReport } from './destroy-reader.ts'
import { eventGap, lacksHelp, type LinuxEventReader } from './reader.ts'
import { recordedBytes, finalTcp, keyOfCookie, processOf, recordProtocol, socketOf } from './records.ts'
import type { EventScope } from './scope.ts'
import { TrafficCounters } from './traffic-counters.ts'

const maxRecords = 1000
const maxProcesses = 200_000
const datagramProtocols: readonly Protocol[] = ['udp', 'udplite', 'icmp', 'unix']

/** What the reader needs of its surroundings. */
export interface Surroundings {
  readonly bootMs: number | undefined
  readonly users: ReadonlyMap<number, string>
  readonly scope: Pick<EventScope, 'namespaceOf' | 'keyIn'>
  readonly readProcess: (pid: number) => Process | undefined
  readonly udp: DestroyMessages | undefined
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

  constructor(meter: Meter, around: Surroundings) {
    this.#meter = meter
    this.#around = around
    this.#counters = new TrafficCounters(meter)
    this.lacks = meter.lacks === undefined ? undefined : `bytes of UDP and UNIX sockets are not counted here: ${meter.lacks}`
    this.opens = meter.lacks === undefined ? ['tcp', ...datagramProtocols] : ['tcp']
    // Those of datagram sockets that nobody has used are not.
    this.ends = meter.lacks === undefined ? this.opens : around.udp === undefined ? ['tcp'] : ['tcp', 'udp', 'udplite']
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
      // A destroyed socket was used before: so the ring is read after the ends, and drained before they are reported.
      const isEmpty = this.#drainRing()
      if (isEmpty) this.#takeDestroyed(takenMs)
      this.#takeLost()
      this.#counters.forgetEnded(Date.now())
      if (isEmpty) this.#readUntilMs = fromMs
      if (isEmpty) break
    } while (this.#pending.length === 0)
    const events = this.#pending
    this.#pending = []
    return events
  }

  complete(sockets: readonly Draft[]): void {
    if (this.#meter.lacks !== undefined) return
    this.#counters.read()
    this.#counters.addTo(sockets)
  }

  observe(snapshot: Snapshot, complete: ReadonlySet<Protocol>): void {
    const atMs = Date.now()
    if (!this.#drainRing()) return // What a snapshot misses may have ended in what was not read yet.
    for (const { key, protocol } of this.#counters.orphans(snapshot, complete)) {
      if (protocol === 'tcp')
        this.#pending.push(
          eventGap('ends-lost', 'events', 'lost', 'ends of TCP sockets that the kernel did not report, and snapshots found: 1', {
            count: 1,
          }),
        )
      this.#pending.push(this.#endOf(key, protocol, undefined, atMs))
    }
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
    const key = this.#around.scope.keyIn(keyOfCookie(r.cookie), r.namespace)
    const atMs = wallMs(r.atNs)
    const monotonicMs = r.atNs / 1e6
    const at = { atMs, monotonicMs, tier: 'bpf' } as const
    switch (r.kind) {
      case recordKinds.opened: {
        this.#counters.reopen(key)
        const state = r.remotePort === 0 ? 'LISTEN' : 'ESTABLISHED'
        this.#pending.push({ type: 'opened', ...at, socket: this.#socket(r, key, state) })
        break
      }
      case recordKinds.used: {
        if (!this.#counters.add(key, r.cookie, r.tgid, recordProtocol(r))) break
        const process = r.tgid === 0 ? undefined : this.#process(r)
        this.#pending.push({ type: 'used', ...at, socket: this.#socket(r, key, undefined), process })
        break
      }
      case recordKinds.closed: {
        if (this.#counters.hasEnded(key)) break // Both copies of the program reported it, or snapshots were first.
        const socket = { ...this.#socket(r, key, 'CLOSED'), tcp: finalTcp(r), traffic: this.#counters.release(key, Date.now()) }
        this.#pending.push({ type: 'closed', ...at, key, socket, ...recordedBytes(r), accuracy: 'exact' })
      }
    }
  }

  #socket(r: TrafficRecord, key: string, state: Socket['state']): Socket {
    return { ...socketOf(r, key, state), namespace: this.#around.scope.namespaceOf(r.namespace) }
  }

  /** The process of a record: it may have ended already, so the record is taken where /proc has no more. */
  #process(r: TrafficRecord): Process {
    const recorded = processOf(r, cString(r.nameBytes), this.#around.bootMs, this.#around.users)
    return this.#processes.get(recorded.key, () => {
      const read = this.#around.readProcess(recorded.pid)
      return read?.key === recorded.key ? read : recorded
    })
  }

  /** The end of a socket of which only the counters of its processes are left. */
  #endOf(key: string, protocol: Protocol, socket: Socket | undefined, atMs: number): ClosedReport {
    const traffic = this.#counters.release(key, atMs)
    return {
      type: 'closed',
      atMs,
      tier: 'bpf',
      key,
      socket,
      traffic,
      inBytes: traffic.inBytes,
      outBytes: traffic.outBytes,
      accuracy: protocol === 'tcp' ? 'estimate' : 'exact',
    }
  }

  #takeDestroyed(atMs: number): void {
    for (const socket of this.#destroyed) {
      const { key } = socket
      if (this.#counters.has(key))
        this.#pending.push(this.#endOf(key, socket.protocol, { ...socket, inode: undefined, uid: undefined }, atMs))
      // Where nothing reports the use of datagram sockets, their ends are reported without it.
      else if (this.#meter.lacks !== undefined) this.#pending.push(destroyedReport(socket, atMs, undefined))
    }
    this.#destroyed = []
  }

  #takeLost(): void {
    const lost = this.#meter.lost()
    const add = (code: 'events-lost' | 'bytes-lost', count: number, text: string): void => {
      if (count > 0) this.#pending.push(eventGap(code, code === 'events-lost' ? 'events' : 'bytes', 'lost', `${count} ${text}`, { count }))
    }
    add('events-lost', lost.records, 'events were lost: they came faster than they were read')
    add('bytes-lost', lost.counters, 'calls were not counted: too many sockets are in use at once')
    add('bytes-lost', lost.passedOver, 'calls were not counted: the kernel was running the program that counts for another one')
  }
}

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
