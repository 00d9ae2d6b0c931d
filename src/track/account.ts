// The bytes of one socket: what it had moved when it was last counted, and which process each byte was attributed to.

import { Allocation } from '../measure/flows/allocation.ts'
import { worse, type Amount } from '../measure/flows/rows.ts'
import type { Moved } from '../measure/flows/tables.ts'
import type { Payload } from '../model/payload.ts'
import type { Share, Socket, Traffic } from '../model/socket.ts'
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
  begin(shares: readonly Share[]): void {
    for (const share of shares) {
      this.#in.begin(share.pid, share.inBytes)
      this.#out.begin(share.pid, share.outBytes)
    }
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

  /** Counts what the socket moved since the last count; undefined when that is nothing. `isLast`: it has closed, and no byte can wait any longer. */
  count(record: Socket, counted: Payload, shares: readonly Share[], isLast: boolean): Moved | undefined {
    const was = this.last
    const socket = withOwners(record, this.socket)
    const now = isLast ? counted : neverLess(was, counted)
    this.last = now
    this.socket = socket
    const isSame =
      now.inBytes === was.inBytes &&
      now.outBytes === was.outBytes &&
      now.inSegments === was.inSegments &&
      now.outSegments === was.outSegments
    if (!isLast && isSame && this.#in.waiting === 0 && this.#out.waiting === 0) return undefined
    const amount = grown(was, now, isLast)
    const pids = [...new Set([...socket.owners, ...shares].map(holder => holder.pid))].sort((a, b) => a - b)
    return {
      socket,
      amount,
      inParts: this.#in.allocate(amount.inBytes, pids, used(shares, 'inBytes'), isLast),
      outParts: this.#out.allocate(amount.outBytes, pids, used(shares, 'outBytes'), isLast),
      pids,
    }
  }
}

const used = (shares: readonly Share[], of: 'inBytes' | 'outBytes'): ReadonlyMap<number, number> =>
  new Map(shares.map(share => [share.pid, share[of]]))

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

/**
 * What moved between two counts. A byte can be given back: the other end's FIN was counted when it arrived between the reading of the state and of the
 * counters, or two counters were of different moments. Counters that were reset count from 0 again, and that is an estimate.
 */
function grown(before: Payload, now: Payload, isLast: boolean): Amount {
  const isEstimate = now.accuracy === 'estimate'
  // The end of a socket is no reset: its estimate may lack what was received and not read, and an end that resets the connection has no counters any more.
  const isEnd = isLast && (isEstimate || (now.inSegments === 0 && now.outSegments === 0))
  const wasReset = !isEnd && isReset(before, now)
  const was = wasReset ? nothingMoved : before
  const since = (a: number | undefined, b: number | undefined): number | undefined =>
    a === undefined || b === undefined ? undefined : Math.max(0, a - b)
  const outBytes = now.outBytes - was.outBytes
  return {
    inBytes: Math.max(-1, now.inBytes - was.inBytes),
    outBytes: isEstimate ? Math.max(0, outBytes) : outBytes,
    inSegments: since(now.inSegments, was.inSegments),
    outSegments: since(now.outSegments, was.outSegments),
    retransmittedBytes: Math.max(0, now.retransmittedBytes - was.retransmittedBytes),
    accuracy: wasReset ? 'estimate' : worse(before.accuracy, now.accuracy),
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
