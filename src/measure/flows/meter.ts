// Who moved how many bytes between two snapshots.
//
// Sockets are followed by key, so a port that is used again is another socket. One that is new since a complete snapshot counts from
// its first byte; one that closed counts up to its last, where an event told its final counters.

import { aSnapshot, checkEach, checkIs, checkKind } from '../../model/arguments.ts'
import type { SocketEvent } from '../../model/event.ts'
import type { Flows } from '../../model/flow.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { Process } from '../../model/process.ts'
import type { Socket, Traffic } from '../../model/socket.ts'
import type { Tcp } from '../../model/tcp.ts'
import { flowTables, type Tables } from './tables.ts'
import { payload, type Payload } from '../../model/payload.ts'
import type { Amount } from './rows.ts'
import { give, type Allocation } from './share.ts'

/** Follows bytes from snapshot to snapshot. */
export interface FlowMeter {
  /**
   * Takes the next snapshot, and what closed since the one before. The first one only says where counting starts. Where some of that was
   * `lost`, nothing but the bytes of single sockets is called exact.
   */
  take(snapshot: Snapshot, closed: readonly SocketEvent[], intervalMs: number | undefined, lost?: boolean): Flows | undefined
}

interface Account {
  socket: Socket
  last: Payload
  readonly in: Allocation
  readonly out: Allocation
  /** The step that saw it last. */
  step: number
}

interface Book {
  readonly accounts: Map<string, Account>
  readonly tables: Tables
  step: number
  /** The last snapshot held every socket, so one that was not in it is new. */
  complete: boolean
  /** Sockets whose end was told since the last snapshot. */
  ended: Set<string>
}

/** So many intervals the word of a socket's end may be late. */
const graceSnapshots = 5

const zero: Payload = { inBytes: 0, outBytes: 0, retransmittedBytes: 0, inSegments: 0, outSegments: 0, accuracy: 'exact' }

const open = (socket: Socket, last: Payload, step: number): Account => ({
  socket,
  last,
  in: { byPid: new Map(), waiting: 0 },
  out: { byPid: new Map(), waiting: 0 },
  step,
})

/** Starts counting. */
export function flowMeter(): FlowMeter {
  let processes = new Map<number, Process>()
  let before = processes
  const tables = flowTables(pid => processes.get(pid) ?? before.get(pid))
  const book: Book = { accounts: new Map(), tables, step: 0, complete: false, ended: new Set() }
  return {
    take(snapshot, closed, intervalMs, lost = false) {
      checkIs('look', snapshot, aSnapshot)
      checkEach('closed', closed, { what: 'an event that a socket closed', fields: { socket: 'object' } })
      if (intervalMs !== undefined) checkKind('intervalMs', intervalMs, 'number')
      checkKind('lost', lost, 'boolean')
      book.step++
      for (const key of book.ended) tables.drop(key)
      before = processes
      processes = new Map(snapshot.processes)
      for (const event of closed) for (const process of event.processes) processes.set(process.pid, process)
      for (const socket of snapshot.sockets) if (book.ended.size === 0 || !book.ended.has(socket.key)) see(book, socket)
      tables.settle(book.step)
      const ended = closed.filter(event => event.type === 'closed' && !book.ended.has(event.socket.key))
      for (const event of ended) end(book, event)
      book.ended = new Set(ended.map(event => event.socket.key))
      // A process is remembered as long as the last word of a socket of its may come.
      for (const account of leave(book)) {
        for (const { pid } of account.socket.owners) {
          const process = processes.get(pid) ?? before.get(pid)
          if (process !== undefined) processes.set(pid, process)
        }
      }
      book.complete = !snapshot.gaps.some(gap => gap.what === 'sockets')
      return intervalMs === undefined ? undefined : tables.list(book.step, intervalMs, lost ? 'sampled' : 'exact')
    },
  }
}

/** A socket that is in a snapshot. */
function see(book: Book, socket: Socket): void {
  let account = book.accounts.get(socket.key)
  // Most of many thousand sockets do nothing.
  if (account !== undefined && isIdle(account, socket)) {
    book.tables.present(socket, true)
    account.socket = withOwners(socket, account.socket)
    account.step = book.step
    return
  }
  const now = isOver(socket, account?.socket) ? undefined : payload(socket)
  const silent = socket.state === 'LISTEN' || socket.state === 'TIME_WAIT'
  book.tables.present(socket, now !== undefined || silent)
  if (now === undefined) return
  if (account === undefined) {
    account = open(socket, book.complete ? zero : now, book.step)
    if (!book.complete) begin(account)
    book.accounts.set(socket.key, account)
  }
  account.step = book.step
  move(book, account, withOwners(socket, account.socket), now, false)
}

/**
 * True at the very end of a connection. A snapshot that falls into it cannot tell whether the other end's FIN is in the bytes, and what only
 * waits has no counters any more: its last word has them.
 */
function isOver({ protocol, state, tcp, traffic }: Socket, was: Socket | undefined): boolean {
  if (protocol !== 'tcp' || traffic?.accuracy === 'exact') return false
  return state === 'BOUND' || state === 'CLOSED' || (tcp === undefined && (state === 'TIME_WAIT' || was?.tcp !== undefined))
}

/** What moves after a process has let go of a socket is still the process's. */
const withOwners = (now: Socket, was: Socket): Socket =>
  now.owners.length === 0 && was.owners.length > 0 ? { ...now, owners: was.owners } : now

/** True when nothing has moved since, and nothing waits for its owner. */
function isIdle({ socket: was, in: { waiting }, out }: Account, now: Socket): boolean {
  if (waiting !== 0 || out.waiting !== 0 || was.state !== now.state) return false
  const { tcp, traffic } = now
  const isSame = tcp === undefined ? was.tcp === undefined : was.tcp !== undefined && sameCounts(was.tcp, tcp)
  return isSame && (traffic === was.traffic || (traffic !== undefined && was.traffic !== undefined && sameTraffic(was.traffic, traffic)))
}

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

/** What processes moved before counting began is theirs already. */
function begin(account: Account): void {
  for (const share of account.socket.traffic?.processes ?? []) {
    account.in.byPid.set(share.pid, share.inBytes)
    account.out.byPid.set(share.pid, share.outBytes)
  }
}

/** A socket that closed, with its final counters. */
function end(book: Book, event: SocketEvent): void {
  const { socket } = event
  const account = book.accounts.get(socket.key) ?? open(socket, zero, book.step)
  book.accounts.delete(socket.key)
  if (event.bytesIn === undefined || event.bytesOut === undefined) return
  const now: Payload = {
    inBytes: event.bytesIn,
    outBytes: event.bytesOut,
    retransmittedBytes: socket.tcp?.retransmittedBytes ?? account.last.retransmittedBytes,
    inSegments: socket.tcp?.receivedSegments ?? account.last.inSegments,
    outSegments: socket.tcp?.sentSegments ?? account.last.outSegments,
    accuracy: event.accuracy ?? 'sampled',
  }
  const traffic = socket.traffic ?? account.socket.traffic
  move(book, account, { ...withOwners(socket, account.socket), traffic }, now, true)
}

/** Sockets that are gone without a word. The word may come late, so they are kept for some intervals: else it would count them anew. */
function leave(book: Book): Account[] {
  const waiting: Account[] = []
  for (const account of book.accounts.values()) {
    const missing = book.step - account.step
    if (missing === 0) continue
    const { key } = account.socket
    if (missing > graceSnapshots) {
      book.accounts.delete(key)
      book.tables.drop(key)
      continue
    }
    if (missing === 1) book.tables.move(book.step, account.socket, { inBytes: 0, outBytes: 0, accuracy: 'sampled' }, [], [])
    waiting.push(account)
  }
  return waiting
}

/** Counts what a socket moved since it was counted last. */
function move(book: Book, account: Account, socket: Socket, now: Payload, last: boolean): void {
  const was = account.last
  account.last = now
  account.socket = socket
  // Most of many thousand sockets do nothing.
  const idle =
    now.inBytes === was.inBytes && now.outBytes === was.outBytes && now.inSegments === was.inSegments && now.outSegments === was.outSegments
  if (!last && idle && account.in.waiting === 0 && account.out.waiting === 0) return
  const amount = grown(was, now)
  const pids = socket.owners.map(o => o.pid)
  const shares = socket.traffic?.processes ?? []
  const inParts = give(account.in, amount.inBytes, pids, shares, 'inBytes', last)
  const outParts = give(account.out, amount.outBytes, pids, shares, 'outBytes', last)
  book.tables.move(book.step, socket, amount, inParts, outParts)
}

/** A counter that is lower than before was set back: it counts from 0, and that is a guess. */
function grown(before: Payload, now: Payload): Amount {
  // One byte less is no set back: the other end's FIN came between the state and the counters that a snapshot has read.
  const reset = now.inBytes < before.inBytes - 1 || now.outBytes < before.outBytes
  const was = reset ? zero : before
  const since = (a: number | undefined, b: number | undefined): number | undefined =>
    a === undefined || b === undefined ? undefined : Math.max(0, a - b)
  return {
    inBytes: Math.max(0, now.inBytes - was.inBytes),
    outBytes: now.outBytes - was.outBytes,
    inSegments: since(now.inSegments, was.inSegments),
    outSegments: since(now.outSegments, was.outSegments),
    retransmittedBytes: Math.max(0, now.retransmittedBytes - was.retransmittedBytes),
    accuracy: reset ? 'estimate' : now.accuracy,
  }
}
