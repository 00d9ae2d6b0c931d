// Bandwidth by process in the shape and with the field names of the NetWatch wire format, so that its readers can take it as it is.
// All rates are bytes per second. Never the words of a command line: they can hold secrets.

import { aSnapshot, checkCount, checkEach, checkIs, checkKind, type ObjectKind } from '../model/arguments.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Endpoint } from '../model/socket.ts'
import type { Process, ProcessUse } from '../model/process.ts'
import type { Flows } from '../model/flow.ts'
import { payload } from '../model/payload.ts'
import { compareText } from '../model/text.ts'

/** A connection in the wire format. */
export interface ConnectionDetail {
  /** The protocol in capitals. */
  readonly protocol: string
  /** The address and port of this end. */
  readonly local_addr: string
  /** The address and port of the other end; `*:*` when it is not connected. */
  readonly remote_addr: string
  /** The state of the connection. */
  readonly state: string
  /** The process that has the connection; null when it is not known. */
  readonly pid: number | null
  /** The name of the process; null when it is not known. */
  readonly process_name: string | null
  /** The round-trip time in microseconds. */
  readonly kernel_rtt_us?: number | undefined
  /** Payload that was received since the connection began. */
  readonly rx_bytes?: number | undefined
  /** Payload that was sent since the connection began. */
  readonly tx_bytes?: number | undefined
  /** The key of the socket: with it a port that is used again is another connection. It is not part of the wire format. */
  readonly key?: string | undefined
}

/** What `attribute` requires of an interface. */
export interface InterfaceMetric {
  /** Bytes that were received. */
  readonly rx_bytes: number
  /** Bytes that were sent. */
  readonly tx_bytes: number
  /** Bytes that are received in a second. */
  readonly rx_rate?: number | undefined
  /** Bytes that are sent in a second. */
  readonly tx_rate?: number | undefined
}

/** The bandwidth of one process. */
export interface ProcessBandwidth {
  /** The name of the process. */
  readonly process_name: string
  /** The process; null when it is not known. */
  readonly pid: number | null
  /** Bytes that were received in the interval. */
  readonly rx_bytes: number
  /** Bytes that were sent in the interval. */
  readonly tx_bytes: number
  /** Bytes that were received in a second. */
  readonly rx_rate: number
  /** Bytes that were sent in a second. */
  readonly tx_rate: number
  /** How many connections it has. */
  readonly connection_count: number
  /** The pid of its parent. */
  readonly ppid?: number | undefined
  /** The name of its user. */
  readonly user?: string | undefined
  /** How much of one processor it used in the interval, in per cent. */
  readonly cpu_pct?: number | undefined
  /** Memory that is in RAM. */
  readonly mem_rss_bytes?: number | undefined
  /** Address space that is mapped. */
  readonly mem_virt_bytes?: number | undefined
  /** One letter: R, S, D, T, Z, I. */
  readonly state?: string | undefined
  /** When it started, as ISO 8601. */
  readonly started_at?: string | undefined
  /** The file that runs. */
  readonly cmd?: string | undefined
}

const aConnection: ObjectKind = {
  what: 'a connection, as connectionDetails() gives it',
  fields: { protocol: 'text', local_addr: 'text', remote_addr: 'text', state: 'text' },
}

type Row = { -readonly [K in keyof ProcessBandwidth]: ProcessBandwidth[K] }

/** Finds or makes the row of the process that has a connection. */
function rowOf(rows: Map<string, Row>, connection: ConnectionDetail): Row {
  const { pid } = connection
  const name = connection.process_name ?? `pid:${pid ?? 0}`
  const key = `${pid ?? ''}\0${name}`
  let row = rows.get(key)
  if (row === undefined) {
    row = { process_name: name, pid, rx_bytes: 0, tx_bytes: 0, rx_rate: 0, tx_rate: 0, connection_count: 0 }
    rows.set(key, row)
  }
  return row
}

/** The biggest first: by rate, bytes, connections, then by name and pid, never by chance. */
function ranked(rows: Iterable<Row>, max: number): ProcessBandwidth[] {
  return [...rows]
    .sort(
      (a, b) =>
        b.rx_rate + b.tx_rate - (a.rx_rate + a.tx_rate) ||
        b.rx_bytes + b.tx_bytes - (a.rx_bytes + a.tx_bytes) ||
        b.connection_count - a.connection_count ||
        compareText(a.process_name, b.process_name) ||
        (a.pid ?? -1) - (b.pid ?? -1),
    )
    .slice(0, max)
}

/**
 * An estimate: splits what went through the interfaces by the number of established connections that each process has, whoever
 * moved the bytes. `ProcessBandwidthTracker` measures them.
 */
export function attribute(
  connections: readonly ConnectionDetail[],
  interfaces: readonly InterfaceMetric[],
  max: number,
): ProcessBandwidth[] {
  checkEach('connections', connections, aConnection)
  checkEach('interfaces', interfaces, { what: 'the counters of an interface', fields: { rx_bytes: 'number', tx_bytes: 'number' } })
  checkCount('max', max)
  const sum = (of: keyof InterfaceMetric): number => interfaces.reduce((all, one) => all + (one[of] ?? 0), 0)
  const rows = new Map<string, Row>()
  const established = connections.filter(c => c.state === 'ESTABLISHED')
  for (const connection of established) rowOf(rows, connection).connection_count++
  for (const row of rows.values()) {
    const part = row.connection_count / established.length
    row.rx_bytes = Math.trunc(sum('rx_bytes') * part)
    row.tx_bytes = Math.trunc(sum('tx_bytes') * part)
    row.rx_rate = sum('rx_rate') * part
    row.tx_rate = sum('tx_rate') * part
  }
  return ranked(rows.values(), max)
}

const uncounted = new Set(['LISTEN', 'TIME_WAIT', 'TIME-WAIT', 'CLOSED', 'CLOSE', 'UNCONN'])

/** The counters of a connection in the last sample that had it. */
interface LastCount {
  readonly rx: number
  readonly tx: number
  readonly atMs: number
}

/** A connection that is missing from samples is remembered so long: when it comes back, only what it moved meanwhile counts. */
const rememberMs = 300_000
/** At most so many missing connections are remembered; the oldest are forgotten first. */
const maxMissing = 100_000

/**
 * Measures bandwidth by process from the counters of its connections, from sample to sample. The first sample is where
 * counting starts; a connection that is new in a later one counts from its first byte, and one that was missing from samples from where it was.
 */
export class ProcessBandwidthTracker {
  #before: Map<string, LastCount> | undefined
  #missing = new Map<string, LastCount>()
  #atMs = 0

  /** The processes that moved most since the last sample. `atMs` is when the connections were listed, by a clock that never jumps. */
  sample(connections: readonly ConnectionDetail[], max: number, atMs: number = performance.now()): ProcessBandwidth[] {
    checkEach('connections', connections, aConnection)
    checkCount('max', max)
    checkKind('atMs', atMs, 'number')
    const seconds = this.#before === undefined ? 0 : Math.max(0, atMs - this.#atMs) / 1000
    const now = new Map<string, LastCount>()
    const rows = new Map<string, Row>()
    for (const connection of connections) {
      const { rx_bytes: rx, tx_bytes: tx, state } = connection
      const counted = rx !== undefined && tx !== undefined && !uncounted.has(state)
      if (!counted && state !== 'ESTABLISHED') continue
      const row = rowOf(rows, connection)
      row.connection_count++
      if (!counted) continue
      const key = connection.key ?? `${connection.protocol} ${connection.local_addr} ${connection.remote_addr}`
      const shared = now.has(key) // Another process holds the same connection: its bytes are counted already.
      if (shared) continue
      now.set(key, { rx, tx, atMs })
      const was = this.#before === undefined ? { rx, tx } : (this.#before.get(key) ?? this.#missing.get(key))
      // Lower than before: another connection with the same addresses.
      const same = was !== undefined && rx >= was.rx && tx >= was.tx
      row.rx_bytes += same ? rx - was.rx : rx
      row.tx_bytes += same ? tx - was.tx : tx
    }
    this.#remember(now, atMs)
    this.#before = now
    this.#atMs = atMs
    for (const row of rows.values()) {
      row.rx_rate = seconds > 0 ? row.rx_bytes / seconds : 0
      row.tx_rate = seconds > 0 ? row.tx_bytes / seconds : 0
    }
    return ranked(rows.values(), max)
  }

  #remember(now: ReadonlyMap<string, LastCount>, atMs: number): void {
    for (const [key, last] of this.#before ?? []) if (!now.has(key)) this.#missing.set(key, last)
    for (const [key, last] of this.#missing)
      if (now.has(key) || atMs - last.atMs > rememberMs || this.#missing.size > maxMissing) this.#missing.delete(key)
  }
}

/** The connections of a snapshot in the wire format: one for each process that holds it. */
export function connectionDetails(snapshot: Snapshot): ConnectionDetail[] {
  checkIs('snapshot', snapshot, aSnapshot)
  return snapshot.sockets.flatMap(socket => {
    const moved = payload(socket)
    const pids = [...new Set(socket.owners.map(o => o.pid))].sort((a, b) => a - b)
    return (pids.length === 0 ? [null] : pids).map(pid => ({
      protocol: socket.protocol.toUpperCase(),
      local_addr: address(socket.local),
      remote_addr: address(socket.remote),
      state: socket.state ?? '',
      pid,
      process_name: pid === null ? null : (snapshot.processes.get(pid)?.name ?? null),
      kernel_rtt_us: socket.tcp?.rttMicros,
      rx_bytes: moved?.inBytes,
      tx_bytes: moved?.outBytes,
      key: socket.key,
    }))
  })
}

function address(end: Endpoint | undefined): string {
  if (end?.address === undefined) return end?.path ?? '*:*'
  const zone = end.zone === undefined ? '' : `%${end.zone}`
  return end.address.includes(':') ? `[${end.address}${zone}]:${end.port}` : `${end.address}${zone}:${end.port}`
}

/** The same from flows, which include sockets that lived shorter than an interval. */
export function bandwidthOf(flows: Flows, max: number): ProcessBandwidth[] {
  const rows = flows.processes.map(flow => ({
    process_name: flow.name,
    pid: flow.process?.pid ?? null,
    rx_bytes: flow.inBytes,
    tx_bytes: flow.outBytes,
    rx_rate: flow.inBytesPerSecond,
    tx_rate: flow.outBytesPerSecond,
    connection_count: flow.sockets,
  }))
  return ranked(rows, max)
}

/** What processes use at two moments, `ms` apart. */
export interface UseBetween {
  /** What processes used at the first moment, by pid. */
  readonly before: ReadonlyMap<number, ProcessUse>
  /** What processes used at the second moment, by pid. */
  readonly now: ReadonlyMap<number, ProcessUse>
  /** The time between the two. */
  readonly ms: number
}

/** Adds what is known of each process to its row. */
export function withDetails(
  rows: readonly ProcessBandwidth[],
  processes: ReadonlyMap<number, Process>,
  use?: UseBetween,
): ProcessBandwidth[] {
  checkEach('rows', rows, { what: 'the bandwidth of a process', fields: { process_name: 'text' } })
  checkKind('processes', processes, 'map')
  if (use !== undefined)
    checkIs('use', use, { what: 'what processes use at two moments', fields: { before: 'map', now: 'map', ms: 'number' } })
  return rows.map(row => {
    const process = row.pid === null ? undefined : processes.get(row.pid)
    const used = row.pid === null ? undefined : use?.now.get(row.pid)
    return {
      ...row,
      ppid: process?.parentPid,
      user: process?.user,
      cpu_pct: used && percent(used, use!.before.get(row.pid!), use!.ms),
      mem_rss_bytes: used?.residentBytes,
      mem_virt_bytes: used?.virtualBytes,
      state: used?.state,
      started_at: process?.startedAtMs === undefined ? undefined : new Date(process.startedAtMs).toISOString(),
      cmd: process?.exe,
    }
  })
}

/** How much of one processor it used; undefined for a process that was not there before. */
function percent(now: ProcessUse, before: ProcessUse | undefined, ms: number): number | undefined {
  if (before?.key !== now.key || now.processorMs === undefined || before.processorMs === undefined || ms <= 0) return undefined
  return (100 * (now.processorMs - before.processorMs)) / ms
}
