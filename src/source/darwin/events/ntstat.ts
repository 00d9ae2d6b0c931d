// The network statistics control of the kernel (com.apple.network.statistics), spoken directly: it counts the payload of every socket and
// every flow of Network.framework, and says a last word about each that closes. The kernel answers inside send(), so that reading
// until nothing waits reads the whole answer: no thread and no event loop are needed.

import { viewOf } from '../../../bytes/text.ts'
import { DecodeError, OsError } from '../../../model/errors.ts'
import type { Calls } from '../kernel/calls.ts'
import { errnoName } from '../kernel/errno.ts'
import {
  ctlInfo,
  nstatMsgAddAllSrcs,
  nstatMsgError,
  nstatMsgHdr,
  nstatMsgQuerySrc,
  nstatMsgSrcRemoved,
  nstatMsgSrcUpdateHdr,
  nstatTcpDescriptor,
  nstatUdpDescriptor,
  sockaddrCtl,
  type NstatCounts,
  type NstatTcpDescriptor,
  type NstatUdpDescriptor,
} from '../kernel/structs.ts'

const CONTROL_NAME = 'com.apple.network.statistics'
const AF_SYSTEM = 32
const SOCK_DGRAM = 2
const SYSPROTO_CONTROL = 2
const AF_SYS_CONTROL = 2
const CTLIOCGINFO = 0xc0644e03
const SOL_SOCKET = 0xffff
const SO_RCVBUF = 0x1002
const RECEIVE_BYTES = 1024 * 1024

const SUCCESS = 0
const ERROR = 1
const ADD_ALL_SRCS = 1002
const GET_UPDATE = 1007
const SRC_REMOVED = 10002
const SRC_UPDATE = 10006
const SRC_EXTENDED_UPDATE = 10007
const CONTINUATION = 2
const CLOSING = 4
const CLOSED_AFTER_DROP = 8
const SUPPRESS_SRC_ADDED = 0x100000
const ALL_SOURCES = 2n ** 64n - 1n

/** Sockets of the kernel and flows of Network.framework. QUIC is a flow of its own above a UDP one, so that it would count twice. */
const providers = { 2: 'tcp', 3: 'tcp', 4: 'udp', 5: 'udp' } as const
type Provider = keyof typeof providers

/** The kernel gives 100 sources at a time; more rounds than this no machine needs. */
const MAX_ROUNDS = 2000
const MAX_FULL = 8
/** What a request is recognised by in its answer; a provider's request has its number. */
const UPDATE_CONTEXT = 100

/** One socket or flow, as it is counted. */
export interface Counted {
  /** The kernel's number of it, for as long as we listen. */
  readonly reference: bigint
  readonly protocol: 'tcp' | 'udp'
  readonly userSpace: boolean
  readonly counts: NstatCounts
  readonly tcp: NstatTcpDescriptor | undefined
  readonly udp: NstatUdpDescriptor | undefined
  /** It closes, and these are its last counts. */
  readonly closing: boolean
}

/** What the control said. */
export type Message =
  | { readonly kind: 'source'; readonly counted: Counted }
  /** `silent`: its last counts were to be sent, but there was no room. */
  | { readonly kind: 'removed'; readonly reference: bigint; readonly silent: boolean }
  | { readonly kind: 'refused'; readonly context: number; readonly code: string }
  | { readonly kind: 'done'; readonly context: number; readonly more: boolean }

/** Reads the messages of one datagram. */
export function readMessages(datagram: Uint8Array): Message[] {
  const view = viewOf(datagram)
  const found: Message[] = []
  for (let at = 0; at < datagram.length;) {
    const head = nstatMsgHdr.read(view, at)
    // Before aggregates the length was left 0: then the datagram is one message.
    const length = head.length === 0 ? datagram.length - at : head.length
    if (length < nstatMsgHdr.size || at + length > datagram.length) {
      throw new DecodeError('struct nstat_msg_hdr', Math.max(length, nstatMsgHdr.size), datagram.length - at, `at ${at}`)
    }
    const message = readMessage(view, at, length, head.type, head.flags, head.context)
    if (message !== undefined) found.push(message)
    at += Math.ceil(length / 8) * 8
  }
  return found
}

function readMessage(view: DataView, at: number, length: number, type: number, flags: number, context: number): Message | undefined {
  if (type === SUCCESS) return { kind: 'done', context, more: (flags & CONTINUATION) !== 0 }
  if (type === ERROR) return { kind: 'refused', context, code: errnoName(nstatMsgError.read(view, at, length).error) }
  if (type === SRC_REMOVED) {
    return { kind: 'removed', reference: nstatMsgSrcRemoved.read(view, at, length).srcref, silent: (flags & CLOSED_AFTER_DROP) !== 0 }
  }
  if (type !== SRC_UPDATE && type !== SRC_EXTENDED_UPDATE) return undefined
  const update = nstatMsgSrcUpdateHdr.read(view, at, length)
  const protocol = providers[update.provider as Provider]
  if (protocol === undefined) return undefined
  const from = at + nstatMsgSrcUpdateHdr.size
  const rest = length - nstatMsgSrcUpdateHdr.size
  return {
    kind: 'source',
    counted: {
      reference: update.srcref,
      protocol,
      userSpace: update.provider === 3 || update.provider === 5,
      counts: update.counts,
      tcp: protocol === 'tcp' ? nstatTcpDescriptor.read(view, from, rest) : undefined,
      udp: protocol === 'udp' ? nstatUdpDescriptor.read(view, from, rest) : undefined,
      closing: (flags & CLOSING) !== 0,
    },
  }
}

/** The name of the provider that a refused request was for. */
export const providerOf = (context: number): string | undefined =>
  context === 2 || context === 4 ? 'sockets' : context === 3 || context === 5 ? 'flows of Network.framework' : undefined

/** An open conversation. It must stay open between snapshots: only then closed sockets are heard of. */
export interface Conversation {
  /** Everything that the kernel has to say now, one datagram at a time; each is valid until the next. */
  poll(): Generator<Uint8Array>
  close(): void
}

/** Opens a conversation. Throws an OsError where the control is refused. */
export function converse(calls: Calls): Conversation {
  const fd = calls.socket(AF_SYSTEM, SOCK_DGRAM, SYSPROTO_CONTROL)
  try {
    const info = ctlInfo.write({ ctl_name: CONTROL_NAME })
    calls.ioctl(fd, CTLIOCGINFO, info)
    const id = ctlInfo.read(viewOf(info)).ctl_id
    calls.connect(fd, sockaddrCtl.write({ sc_len: 32, sc_family: AF_SYSTEM, ss_sysaddr: AF_SYS_CONTROL, sc_id: id }))
    enlarge(calls, fd)
  } catch (error) {
    calls.close(fd)
    throw error
  }
  let watching = false
  function* poll(): Generator<Uint8Array> {
    if (!watching) {
      watching = true
      for (const provider of Object.keys(providers).map(Number)) yield* exchange(calls, fd, watchMessage(provider), provider)
    }
    let full = 0 // How often in a row there was no room for an answer.
    for (let round = 0; round < MAX_ROUNDS && full < MAX_FULL; round++) {
      const next = yield* exchange(calls, fd, updateMessage(), UPDATE_CONTEXT)
      if (next === 'end') break
      full = next === 'full' ? full + 1 : 0
    }
  }
  return { poll, close: () => calls.close(fd) }
}

/** The room for answers is 8 KiB at first, one answer may be 48. Where it cannot be had the kernel says ENOBUFS, and we ask again. */
function enlarge(calls: Calls, fd: number): void {
  try {
    calls.setOption(fd, SOL_SOCKET, SO_RCVBUF, new Uint8Array(new Uint32Array([RECEIVE_BYTES]).buffer))
  } catch (error) {
    if (!(error instanceof OsError)) throw error
  }
}

/** Where an answer ended: at its end, in the middle, or for want of room; a request with the same context goes on from there. */
type Ending = 'end' | 'more' | 'full'

/** Sends a request and gives every datagram that waits. */
function* exchange(calls: Calls, fd: number, request: Uint8Array, context: number): Generator<Uint8Array, Ending> {
  for (let tries = 1; ; tries++) {
    try {
      calls.send(fd, request)
      break
    } catch (error) {
      // ENOBUFS: the answers to read are so many that no further one fits. They are read, and the request is sent again.
      if (!(error instanceof OsError) || error.code !== 'ENOBUFS' || tries === 4) throw error
      yield* drain(calls, fd)
    }
  }
  let ending: Ending = 'end'
  for (const datagram of drain(calls, fd)) {
    ending = endingOf(datagram, context) ?? ending
    yield datagram
  }
  return ending
}

function* drain(calls: Calls, fd: number): Generator<Uint8Array> {
  for (let datagram = calls.receive(fd); datagram !== undefined && datagram.length > 0; datagram = calls.receive(fd)) yield datagram
}

function endingOf(datagram: Uint8Array, context: number): Ending | undefined {
  const view = viewOf(datagram)
  for (let at = 0; at + nstatMsgHdr.size <= datagram.length;) {
    const head = nstatMsgHdr.read(view, at)
    if (head.context === context && head.type === SUCCESS) return (head.flags & CONTINUATION) !== 0 ? 'more' : 'end'
    if (head.context === context && head.type === ERROR && at + nstatMsgError.size <= datagram.length) {
      return isFull(errnoName(nstatMsgError.read(view, at).error)) ? 'full' : 'end'
    }
    at += Math.max(Math.ceil(head.length / 8) * 8, nstatMsgHdr.size)
  }
  return undefined
}

/** There was no room for an answer, and some of it is missing. */
export const isFull = (code: string): boolean => code === 'ENOBUFS' || code === 'ENOMEM'

const watchMessage = (provider: number): Uint8Array =>
  nstatMsgAddAllSrcs.write({
    hdr: { context: provider, type: ADD_ALL_SRCS, length: nstatMsgAddAllSrcs.size, flags: 0 },
    filter: SUPPRESS_SRC_ADDED,
    provider,
  })

const updateMessage = (): Uint8Array =>
  nstatMsgQuerySrc.write({
    hdr: { context: UPDATE_CONTEXT, type: GET_UPDATE, length: nstatMsgQuerySrc.size, flags: CONTINUATION },
    srcref: ALL_SOURCES,
  })
