// The life cycle of sockets: when each was first seen, who held it, what it moved, and how it ended. This is the only memory of what a socket
// was between two moments. Snapshots and the reports of a source go in; openings, changes, ends and bytes come out. Time is an argument.

import type { ClosedReport, OpenedReport, SocketEvent, SourceEvent, UnrecordedReport, UsedReport } from '../model/event.ts'
import type { Accuracy } from '../model/accuracy.ts'
import type { StateChange } from '../model/frame.ts'
import type { Health } from '../model/health.ts'
import { hasConnected, payload, segments, type Payload } from '../model/payload.ts'
import { ProcessTable, type Process } from '../model/process.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Protocol, Socket } from '../model/socket.ts'
import { health } from '../measure/health/health.ts'
import { sampleOf } from '../measure/health/sample.ts'
import type { Part } from '../measure/flows/allocation.ts'
import type { Amount } from '../measure/flows/rows.ts'
import type { Moved } from '../measure/flows/tables.ts'
import { Account, nothingMoved } from './account.ts'
import { closingBytes, isOver, joinRecords, movedUnseen, vanished } from './records.ts'
import { closingWithBypassed, findBypassed, notePeers, withBypassed } from './unix-peers.ts'
import { TrackedSocket, type Announcement, type Ended } from './tracked-socket.ts'

/** A report of an end can become readable this much later than snapshots miss the socket: the kernel reports some ends from a work queue. */
const reportDelayMs = 1000
/** This many snapshots in a row must miss a socket before its end is inferred from them, when its end should have been reported. */
const minMissing = 2
/** An opening waits this long for its owner: an accepted connection has one when a process first uses it. */
const ownerWaitMs = 50
/** More sockets than this are not tracked from reports alone; those of snapshots are not limited. */
const maxTracked = 200_000
/** More sockets than this that live between two snapshots are not listed as opened and closed; their bytes and events are. */
const maxBrief = 50_000

/** The moment of a snapshot, and what is known about it. */
export interface Moment {
  /** Whether this snapshot would hold a socket that no snapshot has held, if it were open. */
  readonly covers?: ((socket: Socket) => boolean) | undefined
  /** When it was complete: what was reported up to then belongs to it. Default: its time. */
  readonly untilMs?: number | undefined
  /** Its time by a monotonic clock. Default: its time. */
  readonly clockMs?: number | undefined
  /** Every report of what happened up to this moment has been added. Default: all that there will be. */
  readonly readUntilMs?: number | undefined
  /** The bytes of sockets that ended before this moment are not counted; of the first snapshot. Default: `untilMs`. */
  readonly countsFromMs?: number | undefined
}

/** The result of one snapshot and the reports since the one before. */
export interface Step {
  /** The snapshot, whose processes include those of sockets that closed since the one before. */
  readonly snapshot: Snapshot
  /** The tracked sockets of the snapshot, in its order. */
  readonly tracked: readonly TrackedSocket[]
  readonly opened: readonly Socket[]
  readonly closed: readonly Socket[]
  readonly changed: readonly StateChange[]
  /** Openings and ends that this snapshot made known. */
  readonly events: readonly SocketEvent[]
  /** The keys of the sockets that ended since the step before: they move nothing any more. */
  readonly ended: readonly string[]
  /** What moved since the step before. */
  readonly moved: readonly Moved[]
  /** Ends of sockets that should have been reported, and were inferred from snapshots. */
  readonly unreportedEnds: number
  /** Sockets that are no longer tracked because there were too many. */
  readonly dropped: number
  /** Sockets that lived between two snapshots, and are not listed as opened and closed because there were too many. */
  readonly unlisted: number
  /** Bytes that were received without a call that is counted, so that their process, or their number, is an estimate. */
  readonly bypassedBytes: number
}

/** What is reported, and need not be inferred from snapshots. */
export interface Reported {
  readonly opens: readonly Protocol[]
  readonly ends: readonly Protocol[]
  /** The protocols of which every end is reported: a missing report was lost. */
  readonly everyEnd: readonly Protocol[]
}

/** What to track, besides openings and ends. */
export interface TrackerOptions {
  /** What the source reports; it changes when an event reader is opened or fails. Default: nothing. */
  readonly reported?: Reported | undefined
  /** Whether the bytes of sockets are counted. */
  readonly bytes?: boolean | undefined
  /** Whether the TCP counters of the last two snapshots are kept, to judge the health between them. */
  readonly health?: boolean | undefined
}

/** What has become known since the last step. */
interface Interval {
  /** Sockets that opened and ended without being in a snapshot. */
  readonly brief: { readonly opened: Socket; readonly closed: Socket }[]
  moved: Moved[]
  readonly endedKeys: string[]
  /** By their keys: a process can have moved bytes on many sockets. */
  readonly processes: Map<string, Process>
  dropped: number
  unlisted: number
  unreportedEnds: number
  bypassedBytes: number
}

const newInterval = (): Interval => ({
  brief: [],
  moved: [],
  endedKeys: [],
  processes: new Map(),
  dropped: 0,
  unlisted: 0,
  unreportedEnds: 0,
  bypassedBytes: 0,
})

/** What a snapshot has shown of the sockets in it. */
interface Sightings {
  readonly tracked: TrackedSocket[]
  readonly opened: Socket[]
  readonly changed: StateChange[]
}

/** Tracks the sockets of one machine. */
export class Tracker {
  #options: TrackerOptions = {}
  readonly #sockets = new Map<string, TrackedSocket>()
  /** The sockets of the last snapshot, in its order. */
  #order: readonly TrackedSocket[] = []
  #step = 0
  /** The last snapshot held every socket, so a socket that was not in it is new. */
  #wasComplete = false
  /** The processes of the last snapshot, and of sockets that were reported since or may still be reported. */
  #processes: Map<number, Process> = new Map()
  #processesBefore: ReadonlyMap<number, Process> = new Map()
  /** Openings that wait for their owners, in the order of their reports. */
  readonly #unowned = new Set<TrackedSocket>()
  /** Ended sockets that no snapshot holds, in the order of their ends: reports and snapshots of them may still come. */
  readonly #ended = new Map<string, Ended>()
  /** Processes that used an ended socket since the last snapshot: they may be connecting it again. */
  readonly #nextUsers = new Map<string, Process>()
  /** The number of the next event. */
  #sequence = 0
  #readUntilMs = Infinity
  #interval = newInterval()
  /** The next snapshot is of another query than the last one. */
  #isRebased = false
  /** The moment from which bytes are counted: that of the first snapshot. */
  #countsFromMs = 0
  /** When calls of processes were last lost. */
  #callsLostMs: number | undefined

  /** The process of that pid, as last seen. */
  readonly processOf = (pid: number): Process | undefined => this.#processes.get(pid) ?? this.#processesBefore.get(pid)

  /** Sets what to track from now on. */
  configure(options: TrackerOptions): void {
    this.#options = options
  }

  /** Adds a report of a source. Returns the events that became known with it. */
  report(report: SourceEvent): readonly SocketEvent[] {
    // By the time of the report, so that events are in order however late they are read.
    const overdue = this.takeOverdue(report.atMs)
    const events = this.#join(report)
    return overdue.length === 0 ? events : [...overdue, ...events]
  }

  #join(report: SourceEvent): readonly SocketEvent[] {
    switch (report.type) {
      case 'opened':
        return this.#reportOpened(report)
      case 'used':
        return this.#reportUsed(report)
      case 'closed':
        return this.#reportClosed(report)
      case 'unrecorded':
        return this.#reportUnrecorded(report)
    }
  }

  /** Takes what has moved by the reports since the last step; otherwise it is part of the next one. */
  takeMoved(): readonly Moved[] {
    const { moved } = this.#interval
    if (moved.length > 0) this.#interval.moved = []
    return moved
  }

  /** Calls of processes were not counted, and it is not known of which sockets: the bytes of those that were open are not exact. */
  addLostCalls(atMs: number): void {
    this.#callsLostMs = atMs
  }

  /** Takes the openings whose owners have not been reported in time. */
  takeOverdue(nowMs: number): readonly SocketEvent[] {
    const events: SocketEvent[] = []
    for (const one of this.#unowned) {
      const { announcement } = one
      if (announcement !== undefined && nowMs - announcement.atMs <= ownerWaitMs) break
      this.#unowned.delete(one)
      if (announcement !== undefined) events.push(this.#announce(one)!)
    }
    return events
  }

  /** The openings that still wait for their owners or their reports, as they are now. */
  pendingOpenings(): readonly SocketEvent[] {
    return [...this.#sockets.values()].filter(one => one.announcement !== undefined).map(one => this.#opening(one, one.announcement!))
  }

  /** Clears everything, as after a jump in time: the next snapshot is not compared. */
  restart(): void {
    this.#sockets.clear()
    this.#ended.clear()
    this.#order = []
    this.#step = 0
    this.#wasComplete = false
    this.#processes = new Map()
    this.#processesBefore = new Map()
    this.#unowned.clear()
    this.#readUntilMs = Infinity
    this.#interval = newInterval()
    this.#isRebased = false
  }

  /** The query has changed: other sockets in the next snapshot are not openings, and missing ones have not ended. */
  rebase(): void {
    this.#isRebased = this.#step > 0
  }

  /** Adds a snapshot. */
  addSnapshot(snapshot: Snapshot, moment: Moment = {}): Step {
    const { covers = () => true, untilMs = snapshot.atMs, clockMs = snapshot.atMs, readUntilMs = Infinity, countsFromMs = untilMs } = moment
    this.#readUntilMs = readUntilMs
    if (this.#step === 0) this.#countsFromMs = countsFromMs
    const isFirst = this.#step === 0 || this.#isRebased
    if (isFirst) this.#wasComplete = false
    this.#step++
    this.#takeProcesses(snapshot)
    const before = this.#order
    const events: SocketEvent[] = this.#announceUnreported()
    const { tracked, opened, changed } = this.#seeSockets(snapshot, isFirst, clockMs, events)
    this.#order = tracked
    const closed = this.#missingOf(before)
    for (const brief of this.#interval.brief) {
      opened.push(brief.opened)
      closed.push(brief.closed)
    }
    // By the clock that is never set: the times of reports and snapshots are those of the day.
    const readClockMs = clockMs - Math.max(0, untilMs - readUntilMs)
    this.#endMissing(snapshot, covers, { clockMs, readClockMs }, events)
    this.#forgetEnded()
    this.#wasComplete = !snapshot.gaps.some(gap => gap.what === 'sockets')
    this.#isRebased = false
    const { moved, endedKeys: ended, processes, unreportedEnds, dropped, unlisted, bypassedBytes } = this.#interval
    this.#interval = newInterval()
    this.#nextUsers.clear()
    return {
      snapshot: withProcesses(snapshot, [...processes.values(), ...events.flatMap(event => event.processes)]),
      tracked,
      opened,
      closed,
      changed,
      events,
      // A socket that was connected again has not ended.
      ended: ended.filter(key => this.#sockets.get(key)?.life !== 'open'),
      moved,
      unreportedEnds,
      dropped,
      unlisted,
      bypassedBytes,
    }
  }

  /** Updates every socket of a snapshot. Openings that nothing else reports are added to the events. */
  #seeSockets({ sockets, atMs }: Snapshot, isFirst: boolean, clockMs: number, events: SocketEvent[]): Sightings {
    const step = this.#step
    const before = this.#order
    const opened: Socket[] = []
    const changed: StateChange[] = []
    const tracked: TrackedSocket[] = []
    let next = 0
    for (const socket of sockets) {
      // Most sockets are in the same order as in the snapshot before.
      let one = before[next]
      if (one?.key === socket.key) next++
      else {
        one = this.#sockets.get(socket.key)
        if (one === undefined) one = this.#addSeen(socket, isFirst ? undefined : atMs)
        else if (one.recordStep === step - 1) next = nextAfter(before, one, next)
      }
      if (one.recordStep === step) continue // A table can hold a socket twice.
      if (!isFirst && one.recordStep !== step - 1 && !one.isRemnant) opened.push(socket)
      else if (!isFirst && one.record.state !== socket.state) changed.push({ socket, from: one.record.state })
      const event = this.#update(one, socket, isFirst, atMs)
      if (event !== undefined) events.push(event)
      if (this.#options.bytes) this.#count(one, socket)
      if (this.#options.health) this.#sample(one, socket, clockMs)
      one.record = socket
      one.recordStep = step
      tracked.push(one)
    }
    if (this.#options.bytes) notePeers(tracked)
    return { tracked, opened, changed }
  }

  /** The last records of sockets that were in the snapshot before, and are not in this one. */
  #missingOf(before: readonly TrackedSocket[]): Socket[] {
    const closed: Socket[] = []
    for (const one of before) {
      if (one.recordStep === this.#step || one.isRemnant || (this.#isRebased && one.final === undefined)) continue
      closed.push(one.final ?? one.record)
    }
    return closed
  }

  /** The health of a socket between the last two snapshots; undefined when one of them did not hold it, or had no counters of TCP. */
  healthOf(one: TrackedSocket): Health | undefined {
    const { sampleBefore, sample } = one
    return sampleBefore === undefined || sample === undefined || sample.atMs <= sampleBefore.atMs
      ? undefined
      : health([sampleBefore, sample])
  }

  /** Age of a socket at a moment, in milliseconds; undefined when it was open before tracking began. */
  ageMs(key: string, atMs: number): number | undefined {
    const one = this.#sockets.get(key)
    const fromMs = one?.openedAtMs ?? one?.firstSeenMs
    return fromMs === undefined ? undefined : atMs - fromMs
  }

  /** What a socket moved in the last step; undefined when its bytes are not counted. */
  movedBytes(key: string): Pick<Amount, 'inBytes' | 'outBytes'> | undefined {
    const one = this.#sockets.get(key)
    if (one?.account === undefined) return undefined
    return one.movedStep === this.#step ? one.moved! : nothingMoved
  }

  #reports(what: keyof Reported, { protocol }: Socket): boolean {
    return this.#options.reported?.[what].includes(protocol) === true
  }

  #sample(one: TrackedSocket, socket: Socket, clockMs: number): void {
    one.sampleBefore = one.recordStep === this.#step - 1 ? one.sample : undefined
    one.sample = socket.state === 'LISTEN' ? undefined : sampleOf(socket, clockMs)
  }

  #reportOpened(report: OpenedReport): readonly SocketEvent[] {
    const { socket, atMs, monotonicMs, tier } = report
    let one = this.#sockets.get(socket.key)
    if (one?.life === 'open' && (one.openedMonotonicMs !== undefined || one.announcement?.tier === 'bpf')) return [] // Reported twice.
    // A report that was read late, of a socket whose end snapshots have shown.
    const ended = this.#ended.get(socket.key)
    if (ended?.awaitsReport && atMs <= ended.atMs) return []
    this.#ended.delete(socket.key)
    if (one === undefined || one.life === 'ended') {
      one = this.#startTracking(socket)
      const user = this.#nextUsers.get(socket.key)
      if (user !== undefined) one.users = new Map([[user.pid, user]])
      this.#nextUsers.delete(socket.key)
    }
    one.connected = report.connected ?? one.connected
    const wasSeen = one.life === 'open' && one.recordStep >= 0
    const waited = one.announcement !== undefined
    if (wasSeen && !waited && !one.isConnecting) {
      // A snapshot held it first, and its event was emitted then.
      one.openedMonotonicMs = monotonicMs
      return []
    }
    one.life = 'open'
    one.isConnecting = false
    one.openedAtMs = atMs
    one.openedMonotonicMs = monotonicMs
    if (!wasSeen) one.socket = socket
    one.announcement = { atMs, tier }
    if (one.users !== undefined || one.socket.owners.length > 0 || tier !== 'bpf') return [this.#announce(one)!]
    this.#unowned.add(one)
    return []
  }

  #reportUsed(report: UsedReport): readonly SocketEvent[] {
    const { socket, process, atMs, monotonicMs, tier } = report
    let one = this.#sockets.get(socket.key)
    if (one?.life === 'ended' || this.#ended.has(socket.key)) {
      // A process that connects the socket again is reported before that opening.
      if (process !== undefined) this.#nextUsers.set(socket.key, process)
      return []
    }
    const isNew = one === undefined
    one ??= this.#startTracking(socket)
    if (process !== undefined) {
      ;(one.users ??= new Map()).set(process.pid, process)
      this.#interval.processes.set(process.key, process)
    }
    // A datagram socket counts as opened when it is first used.
    if (isNew && socket.protocol !== 'tcp') {
      one.life = 'open'
      one.openedAtMs = atMs
      one.openedMonotonicMs = monotonicMs
      one.announcement = { atMs, tier }
    } else if (isNew) {
      one.life = 'open'
      one.isConnecting = true
    }
    const event = one.announcement?.tier === 'bpf' ? this.#announce(one) : undefined
    return event === undefined ? [] : [event]
  }

  /** Their bytes are added up; there are no events of them. */
  #reportUnrecorded({ socket, process, inBytes, outBytes, atMs }: UnrecordedReport): readonly SocketEvent[] {
    if (!this.#options.bytes || this.#step === 0 || atMs <= this.#countsFromMs) return []
    if (process !== undefined) this.#interval.processes.set(process.key, process)
    const processes = new Map(process === undefined ? [] : [[process.pid, process]])
    const pids = process === undefined ? [] : [process.pid]
    const parts = (bytes: number): Part[] => pids.map(pid => ({ pid, bytes, sure: true }))
    const amount = { inBytes, outBytes, accuracy: 'exact' } as const
    this.#interval.moved.push({ socket, amount, inParts: parts(inBytes), outParts: parts(outBytes), pids, processes })
    return []
  }

  #reportClosed(report: ClosedReport): readonly SocketEvent[] {
    const { key, atMs, monotonicMs, tier } = report
    const ended = this.#ended.get(key)
    if (ended !== undefined) {
      // Its end has been inferred from snapshots. This is its one report: nothing more is awaited.
      if (ended.awaitsReport) this.#ended.set(key, { ...ended, step: this.#step, awaitsReport: false })
      return []
    }
    let one = this.#sockets.get(key)
    if (one?.life === 'ended') return []
    if (one === undefined) {
      if (report.socket === undefined) return []
      one = this.#startTracking(report.socket)
    }
    const events: SocketEvent[] = []
    if (one.announcement !== undefined) events.push(this.#announce(one)!)
    const was = one.life === 'open' ? one.socket : undefined
    const record = report.socket ?? one.socket
    const socket = joinRecords(report.traffic === undefined ? record : { ...record, traffic: report.traffic }, was, one.users)
    const bytes = this.#withLostCalls(one, socket, closingWithBypassed(one, socket, closingBytes(report, was, one.connected)))
    const openedFrom = one.openedMonotonicMs === undefined || monotonicMs === undefined ? undefined : monotonicMs - one.openedMonotonicMs
    const processes = this.#processesOf(socket, one.users, report.processes)
    const event: SocketEvent = {
      type: 'closed',
      sequence: this.#sequence++,
      atMs,
      durationMs: openedFrom ?? (one.openedAtMs === undefined ? undefined : Math.max(0, atMs - one.openedAtMs)),
      socket,
      processes,
      ...bytes,
      tier,
    }
    this.#keepProcesses(processes)
    one.final = socket
    if (one.recordStep < 0 && this.#step > 0) this.#addBrief({ opened: one.socket, closed: socket })
    this.#settle(one, event)
    this.#end(one, atMs, false)
    events.push(event)
    return events
  }

  #withLostCalls<B extends { readonly accuracy: Accuracy | undefined }>(one: TrackedSocket, { protocol }: Socket, bytes: B): B {
    const lostMs = this.#callsLostMs
    const mayMiss = protocol !== 'tcp' && lostMs !== undefined && (one.openedAtMs ?? lostMs) <= lostMs
    return mayMiss && bytes.accuracy === 'exact' ? { ...bytes, accuracy: 'sampled' } : bytes
  }

  #keepProcesses(processes: readonly Process[]): void {
    for (const process of processes) this.#interval.processes.set(process.key, process)
  }

  #addBrief(brief: { readonly opened: Socket; readonly closed: Socket }): void {
    if (this.#interval.brief.length < maxBrief) this.#interval.brief.push(brief)
    else this.#interval.unlisted++
  }

  /** A socket that a snapshot holds for the first time, or again after its end was reported. */
  #addSeen(socket: Socket, atMs: number | undefined): TrackedSocket {
    const one = new TrackedSocket(socket)
    one.firstSeenMs = atMs
    this.#sockets.set(socket.key, one)
    const ended = this.#ended.get(socket.key)
    if (ended !== undefined) {
      this.#ended.delete(socket.key)
      one.life = 'ended'
      one.ended = ended
      one.isRemnant = true
    }
    return one
  }

  /** Starts the life of a socket that reports name, within the limit. */
  #startTracking(socket: Socket): TrackedSocket {
    const was = this.#sockets.get(socket.key)
    if (was !== undefined) {
      const restarted = new TrackedSocket(socket)
      restarted.recordStep = was.recordStep
      restarted.record = was.record
      this.#order = this.#order.map(one => (one === was ? restarted : one))
      this.#sockets.set(socket.key, restarted)
      return restarted
    }
    if (this.#sockets.size >= Math.max(maxTracked, this.#order.length + maxTracked)) {
      for (const [key, one] of this.#sockets) {
        if (one.recordStep === this.#step) continue
        this.#sockets.delete(key)
        this.#interval.dropped++
        break
      }
    }
    const one = new TrackedSocket(socket)
    this.#sockets.set(socket.key, one)
    return one
  }

  /** Updates a socket from its record in a snapshot. Returns the opening of one that nothing reports. */
  #update(one: TrackedSocket, socket: Socket, isFirst: boolean, atMs: number): SocketEvent | undefined {
    // A connection keeps its key while it only waits, but it moves nothing any more.
    if (socket.state === 'TIME_WAIT' || one.life === 'ended') {
      one.missing++
      return undefined
    }
    one.missing = 0
    one.connected ??= hasConnected(socket)
    if (one.life === 'open') {
      one.socket = socket
      return undefined
    }
    // A socket that is not connected yet, or only remains, does not open.
    if (socket.state === 'SYN_RECEIVED' || (socket.state === 'FIN_WAIT_2' && socket.tcp === undefined)) return undefined
    one.life = 'open'
    one.socket = socket
    one.isConnecting = socket.state === 'SYN_SENT'
    if (isFirst) return undefined
    one.openedAtMs = atMs
    one.announcement = { atMs, tier: 'snapshot' }
    // Where openings are reported, the report follows, with owners and time.
    return this.#reports('opens', socket) ? undefined : this.#announce(one)
  }

  /** Openings that the snapshot before showed, and nothing has reported since. */
  #announceUnreported(): SocketEvent[] {
    const events: SocketEvent[] = []
    for (const one of this.#order) {
      const { announcement } = one
      if (announcement?.tier !== 'snapshot' || one.recordStep >= this.#step || this.#readUntilMs < announcement.atMs) continue
      events.push(this.#announce(one)!)
    }
    return events
  }

  /** Emits the opening of a socket, with the owners that are known by now. */
  #announce(one: TrackedSocket): SocketEvent | undefined {
    const { announcement } = one
    if (announcement === undefined) return undefined
    one.announcement = undefined
    one.isConnecting = false
    this.#unowned.delete(one)
    return this.#opening(one, announcement)
  }

  #opening(one: TrackedSocket, announcement: Announcement): SocketEvent {
    const { atMs, tier } = announcement
    // One that is emitted to a single subscriber, because that ends, keeps its number for the others.
    const sequence = (announcement.sequence ??= this.#sequence++)
    const socket = joinRecords(one.socket, undefined, one.users)
    const processes = this.#processesOf(socket, one.users)
    const bytes = { inBytes: undefined, outBytes: undefined, accuracy: undefined }
    return { type: 'opened', sequence, atMs, durationMs: 0, socket, processes, ...bytes, tier }
  }

  /** Counts what a socket of a snapshot has moved since the one before. */
  #count(one: TrackedSocket, socket: Socket): void {
    if (one.life === 'ended') return
    const { account } = one
    const bypassed = socket.protocol === 'unix' ? findBypassed(one, socket) : 0
    if (bypassed === 0 && account?.isIdle(socket)) {
      one.isCounted = true
      account.keep(socket)
      return
    }
    const counted = isOver(socket, account?.socket) ? undefined : payload(socket, one.connected)
    const now = counted && withBypassed(one, socket, counted)
    one.isCounted = now !== undefined || socket.state === 'LISTEN' || socket.state === 'TIME_WAIT'
    if (now === undefined) return
    if (account === undefined) {
      one.account = new Account(socket, this.#wasComplete ? nothingMoved : now)
      if (!this.#wasComplete) one.account.begin()
    }
    const moved = one.account!.count(socket, now, this.#processesFor(one), false)
    if (moved === undefined) return
    // Of TCP, its own counters show what arrived; only whose it is is not known.
    const unsure = socket.protocol === 'tcp' && socket.traffic !== undefined ? moved.inParts.filter(part => !part.sure) : []
    this.#interval.bypassedBytes += unsure.reduce((sum, part) => sum + part.bytes, bypassed)
    this.#interval.moved.push(moved)
    one.movedStep = this.#step
    one.moved = moved.amount
  }

  /** Finds the processes of one socket: by what was reported of it first, because a pid can have been reused by another one since. */
  #processesFor(one: TrackedSocket): (pid: number) => Process | undefined {
    const { users } = one
    return pid => users?.get(pid) ?? this.processOf(pid)
  }

  /** Counts the last bytes of a socket that ended. */
  #settle(one: TrackedSocket, { socket, atMs, processes, inBytes, outBytes, accuracy }: SocketEvent): void {
    // A socket that ended before the first snapshot moved its bytes before counting began.
    const isCounted = this.#options.bytes && this.#step > 0 && atMs > this.#countsFromMs
    const account = one.account ?? (isCounted ? new Account(socket, nothingMoved) : undefined)
    one.account = undefined
    if (account === undefined || inBytes === undefined || outBytes === undefined) return
    const record = { ...socket, traffic: socket.traffic ?? account.socket.traffic }
    const { inSegments = account.last.inSegments, outSegments = account.last.outSegments } = segments(record, one.connected)
    const retransmittedBytes = socket.tcp?.retransmittedBytes ?? account.last.retransmittedBytes
    const now: Payload = { inBytes, outBytes, retransmittedBytes, inSegments, outSegments, accuracy: accuracy ?? 'sampled' }
    const moved = account.count(record, now, pid => processes.find(process => process.pid === pid) ?? this.processOf(pid), true)
    if (moved !== undefined) this.#interval.moved.push(moved)
  }

  #end(one: TrackedSocket, atMs: number, awaitsReport: boolean): void {
    if (this.#options.bytes) this.#interval.endedKeys.push(one.key)
    one.life = 'ended'
    one.ended = { atMs, step: this.#step, awaitsReport }
    one.users = undefined
    if (one.recordStep !== this.#step) this.#forget(one)
  }

  /** Drops a socket that no snapshot holds; of one that ended, the end is remembered. */
  #forget(one: TrackedSocket): void {
    this.#sockets.delete(one.key)
    if (one.ended !== undefined) this.#ended.set(one.key, one.ended)
  }

  /** Ends the sockets that this snapshot and enough before it should have held and did not; drops those that are no longer needed. */
  #endMissing(
    snapshot: Snapshot,
    covers: (socket: Socket) => boolean,
    { clockMs, readClockMs }: { readonly clockMs: number; readonly readClockMs: number },
    events: SocketEvent[],
  ): void {
    const step = this.#step
    const isReliable = !snapshot.gaps.some(gap => gap.what === 'sockets' && gap.why !== 'permission' && gap.why !== 'platform')
    for (const one of this.#sockets.values()) {
      if (one.recordStep === step && one.missing === 0) continue
      if (one.life !== 'open') {
        if (one.recordStep === step) continue
        this.#forget(one)
        continue
      }
      if (one.recordStep !== step) {
        if (this.#isRebased) {
          // It is no longer requested, or was not requested before.
          if (one.recordStep >= 0) this.#sockets.delete(one.key)
          continue
        }
        if (!isReliable || (one.recordStep < 0 && !covers(one.socket))) continue
        // One that was reported to open after this snapshot began can be missing in it.
        if (one.recordStep < 0 && one.openedAtMs! > snapshot.atMs) continue
        one.missing++
      }
      const isReported = this.#reports('ends', one.socket)
      if (one.missing === 1) one.missedMs = clockMs
      if (one.missing === 1 && isReported && one.account !== undefined)
        this.#interval.moved.push(movedUnseen(one.account, this.#processesOf(one.socket, one.users), true))
      if (isReported && (one.missing < minMissing || readClockMs < one.missedMs + reportDelayMs)) continue
      if (isReported && this.#reports('everyEnd', one.socket) && covers(one.socket)) this.#interval.unreportedEnds++
      if (one.announcement !== undefined) events.push(this.#announce(one)!)
      const processes = this.#processesOf(one.socket, one.users)
      this.#keepProcesses(processes)
      events.push(vanished(one, this.#sequence++, snapshot.atMs, processes))
      // A socket that no process has used has nothing that could be missing.
      const isUsed = one.socket.protocol === 'tcp' || !isReported || one.socket.traffic?.processes.length !== 0
      if (one.account !== undefined && isUsed) this.#interval.moved.push(movedUnseen(one.account, processes, false))
      one.account = undefined
      this.#end(one, snapshot.atMs, isReported)
    }
  }

  /**
   * Drops the ended sockets of which neither a report can come any more nor a snapshot that began before their end. The end of one that is
   * inferred is reported at an unknown time, so only a limit drops it.
   */
  #forgetEnded(): void {
    for (const [key, { atMs, step, awaitsReport }] of this.#ended) {
      const isDone = !awaitsReport && step < this.#step - 1 && this.#readUntilMs >= atMs
      if (isDone || this.#ended.size > maxTracked) this.#ended.delete(key)
    }
  }

  #takeProcesses(snapshot: Snapshot): void {
    this.#processesBefore = this.#processes
    this.#processes = new Map(snapshot.processes)
    // A pid of the snapshot may have been that of another process at the time of a report.
    for (const process of this.#interval.processes.values())
      if (!this.#processes.has(process.pid)) this.#processes.set(process.pid, process)
    // A process is kept as long as the end of one of its sockets may be reported.
    for (const one of this.#sockets.values()) {
      if (one.life !== 'open' || one.recordStep >= this.#step - 1) continue
      for (const { pid } of one.socket.owners) {
        const process = this.#processesBefore.get(pid)
        if (process !== undefined && !this.#processes.has(pid)) this.#processes.set(pid, process)
      }
    }
  }

  /** The processes that hold or used a socket. */
  #processesOf(socket: Socket, users: ReadonlyMap<number, Process> | undefined, more: readonly Process[] = []): Process[] {
    const found = new Map(more.map(process => [process.pid, process]))
    for (const [pid, process] of users ?? []) if (!found.has(pid)) found.set(pid, process)
    for (const { pid } of socket.owners) {
      const process = this.processOf(pid)
      if (process !== undefined && !found.has(pid)) found.set(pid, process)
    }
    return [...found.values()]
  }
}

/** The snapshot with more processes besides its own. */
function withProcesses(snapshot: Snapshot, more: readonly Process[]): Snapshot {
  const missing = more.filter(process => !snapshot.processes.has(process.pid))
  if (missing.length === 0) return snapshot
  const processes = new ProcessTable(snapshot.processes)
  for (const process of missing) processes.set(process.pid, process)
  return { ...snapshot, processes }
}

/** Where the order continues after a socket that was found by its key. */
function nextAfter(before: readonly TrackedSocket[], one: TrackedSocket, from: number): number {
  // Few sockets close: the socket is a little further on.
  for (let i = from; i < from + 16 && i < before.length; i++) if (before[i] === one) return i + 1
  return from
}
