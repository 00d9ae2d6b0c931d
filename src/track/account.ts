// The bytes of one socket: what it had moved when it was last counted, and which process each byte was attributed to.

import { Allocation } from '../measure/flows/allocation.ts'
import type { Amount } from '../measure/flows/rows.ts'
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
  count(record: Socket, now: Payload, shares: readonly Share[], isLast: boolean): Moved | undefined {
    const was = this.last
    const socket = withOwners(record, this.socket)
    this.last = now
    this.socket = socket
    const isSame =
      now.inBytes === was.inBytes &&
      now.outBytes === was.outBytes &&
      now.inSegments === was.inSegments &&
      now.outSegments === was.outSegments
    if (!isLast && isSame && this.#in.waiting === 0 && this.#out.waiting === 0) return undefined
    const amount = grown(was, now)
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

/** A counter that is lower than before was reset: it counts from 0, and that is an estimate. */
function grown(before: Payload, now: Payload): Amount {
  // One byte less is not a reset: the other end's FIN arrived between the reading of the state and of the counters.
  const wasReset = now.inBytes < before.inBytes - 1 || now.outBytes < before.outBytes
  const was = wasReset ? nothingMoved : before
  const since = (a: number | undefined, b: number | undefined): number | undefined =>
    a === undefined || b === undefined ? undefined : Math.max(0, a - b)
  return {
    inBytes: Math.max(0, now.inBytes - was.inBytes),
    outBytes: now.outBytes - was.outBytes,
    inSegments: since(now.inSegments, was.inSegments),
    outSegments: since(now.outSegments, was.outSegments),
    retransmittedBytes: Math.max(0, now.retransmittedBytes - was.retransmittedBytes),
    accuracy: wasReset ? 'estimate' : now.accuracy,
  }
}
