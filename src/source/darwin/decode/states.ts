// The states of sockets, as macOS numbers them. Pure.

import type { State } from '../../../model/socket.ts'

/** bsd/netinet/tcp_fsm.h; libproc and the statistics control use the same numbers. */
const tcpStates: readonly State[] = [
  'CLOSED',
  'LISTEN',
  'SYN_SENT',
  'SYN_RECEIVED',
  'ESTABLISHED',
  'CLOSE_WAIT',
  'FIN_WAIT_1',
  'CLOSING',
  'LAST_ACK',
  'FIN_WAIT_2',
  'TIME_WAIT',
]

const SO_ACCEPTCONN = 0x2
/** bsd/sys/socketvar.h */
const SS_NOFDREF = 0x1
const SS_ISCONNECTED = 0x2
const SS_ISCONNECTING = 0x4
const SS_ISDISCONNECTING = 0x8
const SS_INCOMP = 0x800
const SS_COMP = 0x1000

/** The state of a TCP socket; one that is bound and nothing more is CLOSED to the kernel. */
export function tcpState(number: number, port: number): State | undefined {
  const state = tcpStates[number]
  return state === 'CLOSED' && port !== 0 ? 'BOUND' : state
}

/** The state of a UNIX socket, from its options and its flags. */
export function unixState(options: number, flags: number): State {
  if ((options & SO_ACCEPTCONN) !== 0) return 'LISTEN'
  if ((flags & SS_ISCONNECTED) !== 0) return 'ESTABLISHED'
  if ((flags & SS_ISCONNECTING) !== 0) return 'CONNECTING'
  return (flags & SS_ISDISCONNECTING) !== 0 ? 'DISCONNECTING' : 'UNCONNECTED'
}

/** False in the states in which TCP measures nothing. */
export const hasStatistics = (state: State | undefined): boolean =>
  state !== 'LISTEN' && state !== 'BOUND' && state !== 'CLOSED' && state !== 'TIME_WAIT'

/** A connection in the queue of a listener: half made, or made and waiting. */
export const isNotAccepted = (flags: number): boolean => (flags & (SS_INCOMP | SS_COMP)) !== 0

/** No descriptor leads to the socket. */
export const isWithoutDescriptor = (flags: number): boolean => (flags & SS_NOFDREF) !== 0
