// From sock_diag bytes of VSOCK sockets (between a virtual machine and its host) to sockets. Pure.

import { cookieKey, draft, optionsOf, shutdownOf, socketTypes, tcpStates, type Draft } from './draft.ts'
import { message, NLM_F_DUMP, NLM_F_REQUEST, SOCK_DIAG_BY_FAMILY } from '../kernel/netlink.ts'
import { vsockDiagMsg, vsockDiagReq } from '../kernel/structs.ts'

const AF_VSOCK = 40
const ANY = 0xffffffff // VMADDR_CID_ANY and VMADDR_PORT_ANY

/** A request for all VSOCK sockets in these states. */
export const vsockRequest = (states: number): Uint8Array =>
  message(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, vsockDiagReq.write({ family: AF_VSOCK, states }))

/** Reads one VSOCK socket: context ids and ports. */
export function readVsock(view: DataView, at: number, end: number): Draft {
  const m = vsockDiagMsg.read(view, at, end - at)
  const known = (n: number): number | undefined => (n === ANY ? undefined : n)
  const key = cookieKey(m.cookie0, m.cookie1)
  const state = socketTypes[m.type] === 'datagram' && m.state === 7 ? 'UNCONNECTED' : tcpStates[m.state]
  const socket = draft(key, 'vsock', 'vsock', state, { id: known(m.srcCid), port: known(m.srcPort) })
  if (m.dstCid !== ANY || m.dstPort !== ANY) socket.remote = { id: known(m.dstCid), port: known(m.dstPort) }
  socket.inode = m.ino === 0 ? undefined : m.ino
  socket.options = optionsOf({ shutdown: shutdownOf(m.shutdown) })
  socket.detail = { type: socketTypes[m.type] }
  return socket
}
