// From sock_diag bytes of TIPC sockets (inside a cluster) to sockets. Pure.

import { littleEndian } from '../../../bytes/struct.ts'
import type { State } from '../../../model/socket.ts'
import { cookieKey, draft, socketTypes, type DetailFields, type Draft } from './draft.ts'
import { attributes, u32Of, type Message } from '../kernel/netlink.ts'

// include/uapi/linux/tipc_netlink.h: TIPC_NLA_SOCK_*
const TIPC_SOCK = 2
const TIPC_ADDR = 1
const TIPC_REF = 2
const TIPC_CON = 3
const TIPC_HAS_PUBL = 4
const TIPC_STAT = 5
const TIPC_TYPE = 6
const TIPC_INO = 7
const TIPC_UID = 8
const TIPC_STATE = 9
const TIPC_COOKIE = 10

/** enum of net/tipc/socket.c, which stands on the states of TCP. */
const tipcStates: Readonly<Record<number, State>> = {
  1: 'ESTABLISHED',
  2: 'CONNECTING',
  7: 'UNCONNECTED',
  8: 'DISCONNECTING',
  10: 'LISTEN',
}

/** Reads one TIPC socket: `id` is the node, `port` the socket's reference in it. */
export function readTipc(view: DataView, at: number, end: number): Draft {
  const top = attributes(view, at, end).find(a => a.type === TIPC_SOCK)
  const all = new Map((top ? attributes(view, top.at, top.end) : []).map((a): [number, Message] => [a.type, a]))
  const number = (type: number): number | undefined => {
    const a = all.get(type)
    return a && u32Of(view, a)
  }
  const cookie = all.get(TIPC_COOKIE)
  const type = number(TIPC_TYPE) ?? 0
  const local = { id: number(TIPC_ADDR), port: number(TIPC_REF) }
  const key = cookie
    ? cookieKey(u32Of(view, { ...cookie, end: cookie.at + 4 }), view.getUint32(cookie.at + 4, littleEndian))
    : `tipc ${local.id}:${local.port}`
  const socket = draft(key, 'tipc', 'tipc', tipcStates[number(TIPC_STATE) ?? 0], local)
  socket.inode = number(TIPC_INO)
  socket.uid = number(TIPC_UID)
  const fields: DetailFields = { published: all.has(TIPC_HAS_PUBL) }
  const connection = all.get(TIPC_CON)
  if (connection) {
    const ends = new Map(attributes(view, connection.at, connection.end).map(a => [a.type, a.end - a.at >= 4 ? u32Of(view, a) : undefined]))
    socket.remote = { id: ends.get(2), port: ends.get(3) }
    if (ends.has(4)) Object.assign(fields, { serviceType: ends.get(4), serviceInstance: ends.get(5) })
  }
  const statistics = all.get(TIPC_STAT)
  if (statistics) readTipcQueues(view, statistics, fields)
  socket.detail = { type: socketTypes[type], fields }
  return socket
}

/** TIPC_NLA_SOCK_STAT_*: unlike the other lists of TIPC, this one starts at 0. The queues are counted in messages. */
function readTipcQueues(view: DataView, nest: Message, fields: DetailFields): void {
  const all = new Map(attributes(view, nest.at, nest.end).map(a => [a.type, a]))
  const number = (type: number): number | undefined => (all.has(type) ? u32Of(view, all.get(type)!) : undefined)
  fields.receivedMessages = number(0)
  fields.sendMessages = number(1)
  fields.linkCongested = all.has(2)
  fields.connectionCongested = all.has(3)
  fields.dropped = number(4)
}
