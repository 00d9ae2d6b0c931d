// From the tables of GetExtendedTcpTable and GetExtendedUdpTable to sockets. Pure.

import { ipv4, ipv6 } from '../../../bytes/address.ts'
import type { Struct } from '../../../bytes/struct.ts'
import { viewOf } from '../../../bytes/text.ts'
import { DecodeError } from '../../../model/errors.ts'
import type { Endpoint, State } from '../../../model/socket.ts'
import { draft, type Draft } from '../../draft.ts'
import {
  fileTimeMs,
  tableHead,
  tcp6Row,
  tcp6RowModule,
  tcp6RowPid,
  tcpRow,
  tcpRowModule,
  tcpRowPid,
  udp6RowModule,
  udp6RowPid,
  udpRowModule,
  udpRowPid,
} from '../kernel/structs.ts'
import { KeySettler } from './keys.ts'

/** MIB_TCP_STATE; TCPSTATE, in TCP_INFO, has the same from CLOSED on, counted from 0. */
export const tcpStates: readonly (State | undefined)[] = [
  undefined,
  'CLOSED',
  'LISTEN',
  'SYN_SENT',
  'SYN_RECEIVED',
  'ESTABLISHED',
  'FIN_WAIT_1',
  'FIN_WAIT_2',
  'CLOSE_WAIT',
  'CLOSING',
  'LAST_ACK',
  'TIME_WAIT',
  'DELETE_TCB',
]

/** What one table holds: rows with the owner's pid, or those that also have the time and the module. */
export interface TableKind {
  readonly protocol: 'tcp' | 'udp'
  readonly family: 'ipv4' | 'ipv6'
  readonly rows: 'module' | 'pid'
}

/** A socket, and what names it in other calls. */
export interface Row {
  readonly draft: Draft
  /** What names the socket as long as it lives: both ends. */
  readonly tuple: string
  /** The row as Windows gave it. */
  readonly bytes: Uint8Array
  readonly kind: TableKind
  readonly pid: number
}

interface Fields {
  readonly dwLocalAddr?: Uint8Array
  readonly ucLocalAddr?: Uint8Array
  readonly dwLocalScopeId?: number
  readonly dwLocalPort: number
  readonly dwRemoteAddr?: Uint8Array
  readonly ucRemoteAddr?: Uint8Array
  readonly dwRemoteScopeId?: number
  readonly dwRemotePort?: number
  readonly dwState?: number
  readonly dwOwningPid: number
  readonly liCreateTimestamp?: bigint
}

const rows: Readonly<Record<string, Struct<Fields>>> = {
  'tcp ipv4 module': tcpRowModule,
  'tcp ipv6 module': tcp6RowModule,
  'udp ipv4 module': udpRowModule,
  'udp ipv6 module': udp6RowModule,
  'tcp ipv4 pid': tcpRowPid,
  'tcp ipv6 pid': tcp6RowPid,
  'udp ipv4 pid': udpRowPid,
  'udp ipv6 pid': udp6RowPid,
}

/** Where the rows of a table are: the struct of a row, the offset of the first, and how many the table has by its own count. */
function shape(table: Uint8Array, kind: TableKind) {
  const row = rows[`${kind.protocol} ${kind.family} ${kind.rows}`]!
  const first = Math.ceil(tableHead.size / row.align) * row.align
  return { row, first, count: tableHead.read(viewOf(table)).dwNumEntries }
}

/** The part of a buffer that the table fills: buffers are larger, because tables grow. */
export function trimTable(buffer: Uint8Array, kind: TableKind): Uint8Array {
  const { row, first, count } = shape(buffer, kind)
  return buffer.subarray(0, Math.min(buffer.length, first + count * row.size))
}

/** Decodes a table, row by row. A table that is cut short gives what it has, then throws a DecodeError. */
export function* readRows(table: Uint8Array, kind: TableKind): Generator<Row, void, undefined> {
  const { row, first, count } = shape(table, kind)
  const view = viewOf(table)
  for (let i = 0, at = first; i < count; i++, at += row.size) {
    if (at + row.size > table.length) throw new DecodeError(`table of ${row.name}`, first + count * row.size, table.length)
    const fields = row.read(view, at, row.size)
    // Windows has no socket without a port in its tables; Wine also lists sockets that are not bound yet.
    if (fields.dwLocalPort !== 0) yield { ...readRow(fields, kind), bytes: table.subarray(at, at + row.size), kind }
  }
}

/** Decodes a table at once, and adds its sockets to `found`. */
export function readTable(table: Uint8Array, kind: TableKind, found: Row[]): void {
  const keys = new KeySettler()
  for (const row of readRows(table, kind)) {
    keys.settle(row)
    found.push(row)
  }
}

function readRow(f: Fields, kind: TableKind): Pick<Row, 'draft' | 'tuple' | 'pid'> {
  const state = kind.protocol === 'udp' ? 'UNCONNECTED' : tcpStates[f.dwState ?? 0]
  const local = endpoint(f.dwLocalAddr, f.ucLocalAddr, f.dwLocalPort, f.dwLocalScopeId)
  // Of a listener the other end "has no meaning" (Microsoft), and may be garbage.
  const connected = kind.protocol === 'tcp' && state !== 'LISTEN' && (f.dwRemotePort ?? 0) !== 0
  const remote = connected ? endpoint(f.dwRemoteAddr, f.ucRemoteAddr, f.dwRemotePort!, f.dwRemoteScopeId) : undefined
  const time = f.liCreateTimestamp === undefined || f.liCreateTimestamp <= 0n ? undefined : f.liCreateTimestamp
  const pid = f.dwOwningPid
  const tuple = tupleOf(kind.protocol, kind.family, local, remote)
  const key = `${tuple} ${pid}${time === undefined ? '' : `@${time}`}`
  const made = Object.assign(draft(key, kind.protocol, kind.family, state, local), {
    remote,
    owners: pid === 0 ? [] : [{ pid, fd: undefined }],
    ownerless: pid !== 0 ? undefined : state === 'TIME_WAIT' ? ('time-wait' as const) : ('orphan' as const),
    detail: time === undefined ? undefined : { fields: { createdAtMs: fileTimeMs(time) } },
  })
  return { draft: made, tuple, pid }
}

function endpoint(v4: Uint8Array | undefined, v6: Uint8Array | undefined, port: number, scope = 0): Endpoint {
  if (v4) return { address: ipv4(v4), port }
  const address = ipv6(v6!)
  return scope !== 0 && isScoped(v6!) ? { address, port, zone: String(zoneOf(scope)) } : { address, port }
}

/** fe80::/10, fec0::/10, and multicast within one link: addresses that need their interface. */
const isScoped = (b: Uint8Array): boolean => (b[0] === 0xfe && b[1]! >= 0x80) || (b[0] === 0xff && (b[1]! & 15) <= 2)

/**
 * The number of the interface. Microsoft documents scope ids in network order, but programs that read them in host order are right as well:
 * interface numbers are small, so the smaller reading is meant.
 */
const zoneOf = (scope: number): number => Math.min(scope, swap32(scope))

const swap32 = (n: number): number => ((n & 255) * 2 ** 24 + ((n >>> 8) & 255) * 2 ** 16 + ((n >>> 16) & 255) * 256 + (n >>> 24)) >>> 0

const tupleOf = (protocol: string, family: string, local: Endpoint, remote: Endpoint | undefined): string =>
  `${protocol}${family === 'ipv4' ? 4 : 6} ${text(local)}${remote === undefined ? '' : `>${text(remote)}`}`

const text = (e: Endpoint): string => `${e.address}${e.zone === undefined ? '' : `%${e.zone}`}:${e.port}`

/** MIB_TCP_STATE_DELETE_TCB: what SetTcpEntry takes to close a connection. */
export const DELETE_TCB = 12

/** The row that names a TCP connection to other calls, without the garbage that may be beside its ports. */
export function connectionRow(row: Row, state?: number): Uint8Array {
  const view = viewOf(row.bytes)
  if (row.kind.family === 'ipv4') {
    const r = tcpRow.read(view)
    return tcpRow.write({ ...r, dwState: state ?? r.dwState })
  }
  const r = tcp6RowPid.read(view)
  return tcp6Row.write({
    State: state ?? r.dwState,
    LocalAddr: r.ucLocalAddr,
    dwLocalScopeId: r.dwLocalScopeId,
    dwLocalPort: r.dwLocalPort,
    RemoteAddr: r.ucRemoteAddr,
    dwRemoteScopeId: r.dwRemoteScopeId,
    dwRemotePort: r.dwRemotePort,
  })
}
