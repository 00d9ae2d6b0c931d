// The tables of sockets that sysctl gives, as records: one for the address, one for the socket, its buffers, its counters. They are walked by
// the length that each record states, because records grow: xsocket_n did in macOS 13. What the fields mean is not decided here. Pure.

import { viewOf } from '../../../bytes/text.ts'
import { DecodeError } from '../../../model/errors.ts'
import {
  recordHead,
  xinpcbN,
  xinpgen,
  xsockbufN,
  xsocketN,
  xsockstatN,
  xtcpcbN,
  xunpcb64,
  xunpcbN,
  type XinpcbN,
  type Xinpgen,
  type XsockbufN,
  type XsocketN,
  type XsockstatN,
  type XtcpcbN,
  type Xunpcb64,
  type XunpcbN,
} from '../kernel/structs.ts'

const XSO_SOCKET = 0x1
const XSO_RCVBUF = 0x2
const XSO_SNDBUF = 0x4
const XSO_STATS = 0x8
const XSO_INPCB = 0x10
const XSO_TCPCB = 0x20
const XSO_UNPCB = 0x200

/** The records of one socket. */
export interface Records {
  inpcb?: XinpcbN
  unpcb?: XunpcbN
  socket?: XsocketN
  receive?: XsockbufN
  send?: XsockbufN
  counters?: XsockstatN
  tcpcb?: XtcpcbN
}

/** A table, as far as its bytes go. */
export interface Table<T> {
  /** It has the number of sockets when the kernel began. Some may have been closed before it wrote them. */
  readonly header: Xinpgen
  readonly sockets: readonly T[]
  /** The table ended with its closing record, as a complete one does. A table without sockets has none. */
  readonly isComplete: boolean
  /** Sockets of which a needed record was missing. */
  readonly incomplete: number
}

/** Every record starts at a multiple of 8. */
const rounded = (length: number): number => Math.ceil(length / 8) * 8

/** What a table turns out to be once it was read to its end. */
export type TableEnd = Omit<Table<never>, 'sockets'>

/** Reads a table of `pcblist_n`, socket by socket, so that the reader of a long one can yield. */
export function* readSockets(answer: Uint8Array): Generator<Records, TableEnd> {
  const view = viewOf(answer)
  const header = readHeader(view)
  let incomplete = 0
  let first: Records | undefined
  let current: Records | undefined
  let isComplete = header.xig_count === 0
  for (let at = rounded(header.xig_len); at + 4 <= answer.length;) {
    const length = view.getUint32(at, true)
    if (length <= xinpgen.size) {
      isComplete = length === xinpgen.size && at + length <= answer.length
      break
    }
    if (at + length > answer.length) break
    const { kind } = recordHead.read(view, at)
    if (kind === XSO_INPCB || kind === XSO_UNPCB) {
      if (current?.socket === undefined) incomplete += current === undefined ? 0 : 1
      else if (!isYounger(current, header)) yield current
      first ??= current
      current = {}
    }
    if (current !== undefined) readRecord(current, kind, view, at, length)
    at += rounded(length)
  }
  if (current !== undefined) {
    if (current.socket === undefined || (!isComplete && isCut(current, first))) incomplete++
    else if (!isYounger(current, header)) yield current
  }
  return { header, isComplete, incomplete }
}

/** A socket that was made after the kernel began to write the table may be incomplete. A flow has no count. */
const isYounger = (r: Records, header: Xinpgen): boolean => r.inpcb !== undefined && r.inpcb.inp_gencnt > header.xig_gen

/** A table that breaks off may do so in the middle of a socket: what has no counters yet, or no control block like the others, is cut. */
const isCut = (last: Records, first: Records | undefined): boolean =>
  last.counters === undefined || (first?.tcpcb !== undefined && last.tcpcb === undefined)

/** Reads all of a table of `pcblist_n`. */
export function readTable(answer: Uint8Array): Table<Records> {
  const sockets: Records[] = []
  const reader = readSockets(answer)
  for (;;) {
    const next = reader.next()
    if (next.done) return { ...next.value, sockets }
    sockets.push(next.value)
  }
}

/** A socket that is gone leaves buffer records of kind 0; unknown kinds are skipped. */
function readRecord(into: Records, kind: number, view: DataView, at: number, length: number): void {
  if (kind === XSO_INPCB) into.inpcb = xinpcbN.read(view, at, length)
  else if (kind === XSO_UNPCB) into.unpcb = xunpcbN.read(view, at, length)
  else if (kind === XSO_SOCKET) into.socket = xsocketN.read(view, at, length)
  else if (kind === XSO_RCVBUF) into.receive = xsockbufN.read(view, at, length)
  else if (kind === XSO_SNDBUF) into.send = xsockbufN.read(view, at, length)
  else if (kind === XSO_STATS) into.counters = xsockstatN.read(view, at, length)
  else if (kind === XSO_TCPCB) into.tcpcb = xtcpcbN.read(view, at, length)
}

/** Reads a table of `net.local.*.pcblist64`, the form before macOS 13: one record for each socket, not rounded. */
export function readTable64(answer: Uint8Array): Table<Xunpcb64> {
  const view = viewOf(answer)
  const header = readHeader(view)
  const sockets: Xunpcb64[] = []
  let isComplete = header.xig_count === 0
  for (let at = header.xig_len; at + 4 <= answer.length;) {
    const length = view.getUint32(at, true)
    if (length <= xinpgen.size) {
      isComplete = length === xinpgen.size && at + length <= answer.length
      break
    }
    if (at + length > answer.length) break
    sockets.push(xunpcb64.read(view, at, length))
    at += length
  }
  return { header, sockets, isComplete, incomplete: 0 }
}

function readHeader(view: DataView): Xinpgen {
  const header = xinpgen.read(view)
  if (header.xig_len < xinpgen.size || header.xig_len > view.byteLength) {
    throw new DecodeError('struct xinpgen', Math.max(header.xig_len, xinpgen.size), view.byteLength, 'by its own length')
  }
  return header
}
