// The tables of flows: they add up the bytes of each socket by socket, process, user, container, remote and protocol.

import type { Accuracy } from '../../model/accuracy.ts'
import type { Flows } from '../../model/flow.ts'
import { ownerlessText } from '../../model/ownerless.ts'
import type { Process } from '../../model/process.ts'
import type { Socket } from '../../model/socket.ts'
import type { Part } from './allocation.ts'
import { emptyFlow, FlowRows, worse, type Amount, type Count, type RowSubject } from './rows.ts'

/** A row's key and its subject. */
type RowKey = readonly [key: string, subject: RowSubject]

/** What one socket moved, and which processes these bytes belong to. */
export interface Moved {
  readonly socket: Socket
  readonly amount: Amount
  readonly inParts: readonly Part[]
  readonly outParts: readonly Part[]
  /** The pid of every process that holds or used the socket. */
  readonly pids: readonly number[]
  /** Those of them that are known. A pid may have been reused since: only these are the processes of these bytes. */
  readonly processes: ReadonlyMap<number, Process>
}

/** The best accuracy that rows can have after a loss. */
export interface BestAccuracy {
  /** Of rows that consist of many sockets: one of them, or its end, may be missing. */
  readonly sums: Accuracy
  /** Of sockets whose bytes are those of calls: one of these may be missing. */
  readonly calls: Accuracy
}

/** All tables. `step` is the number of the interval. */
export interface FlowTables {
  /** Adds what a socket moved: once for itself, and its parts for the processes. */
  move(step: number, moved: Moved): void
  /** Records that a socket is open. */
  present(socket: Socket, counted: boolean): void
  /** Adds the recorded sockets to the rows of this interval. */
  settle(step: number): void
  /** Drops a socket that has closed. */
  drop(key: string): void
  /** Rows are no more accurate than `best` from now on. */
  list(step: number, intervalMs: number, best: BestAccuracy): Flows
}

/** Short connections are many, and each has a row in the interval in which it moved bytes. */
const socketLimit = 50_000

/** Creates empty tables. `processOf` finds a process by pid. */
export function flowTables(processOf: (pid: number) => Process | undefined): FlowTables {
  const total = new FlowRows()
  const unattributed = new FlowRows()
  const sockets = new FlowRows(socketLimit)
  const remotes = new FlowRows()
  const protocols = new FlowRows()
  const processes = new FlowRows()
  const users = new FlowRows()
  const containers = new FlowRows()
  const ofSocket = (socket: Socket): [FlowRows, RowKey][] => [
    [total, ['total', { name: 'total' }]],
    [sockets, [socket.key, { name: socketName(socket), socket }]],
    [remotes, [remoteName(socket), { name: remoteName(socket) }]],
    [protocols, [socket.protocol, { name: socket.protocol }]],
  ]
  const ofProcess = (pid: number, process: Process | undefined): [FlowRows, RowKey][] => {
    return [
      [processes, [process?.key ?? `pid ${pid}`, { name: process?.name ?? `pid ${pid}`, process }]],
      [users, userKey(process?.uid, process?.user)],
      [containers, containerKey(process)],
    ]
  }
  // Counted first and added once: there are many sockets, but few processes and remote ends.
  const there = {
    all: noSockets(),
    hidden: noSockets(),
    protocols: new Tally<string>(),
    remotes: new Tally<string>(),
    pids: new Tally<number>(),
  }
  return {
    move(step, { socket, amount, inParts, outParts, pids, processes: known }) {
      for (const [rows, row] of ofSocket(socket)) rows.add(step, ...row, amount)
      const rest = { inBytes: amount.inBytes, outBytes: amount.outBytes, accuracy: amount.accuracy }
      const foreign = { inBytes: 0, outBytes: 0, accuracy: amount.accuracy }
      for (const [parts, way] of [
        [inParts, 'inBytes'],
        [outParts, 'outBytes'],
      ] as const) {
        for (const part of parts) {
          rest[way] -= part.bytes
          if (part.pid === 0 && !known.has(0)) {
            foreign[way] += part.bytes
            if (!part.sure) foreign.accuracy = worse(foreign.accuracy, 'estimate')
            continue
          }
          const accuracy = part.sure ? amount.accuracy : worse(amount.accuracy, 'estimate')
          for (const [rows, row] of ofProcess(part.pid, known.get(part.pid)))
            rows.add(step, ...row, { inBytes: 0, outBytes: 0, [way]: part.bytes, accuracy })
        }
      }
      // Segments belong to a socket; a process has them only when it alone holds the socket. What was not seen may be of each.
      for (const pid of pids.length === 1 || amount.isPending !== undefined ? pids : [])
        for (const [rows, row] of ofProcess(pid, known.get(pid))) rows.add(step, ...row, { ...amount, inBytes: 0, outBytes: 0 })
      const addRest = (rows: readonly FlowRows[], row: RowKey, bytes: Amount): void => {
        if (bytes.inBytes === 0 && bytes.outBytes === 0) return
        for (const each of rows) each.add(step, ...row, bytes)
        users.add(step, ...userKey(socket.uid, undefined), bytes)
      }
      addRest([processes, containers], hidden, foreign)
      if (isHidden(socket)) addRest([processes, containers], hidden, rest)
      else addRest([unattributed, containers], noOwner, rest)
    },
    present(socket, counted) {
      // Not in the table of sockets: it holds only those that move bytes, and most of many thousands do not.
      countSocket(there.all, counted)
      if (isHidden(socket)) countSocket(there.hidden, counted)
      there.remotes.add(remoteName(socket), counted)
      there.protocols.add(socket.protocol, counted)
      if (socket.owners.length === 1) return there.pids.add(socket.owners[0]!.pid, counted)
      for (const pid of new Set(socket.owners.map(o => o.pid))) there.pids.add(pid, counted)
    },
    settle(step) {
      total.count(step, 'total', { name: 'total' }, there.all)
      there.all = noSockets()
      if (there.hidden.sockets > 0) for (const rows of [processes, containers]) rows.count(step, ...hidden, there.hidden)
      there.hidden = noSockets()
      for (const [rows, tallied] of [
        [remotes, there.remotes],
        [protocols, there.protocols],
      ] as const)
        tallied.take((name, count) => rows.count(step, name, { name }, count))
      there.pids.take((pid, count) => {
        for (const [rows, row] of ofProcess(pid, processOf(pid))) rows.count(step, ...row, count)
      })
    },
    drop: key => sockets.drop(key),
    list(step, intervalMs, { sums, calls }) {
      const best = (): Accuracy => sums
      const ofOne = ({ socket }: RowSubject): Accuracy => (socket?.protocol === 'tcp' ? 'exact' : calls)
      const unowned = unattributed.list(step, intervalMs, best, true)[0]
      return {
        intervalMs,
        total: total.list(step, intervalMs, best, true)[0] ?? emptyFlow('total', 'total', sums),
        unattributed: unowned ?? emptyFlow(noOwner[0], noOwner[1].name, sums),
        sockets: sockets.list(step, intervalMs, ofOne),
        processes: processes.list(step, intervalMs, best),
        users: users.list(step, intervalMs, best),
        containers: containers.list(step, intervalMs, best),
        remotes: remotes.list(step, intervalMs, best),
        protocols: protocols.list(step, intervalMs, best),
      }
    },
  }
}

/** The row of sockets whose processes may not be read. */
const hidden: RowKey = ['hidden', { name: ownerlessText('permission') }]
/** The row of what belongs to no known process. */
const noOwner: RowKey = ['unattributed', { name: '(no owner)' }]
const isHidden = ({ ownerless }: Socket): boolean => ownerless === 'permission' || ownerless === 'other-pid-namespace'

interface MutableCount extends Count {
  sockets: number
  uncounted: number
}
const noSockets = (): MutableCount => ({ sockets: 0, uncounted: 0 })

function countSocket(count: MutableCount, counted: boolean): void {
  count.sockets++
  if (!counted) count.uncounted++
}

/** Sockets of one kind, counted by what they have in common. */
class Tally<K> {
  readonly #counts = new Map<K, MutableCount>()

  add(key: K, counted: boolean): void {
    let count = this.#counts.get(key)
    if (count === undefined) this.#counts.set(key, (count = noSockets()))
    countSocket(count, counted)
  }

  /** Returns the counts, and starts over. */
  take(each: (key: K, count: Count) => void): void {
    for (const [key, count] of this.#counts) each(key, count)
    this.#counts.clear()
  }
}

const plain = (address: string): string => (address.startsWith('::ffff:') ? address.slice(7) : address)

const endpointName = (e: Socket['local'] | undefined): string =>
  e === undefined
    ? '*'
    : (e.path ?? (e.address?.includes(':') ? `[${e.address}]` : (e.address ?? '*')) + (e.port === undefined ? '' : `:${e.port}`))

const socketName = (socket: Socket): string => `${socket.protocol} ${endpointName(socket.local)} ${endpointName(socket.remote)}`

function remoteName({ remote }: Socket): string {
  const address = remote?.address
  return address === undefined ? (remote?.path ?? '(not connected)') : plain(address)
}

function userKey(uid: number | undefined, user: string | undefined): RowKey {
  const key = uid === undefined ? 'unknown' : String(uid)
  return [key, { name: user ?? (uid === undefined ? '(unknown)' : `uid ${uid}`) }]
}

function containerKey(process: Process | undefined): RowKey {
  // It could not be read, and may be in any container.
  if (process === undefined) return ['unknown', { name: '(unknown)' }]
  const { container } = process
  if (container === undefined) return ['', { name: '(none)' }]
  return [container.id, { name: container.name ?? container.id }]
}
