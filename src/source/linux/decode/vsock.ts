// From sock_diag bytes of VSOCK sockets (between a virtual machine and its host) to sockets. Pure.

import { diagDraft, optionsOf, shutdownOf, socketTypes, tcpStates, type Draft } from './draft.ts'
import { vsockDiagMsg } from '../kernel/structs.ts'

const ANY = 0xffffffff // VMADDR_CID_ANY and VMADDR_PORT_ANY

/** Reads one VSOCK socket: context ids and ports. */
export function readVsock(view: DataView, at: number, end: number): Draft {
  const m = vsockDiagMsg.read(view, at, end - at)
  const known = (n: number): number | undefined => (n === ANY ? undefined : n)
  const state = socketTypes[m.type] === 'datagram' && m.state === 7 ? 'UNCONNECTED' : tcpStates[m.state]
  const socket = diagDraft(m, 'vsock', state, { id: known(m.srcCid), port: known(m.srcPort) })
  if (m.dstCid !== ANY || m.dstPort !== ANY) socket.remote = { id: known(m.dstCid), port: known(m.dstPort) }
  socket.options = optionsOf({ shutdown: shutdownOf(m.shutdown) })
  socket.detail = { type: socketTypes[m.type] }
  return socket
}
