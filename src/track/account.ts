// The bytes of one socket: what it had moved when it was last counted, and which process each byte was attributed to.

import { Allocation } from '../measure/flows/allocation.ts'
import { worse, type Amount } from '../measure/flows/rows.ts'
import type { Moved } from '../measure/flows/tables.ts'
import type { Payload } from '../model/payload.ts'
import type { Process } from '../model/process.ts'
import type { Socket, Traffic } from '../model/socket.ts'
import type { Tcp } from '../model/tcp.ts'

/** The payload of a socket that has just opened. */
export const nothingMoved: Payload = {
  inBytes: 0,
  outBytes: 0,
  retransmittedBytes: 0,
  inSegments: 0,
  outSegments: 0,
  accuracy: 'exact',
}

/** The byte account of one socket. */
export class Account {
  /** The record at the last count, with all owners that it ever had. */
  socket: Socket
  /** What it had moved then. */
  last: Payload
  readonly #in = new Allocation()
  readonly #out = new Allocation()

  constructor(socket: Socket, last: Payload) {
    this.socket = socket
    this.last = last
  }

  /** Records what processes had moved before counting began. */
  begin(): void {
    const { traffic, queues } = this.socket
    this.#in.begin(called(traffic, 'inBytes') ?? new Map(), queues?.receivedBytes ?? 0)
    this.#out.begin(called(traffic, 'outBytes') ?? new Map(), 0)
  }

  /** True when nothing has moved since, and no byte waits for its process. Most of many thousand sockets are idle. */
  isIdle(now: Socket): boolean {
    const was = this.socket
    if (this.#in.waiting !== 0 || this.#out.waiting !== 0 || was.state !== now.state) return false
    const { tcp, traffic } = now
    const isSame = tcp === undefined ? was.tcp === undefined : was.tcp !== undefined && sameCounts(was.tcp, tcp)
    return isSame && (traffic === was.traffic || (traffic !== undefined && was.traffic !== undefined && sameTraffic(was.traffic, traffic)))
  }

  /** Replaces the record of a socket that is idle. */
  keep(now: Socket): void {
    this.socket = withOwners(now, this.socket)
  }

  /**
   * Counts what the socket moved since the last count; undefined when that is nothing. `processOf` finds the processes that held or used it. `isLast`: it
   * has closed, and no byte can wait any longer.
   */
  count(record: Socket, counted: Payload, processOf: (pid: number) => Process | undefined, isLast: boolean): Moved | undefined {
    const was = this.last
    const wasSocket = this.socket
    const socket = withOwners(record, wasSocket)
    const isAnother = isAnotherConnection(wasSocket, socket)
    const now = isLast || isAnother ? counted : neverLess(was, counted)
    this.last = now
    this.socket = socket
    const isSame =
      now.inBytes === was.inBytes &&
      now.outBytes === was.outBytes &&
      now.inSegments === was.inSegments &&
      now.outSegments === was.outSegments
    if (!isLast && isSame && this.#in.waiting === 0 && this.#out.waiting === 0) return undefined
    const wasReset = isAnother || (!(isLast && hasNoCounters(now)) && isReset(was, now))
    const amount = wasReset ? sinceReset(now, wasSocket, socket, this.#in.waiting) : grown(was, now)
    const { traffic } = socket
    const holders = [...new Set(socket.owners.map(owner => owner.pid))].sort((a, b) => a - b)
    const users = (traffic?.processes ?? []).map(share => share.pid)
    const processes = new Map<number, Process>()
    for (const pid of [...holders, ...users]) {
      const process = processOf(pid)
      if (process !== undefined) processes.set(pid, process)
    }
    // At the end the processes that used it are all that can have its bytes, where no snapshot has shown a holder.
    const sharers = isLast && holders.length === 0 ? users : holders
    const evidence = { holders: sharers, isKnown: (pid: number) => pid === 0 || processes.has(pid), isLast }
    // What the other protocols have received is what processes have read.
    const queued = socket.protocol === 'tcp' ? socket.queues?.receivedBytes : 0
    return {
      socket,
      amount,
      inParts: this.#in.allocate(amount.inBytes, { ...evidence, called: called(traffic, 'inBytes'), queued }),
      outParts: this.#out.allocate(amount.outBytes, { ...evidence, called: called(traffic, 'outBytes'), queued: 0 }),
      pids: [...new Set([...holders, ...users.filter(pid => processes.has(pid))])],
      processes,
    }
  }
}

/** What processes have moved by their calls; undefined where these are not counted: a system that reports the bytes itself does not. */
const called = (traffic: Traffic | undefined, of: 'inBytes' | 'outBytes'): ReadonlyMap<number, number> | undefined =>
  traffic === undefined || traffic.accuracy !== undefined ? undefined : new Map(traffic.processes.map(share => [share.pid, share[of]]))

/** What moves after a process has closed a socket is still attributed to the process. */
const withOwners = (now: Socket, was: Socket): Socket =>
  now.owners.length === 0 && was.owners.length > 0 ? { ...now, owners: was.owners } : now

const sameCounts = (a: Tcp, b: Tcp): boolean =>
  a.sentBytes === b.sentBytes &&
  a.receivedBytes === b.receivedBytes &&
  a.sentSegments === b.sentSegments &&
  a.receivedSegments === b.receivedSegments &&
  a.ackedBytes === b.ackedBytes &&
  a.retransmittedBytes === b.retransmittedBytes

const sameTraffic = (a: Traffic, b: Traffic): boolean =>
  a.inBytes === b.inBytes &&
  a.outBytes === b.outBytes &&
  a.inCalls === b.inCalls &&
  a.outCalls === b.outCalls &&
  a.accuracy === b.accuracy &&
  a.processes.length === b.processes.length

/** The end of a socket is no reset: its estimate may lack what was received and not read, and an end that resets the connection has no counters any more. */
const hasNoCounters = ({ accuracy, inSegments, outSegments }: Payload): boolean =>
  accuracy === 'estimate' || (inSegments === 0 && outSegments === 0)

/** A TCP socket that was disconnected (AF_UNSPEC) and connected again: its counters started over, even where they are higher than before. */
function isAnotherConnection(before: Socket, now: Socket): boolean {
  const differs = (a: number | undefined, b: number | undefined): boolean => a !== b && (a ?? 0) !== 0 && (b ?? 0) !== 0
  return now.protocol === 'tcp' && (differs(before.local.port, now.local.port) || differs(before.remote?.port, now.remote?.port))
}

/**
 * What moved since the last count where the counters started over: the whole of them, and before that, at least what calls show beyond it. `waiting` had
 * arrived and was not read at the last count.
 */
function sinceReset(now: Payload, before: Socket, socket: Socket, waiting: number): Amount {
  const byCalls = (of: 'inBytes' | 'outBytes'): number => (socket.traffic?.[of] ?? 0) - (before.traffic?.[of] ?? 0)
  const { receivedBytes = 0, sendBytes = 0 } = socket.queues ?? {}
  return {
    inBytes: Math.max(now.inBytes, byCalls('inBytes') - waiting + receivedBytes),
    outBytes: Math.max(now.outBytes, byCalls('outBytes') - sendBytes),
    inSegments: now.inSegments,
    outSegments: now.outSegments,
    retransmittedBytes: now.retransmittedBytes,
    accuracy: 'estimate',
  }
}

/**
 * What moved between two counts. A byte can be given back: the other end's FIN was counted when it arrived between the reading of the state and of the
 * counters, or two counters were of different moments.
 */
function grown(was: Payload, now: Payload): Amount {
  const since = (a: number | undefined, b: number | undefined): number | undefined =>
    a === undefined || b === undefined ? undefined : Math.max(0, a - b)
  const outBytes = now.outBytes - was.outBytes
  return {
    inBytes: Math.max(-1, now.inBytes - was.inBytes),
    outBytes: now.accuracy === 'estimate' ? Math.max(0, outBytes) : outBytes,
    inSegments: since(now.inSegments, was.inSegments),
    outSegments: since(now.outSegments, was.outSegments),
    retransmittedBytes: Math.max(0, now.retransmittedBytes - was.retransmittedBytes),
    accuracy: worse(was.accuracy, now.accuracy),
  }
}

/** Sent bytes never become fewer, but their numbers can be of different moments: what is too much is given back when the socket closes. */
const neverLess = (before: Payload, now: Payload): Payload =>
  now.outBytes >= before.outBytes || isReset(before, now) ? now : { ...now, outBytes: before.outBytes }

/** Segments are only counted up; where they are not counted, the bytes show a reset. */
function isReset(before: Payload, now: Payload): boolean {
  if (now.inBytes < before.inBytes - 1) return true
  if (now.inSegments === undefined || now.outSegments === undefined || before.inSegments === undefined || before.outSegments === undefined)
    return now.outBytes < before.outBytes
  return now.inSegments < before.inSegments || now.outSegments < before.outSegments
}
