// A table of flows that grows over time: rows are found by key, add up, and are ranked by a moving average.

import type { Accuracy } from '../../model/accuracy.ts'
import type { Flow } from '../../model/flow.ts'
import type { Process } from '../../model/process.ts'
import type { Socket } from '../../model/socket.ts'
import { compareText } from '../../model/text.ts'

/** The ranking averages over this many seconds. */
const averageSeconds = 5
/** From this number of rows on, idle ones are dropped, the oldest first, and what is new is added to one row for all others. */
const rowLimit = 20_000
const others = { key: 'other', name: '(other)' }

const rank: Readonly<Record<Accuracy, number>> = { exact: 0, sampled: 1, estimate: 2 }

/** The less accurate of two. */
export const worse = (a: Accuracy, b: Accuracy): Accuracy => (rank[a] >= rank[b] ? a : b)

/** What is added to a row at once. */
export interface Amount {
  readonly inBytes: number
  readonly outBytes: number
  readonly inSegments?: number | undefined
  readonly outSegments?: number | undefined
  readonly retransmittedBytes?: number
  readonly accuracy: Accuracy
  /** It is not exact only until the end of the socket has been reported: the totals are exact again then. */
  readonly isPending?: boolean
}

/** How many sockets there are, and how many of them have no byte counters. */
export interface Count {
  readonly sockets: number
  readonly uncounted: number
}

/** The socket, process or other subject of a row. */
export interface RowSubject {
  readonly name: string
  readonly process?: Process | undefined
  readonly socket?: Socket | undefined
}

/** What a row has counted in its last interval with sockets or bytes. */
const nothing = {
  inBytes: 0,
  outBytes: 0,
  inSegments: undefined as number | undefined,
  outSegments: undefined as number | undefined,
  retransmittedBytes: 0,
  sockets: 0,
  uncountedSockets: 0,
  accuracy: 'exact' as Accuracy,
}

class Row {
  subject: RowSubject
  step: number
  now = { ...nothing }
  inTotalBytes = 0
  outTotalBytes = 0
  /** That of the totals: what was not exact in one interval is in them for ever. */
  totalAccuracy: Accuracy = 'exact'
  averageBytesPerSecond = 0

  constructor(subject: RowSubject, step: number) {
    this.subject = subject
    this.step = step
  }

  /** Starts an interval. */
  start(step: number): void {
    this.step = step
    this.now = { ...nothing }
  }

  flow(key: string, seconds: number, best: Accuracy): Flow {
    const { subject, now, inTotalBytes, outTotalBytes, totalAccuracy, averageBytesPerSecond } = this
    return {
      key,
      name: subject.name,
      ...now,
      inBytesPerSecond: Math.max(0, now.inBytes) / seconds,
      outBytesPerSecond: Math.max(0, now.outBytes) / seconds,
      inTotalBytes,
      outTotalBytes,
      averageBytesPerSecond,
      accuracy: worse(worse(now.accuracy, totalAccuracy), best),
      process: subject.process,
      socket: subject.socket,
    }
  }
}

/** Flows of one kind. `step` is the number of the interval. */
export class FlowRows {
  readonly #rows = new Map<string, Row>()
  readonly #limit: number
  /** The totals of a new row may lack what one of the same key had. */
  #hasDropped = false
  constructor(limit = rowLimit) {
    this.#limit = limit
  }

  /** Adds bytes to a row. */
  add(step: number, key: string, subject: RowSubject, amount: Amount): void {
    const row = this.#at(step, key, subject)
    const { now } = row
    now.inBytes += amount.inBytes
    now.outBytes += amount.outBytes
    now.inSegments = plus(now.inSegments, amount.inSegments)
    now.outSegments = plus(now.outSegments, amount.outSegments)
    now.retransmittedBytes += amount.retransmittedBytes ?? 0
    now.accuracy = worse(now.accuracy, amount.accuracy)
    if (amount.isPending !== true) row.totalAccuracy = worse(row.totalAccuracy, amount.accuracy)
    row.inTotalBytes += amount.inBytes
    row.outTotalBytes += amount.outBytes
  }

  /** Adds to the number of sockets of a row in this interval. */
  count(step: number, key: string, subject: RowSubject, { sockets, uncounted }: Count): void {
    const { now } = this.#at(step, key, subject)
    now.sockets += sockets
    now.uncountedSockets += uncounted
  }

  /** The rows that have sockets or moved bytes in this interval or just before, the biggest first, none more accurate than `best` allows; `all` returns every row. */
  list(step: number, intervalMs: number, best: (subject: RowSubject) => Accuracy, all = false): Flow[] {
    const seconds = intervalMs / 1000
    const weight = 1 - Math.exp(-seconds / averageSeconds)
    for (const [key, row] of this.#rows) {
      const rate = row.step === step ? Math.max(0, row.now.inBytes + row.now.outBytes) / seconds : 0
      row.averageBytesPerSecond += weight * (rate - row.averageBytesPerSecond)
      if (row.step === step) continue
      if (this.#rows.size >= this.#limit) {
        this.#rows.delete(key)
        this.#hasDropped = true
      }
      // A row that stops fades out of the list instead of jumping out of it.
      else if (all || row.averageBytesPerSecond >= 1) row.start(step)
    }
    const live = [...this.#rows].filter(([, row]) => row.step === step)
    return live.map(([key, row]) => row.flow(key, seconds, best(row.subject))).sort(byRank)
  }

  /** Drops a row whose socket has closed. */
  drop(key: string): void {
    this.#rows.delete(key)
  }

  #at(step: number, key: string, subject: RowSubject): Row {
    let row = this.#rows.get(key)
    if (row === undefined) {
      if (this.#rows.size >= this.#limit && key !== others.key) return this.#at(step, others.key, { name: others.name })
      row = new Row(subject, step)
      if (this.#hasDropped) row.totalAccuracy = 'sampled'
      this.#rows.set(key, row)
    } else if (row.step !== step) {
      row.subject = subject
      row.start(step)
    } else if (subject.socket ?? subject.process) row.subject = subject // The latest record is the best.
    return row
  }
}

const plus = (a: number | undefined, b: number | undefined): number | undefined => (b === undefined ? a : (a ?? 0) + b)

/** The flow of a subject that moved nothing. */
export const emptyFlow = (key: string, name: string, accuracy: Accuracy): Flow => new Row({ name }, 0).flow(key, 1, accuracy)

/** By moving average, then by total bytes, then by sockets, then by name and key: a total order. */
function byRank(a: Flow, b: Flow): number {
  return (
    b.averageBytesPerSecond - a.averageBytesPerSecond ||
    b.inTotalBytes + b.outTotalBytes - (a.inTotalBytes + a.outTotalBytes) ||
    b.sockets - a.sockets ||
    compareText(a.name, b.name) ||
    compareText(a.key, b.key)
  )
}
