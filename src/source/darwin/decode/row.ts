// A socket that is being put together, with what joins its parts. Every table makes its sockets here, so that all have one shape. Pure.

import { draft as blank, type Draft } from '../../draft.ts'

export type { Draft } from '../../draft.ts'

/** A socket, and what only this folder needs to know of it. */
export interface Row {
  readonly socket: Draft
  /** The kernel's name of the socket: a hash that is the same in every table until the machine restarts; 0 when it has none. */
  readonly handle: bigint
  /** The same for its protocol block; `peer` is the one at the other end of a UNIX socket. */
  readonly block: bigint
  readonly peer: bigint
  /** The process that used the socket last; undefined when the kernel made it or the table does not say. */
  readonly lastPid: number | undefined
  /** The app that a daemon made the socket for. */
  readonly onBehalfOf: number | undefined
  /** The kernel made it, or no descriptor is left. */
  readonly ofKernel: boolean
  readonly withoutDescriptor: boolean
  /** It waits at a listener until somebody accepts it. */
  readonly notAccepted: boolean
  /** A flow of Network.framework: it runs in its process, and no descriptor leads to it. */
  readonly userSpace: boolean
  /** The question that gives more statistics of it. */
  readonly question: Uint8Array | undefined
}

/** A socket of which only this much is known. */
export const draft = (known: Pick<Draft, 'key' | 'protocol' | 'family' | 'local'> & Partial<Draft>): Draft =>
  Object.assign(blank(known.key, known.protocol, known.family, known.state, known.local), known)

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
  question: undefined,
  ...known,
})

/** Adds to what is told of one protocol only. */
export function addFields(socket: Draft, fields: Readonly<Record<string, string | number | boolean | undefined>>): void {
  const known = Object.entries(fields).filter(([, value]) => value !== undefined)
  if (known.length > 0) socket.detail = { ...socket.detail, fields: { ...socket.detail?.fields, ...Object.fromEntries(known) } }
}
