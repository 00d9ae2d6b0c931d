// A table of flows that grows over time: rows are found by key, add up, and are ranked by a moving average.

import type { Accuracy } from '../../model/accuracy.ts'
import type { Flow } from '../../model/flow.ts'
import type { Process } from '../../model/process.ts'
import type { Socket } from '../../model/socket.ts'

/** The ranking averages over this many seconds. */
const averageSeconds = 5
/** Idle rows beyond this number are dropped, the oldest first. */
const rowLimit = 20_000

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

interface Row {
  subject: RowSubject
  step: number
  inBytes: number
  outBytes: number
  inSegments: number | undefined
  outSegments: number | undefined
  retransmittedBytes: number
  sockets: number
  uncountedSockets: number
  accuracy: Accuracy
  inTotalBytes: number
  outTotalBytes: number
  average: number
}

/** Flows of one kind. `step` is the number of the interval. */
export interface Rows {
  /** Adds bytes to a row. */
  add(step: number, key: string, subject: RowSubject, amount: Amount): void
  /** Adds to the number of sockets of a row in this interval. */
  count(step: number, key: string, subject: RowSubject, count: Count): void
  /** The rows that have sockets or moved bytes in this interval or just before, the biggest first, none more accurate than `best`; `all` returns every row. */
  list(step: number, intervalMs: number, best: Accuracy, all?: boolean): Flow[]
  /** Drops a row whose socket has closed. */
  drop(key: string): void
}

/** An empty table. */
export function flowRows(limit = rowLimit): Rows {
  const rows = new Map<string, Row>()
  const at = (step: number, key: string, subject: RowSubject): Row => {
    let row = rows.get(key)
    if (row === undefined) rows.set(key, (row = { ...nothing(subject, step), inTotalBytes: 0, outTotalBytes: 0, average: 0 }))
    else if (row.step !== step) Object.assign(row, nothing(subject, step))
    else if (subject.socket ?? subject.process) row.subject = subject // The latest record is the best.
    return row
  }
  return {
    add(step, key, subject, amount) {
      const row = at(step, key, subject)
      row.inBytes += amount.inBytes
      row.outBytes += amount.outBytes
      row.inTotalBytes += amount.inBytes
      row.outTotalBytes += amount.outBytes
      row.inSegments = plus(row.inSegments, amount.inSegments)
      row.outSegments = plus(row.outSegments, amount.outSegments)
      row.retransmittedBytes += amount.retransmittedBytes ?? 0
      row.accuracy = worse(row.accuracy, amount.accuracy)
    },
    count(step, key, subject, { sockets, uncounted }) {
      const row = at(step, key, subject)
      row.sockets += sockets
      row.uncountedSockets += uncounted
    },
    list(step, intervalMs, best, all = false) {
      const seconds = intervalMs / 1000
      const weight = 1 - Math.exp(-seconds / averageSeconds)
      for (const [key, row] of rows) {
        const now = row.step === step ? (row.inBytes + row.outBytes) / seconds : 0
        row.average += weight * (now - row.average)
        if (row.step === step) continue
        if (rows.size > limit) rows.delete(key)
        else if (all || row.average >= 1) Object.assign(row, nothing(row.subject, step))
      }
      // A row that stops fades out of the list instead of jumping out of it.
      const live = [...rows].filter(([, row]) => row.step === step).map(([key, row]) => flowOf(key, row, seconds, best))
      return live.sort(byRank)
    },
    drop: key => void rows.delete(key),
  }
}

const nothing = (subject: RowSubject, step: number) => ({
  subject,
  step,
  inBytes: 0,
  outBytes: 0,
  inSegments: undefined,
  outSegments: undefined,
  retransmittedBytes: 0,
  sockets: 0,
  uncountedSockets: 0,
  accuracy: 'exact' as Accuracy,
})

const plus = (a: number | undefined, b: number | undefined): number | undefined => (b === undefined ? a : (a ?? 0) + b)

function flowOf(key: string, row: Row, seconds: number, best: Accuracy): Flow {
  return {
    key,
    name: row.subject.name,
    inBytes: row.inBytes,
    outBytes: row.outBytes,
    inBytesPerSecond: row.inBytes / seconds,
    outBytesPerSecond: row.outBytes / seconds,
    inTotalBytes: row.inTotalBytes,
    outTotalBytes: row.outTotalBytes,
    inSegments: row.inSegments,
    outSegments: row.outSegments,
    retransmittedBytes: row.retransmittedBytes,
    sockets: row.sockets,
    uncountedSockets: row.uncountedSockets,
    averageBytesPerSecond: row.average,
    accuracy: worse(row.accuracy, best),
    process: row.subject.process,
    socket: row.subject.socket,
  }
}

/** By moving average, then by total bytes, then by sockets, then by name and key: a total order. */
export function byRank(a: Flow, b: Flow): number {
  return (
    b.averageBytesPerSecond - a.averageBytesPerSecond ||
    b.inTotalBytes + b.outTotalBytes - (a.inTotalBytes + a.outTotalBytes) ||
    b.sockets - a.sockets ||
    order(a.name, b.name) ||
    order(a.key, b.key)
  )
}

const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
