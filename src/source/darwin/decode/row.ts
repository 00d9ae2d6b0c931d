// A socket that is being put together, with what joins its parts. Every table makes its sockets here, so that all have one shape. Pure.

import { draft as emptyDraft, type Draft } from '../../draft.ts'
import type { XsocketN } from '../kernel/structs.ts'
import { isNotAccepted, isWithoutDescriptor } from './states.ts'

export type { Draft } from '../../draft.ts'

const XSOFF_CFIL = 4
const XSOFF_FLOW_DIV = 8

/** A socket, and what only this folder needs about it. */
export interface Row {
  readonly socket: Draft
  /** The kernel's name of the socket: a hash that is the same in every table until the machine restarts; 0 when it has none. */
  readonly handle: bigint
  /** The same for its protocol block; `peer` is the one at the other end of a UNIX socket. */
  readonly block: bigint
  readonly peer: bigint
  /** The process that used the socket last; undefined when the kernel made it or the table does not have it. */
  readonly lastPid: number | undefined
  /** The app that a daemon made the socket for. */
  readonly onBehalfOf: number | undefined
  /** The kernel made it, or no descriptor is left. */
  readonly ofKernel: boolean
  readonly withoutDescriptor: boolean
  /** It waits at a listener until a process accepts it. */
  readonly notAccepted: boolean
  /** A flow of Network.framework: it runs in its process, and no descriptor leads to it. */
  readonly userSpace: boolean
  /** The `info_tuple` that names a connection to `net.inet.tcp.info`; undefined for everything else. */
  readonly tuple: Uint8Array | undefined
}

/** A socket of which only this much is known. */
export const draft = (known: Pick<Draft, 'key' | 'protocol' | 'family' | 'local'> & Partial<Draft>): Draft =>
  Object.assign(emptyDraft(known.key, known.protocol, known.family, known.state, known.local), known)

/** A row of which only this much is known. */
export const row = (known: Pick<Row, 'socket'> & Partial<Row>): Row => ({
  handle: 0n,
  block: 0n,
  peer: 0n,
  lastPid: undefined,
  onBehalfOf: undefined,
  ofKernel: false,
  withoutDescriptor: false,
  notAccepted: false,
  userSpace: false,
  tuple: undefined,
  ...known,
})

/** Adds to the fields that only this platform has. */
export function addFields(socket: Draft, fields: Readonly<Record<string, string | number | boolean | undefined>>): void {
  const known = Object.entries(fields).filter(([, value]) => value !== undefined)
  if (known.length > 0) socket.detail = { ...socket.detail, fields: { ...socket.detail?.fields, ...Object.fromEntries(known) } }
}

/** A pid, or undefined for the 0 that stands for none. */
const pidOf = (pid: number): number | undefined => (pid > 0 ? pid : undefined)

/** Who uses a socket, from its record; a flow of Network.framework has neither handle nor descriptor. */
export function usersOf(
  socket: XsocketN,
  userSpace: boolean,
): Pick<Row, 'handle' | 'lastPid' | 'onBehalfOf' | 'ofKernel' | 'withoutDescriptor' | 'notAccepted' | 'userSpace'> {
  const lastPid = pidOf(socket.so_last_pid)
  return {
    handle: socket.xso_so,
    lastPid,
    onBehalfOf: pidOf(socket.so_e_pid),
    ofKernel: !userSpace && socket.xso_so !== 0n && lastPid === undefined,
    withoutDescriptor: !userSpace && (socket.xso_so === 0n || isWithoutDescriptor(socket.so_state)),
    notAccepted: isNotAccepted(socket.so_state),
    userSpace,
  }
}

/** What only macOS has: who used the socket last, for whom, and what stands between it and the network. */
export function addSocketFields(made: Draft, socket: XsocketN, userSpace: boolean): void {
  const filters = socket.xso_filter_flags ?? 0
  addFields(made, {
    lastUserPid: pidOf(socket.so_last_pid),
    onBehalfOfPid: pidOf(socket.so_e_pid),
    userSpace: userSpace || undefined,
    contentFilter: (filters & XSOFF_CFIL) !== 0 || undefined,
    flowDivert: (filters & XSOFF_FLOW_DIV) !== 0 || undefined,
  })
}
