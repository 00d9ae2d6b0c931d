// UNIX sockets, from either form of their table. Pure.

import type { Endpoint, State } from '../../../model/socket.ts'
import type { Xunpcb64, XsocketN } from '../kernel/structs.ts'
import { unixPath } from './address.ts'
import { partsOf, type BufferPart } from './parts.ts'
import type { Records } from './records.ts'
import type { Requested } from './requested.ts'
import { addFields, addSocketFields, draft, row, usersOf, type Draft, type Row } from './row.ts'
import { isNotAccepted, isWithoutDescriptor, unixState } from './states.ts'

/** The two kinds of UNIX sockets that macOS has, which are also the names of their tables. */
export type UnixKind = 'stream' | 'dgram'

/** The key: the handle alone can come back for another socket, the count of sockets cannot. */
export const unixKey = (handle: bigint, count: number | undefined): string =>
  `unix.${handle.toString(16)}${count === undefined ? '' : `.${count}`}`

/** A UNIX socket from its records (macOS 13 and later). */
export function unixRow(r: Records, kind: UnixKind, requested: Requested): Row | undefined {
  const { unpcb, socket } = r
  if (unpcb === undefined || socket === undefined) return undefined
  const made = unixSocket(kind, unpcb, socket, r.receive, r.send, requested)
  addSocketFields(made, socket, false)
  const withoutDescriptor = isWithoutDescriptor(socket.so_state)
  return row({ socket: made, block: unpcb.xunp_unpp, peer: unpcb.xunp_conn, ...usersOf(socket, false), withoutDescriptor })
}

/** A UNIX socket from the older table, which names no process. */
export function unixRow64(r: Xunpcb64, kind: UnixKind, requested: Requested): Row {
  const socket = r.xu_socket
  return row({
    socket: unixSocket(kind, r, socket, socket.so_rcv, socket.so_snd, requested),
    handle: socket.xso_so,
    block: r.xu_unpp,
    peer: r.xunp_conn,
    withoutDescriptor: isWithoutDescriptor(socket.so_state),
    notAccepted: isNotAccepted(socket.so_state),
  })
}

/** The socket in either form of the table. */
function unixSocket(
  kind: UnixKind,
  pcb: Pick<Xunpcb64, 'xu_au' | 'xu_cau' | 'xunp_conn' | 'xunp_gencnt'>,
  socket: Pick<XsocketN, 'xso_so' | 'so_options' | 'so_state' | 'so_uid' | 'so_qlen' | 'so_qlimit'>,
  receive: BufferPart | undefined,
  send: BufferPart | undefined,
  requested: Requested,
): Draft {
  const state = unixState(socket.so_options, socket.so_state)
  const peer = { connected: pcb.xunp_conn !== 0n, path: unixPath(pcb.xu_cau.sun_len, pcb.xu_cau.sun_path) }
  const made = unixDraft(kind, state, unixPath(pcb.xu_au.sun_len, pcb.xu_au.sun_path), peer)
  return Object.assign(made, partsOf(state, socket, receive, send, requested), {
    key: unixKey(socket.xso_so, pcb.xunp_gencnt),
    uid: socket.so_uid,
  })
}

/** A UNIX socket with its two ends. */
export function unixDraft(
  kind: UnixKind,
  state: State,
  path: string | undefined,
  peer: { readonly connected: boolean; readonly path: string | undefined },
): Draft {
  const remote: Endpoint | undefined = peer.connected ? { path: peer.path } : undefined
  return draft({
    key: '',
    protocol: 'unix',
    family: 'unix',
    state,
    local: { path },
    remote,
    detail: { type: kind === 'stream' ? 'stream' : 'datagram' },
  })
}

/** Joins the two ends of each pair: which socket, and whose. */
export function joinPeers(rows: readonly Row[]): void {
  const byBlock = new Map(rows.filter(r => r.block !== 0n).map(r => [r.block, r]))
  for (const r of rows) {
    if (r.peer === 0n) continue
    const other = byBlock.get(r.peer)
    if (other === undefined) continue
    const pid = other.socket.owners[0]?.pid ?? other.lastPid
    if (r.socket.remote !== undefined && r.socket.remote.path === undefined) r.socket.remote = { path: other.socket.local.path }
    addFields(r.socket, { peer: other.socket.key, peerPid: pid })
  }
}
