// The messages of the network statistics control (com.apple.network.statistics), and what those of one answer amount to. Pure.

import { viewOf } from '../../../bytes/text.ts'
import { DecodeError } from '../../../model/errors.ts'
import { errnoName } from '../kernel/errno.ts'
import {
  nstatMsgError,
  nstatMsgHdr,
  nstatMsgSrcRemoved,
  nstatMsgSrcUpdateHdr,
  nstatTcpDescriptor,
  nstatUdpDescriptor,
  type NstatCounts,
  type NstatTcpDescriptor,
  type NstatUdpDescriptor,
} from '../kernel/structs.ts'

/** bsd/net/ntstat.h: types of messages, and their flags. */
export const SUCCESS = 0
export const ERROR = 1
const SRC_REMOVED = 10002
const SRC_UPDATE = 10006
const SRC_EXTENDED_UPDATE = 10007
export const CONTINUATION = 2
const CLOSING = 4
const CLOSED_AFTER_DROP = 8

/** Sockets of the kernel and flows of Network.framework. QUIC is a flow of its own above a UDP one, so that it would count twice. */
const protocols = { 2: 'tcp', 3: 'tcp', 4: 'udp', 5: 'udp' } as const
/** The number of a provider: what the control counts sources for. */
export type Provider = keyof typeof protocols
/** All providers that are watched. */
export const providers = Object.keys(protocols).map(Number) as Provider[]

/** One socket or flow, as it is counted. */
export interface Counted {
  /** The kernel's number of it, for as long as the connection to the control is open. */
  readonly reference: bigint
  readonly protocol: 'tcp' | 'udp'
  readonly userSpace: boolean
  readonly counts: NstatCounts
  readonly tcp: NstatTcpDescriptor | undefined
  readonly udp: NstatUdpDescriptor | undefined
  /** It closes, and these are its final counts. */
  readonly closing: boolean
}

/** One message. */
export type Message =
  | { readonly kind: 'source'; readonly counted: Counted }
  /** `lost`: its final counts were to be sent, but there was no buffer space. */
  | { readonly kind: 'removed'; readonly reference: bigint; readonly lost: boolean }
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
    return { kind: 'removed', reference: nstatMsgSrcRemoved.read(view, at, length).srcref, lost: (flags & CLOSED_AFTER_DROP) !== 0 }
  }
  if (type !== SRC_UPDATE && type !== SRC_EXTENDED_UPDATE) return undefined
  const update = nstatMsgSrcUpdateHdr.read(view, at, length)
  const protocol = protocols[update.provider as Provider]
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
export const providerName = (context: number): string | undefined =>
  context === 2 || context === 4 ? 'sockets' : context === 3 || context === 5 ? 'flows of Network.framework' : undefined

/** There was no buffer space for an answer, and some of it is missing. */
export const isFull = (code: string): boolean => code === 'ENOBUFS' || code === 'ENOMEM'

/** One answer of the control: every source, once. */
export interface Counts {
  readonly sources: readonly Counted[]
  /** Sources that are gone. */
  readonly removed: readonly bigint[]
  /** How many of them went without their final counts. */
  readonly lost: number
  readonly refused: readonly { readonly context: number; readonly code: string }[]
  /** The kernel came to the end of its answer. */
  readonly isComplete: boolean
}

/** Takes the messages of an answer together; the last one about a source counts. */
export function collect(messages: Iterable<Message>): Counts {
  const sources = new Map<bigint, Counted>()
  const removed: bigint[] = []
  let lost = 0
  const refused: { context: number; code: string }[] = []
  let isComplete = false
  for (const m of messages) {
    if (m.kind === 'source') sources.set(m.counted.reference, m.counted)
    else if (m.kind === 'removed') {
      removed.push(m.reference)
      if (m.lost) lost++
    } else if (m.kind === 'refused' && isFull(m.code)) isComplete = false // The request was repeated, and the answer went on from there.
    else if (m.kind === 'refused') refused.push({ context: m.context, code: m.code })
    else if (m.kind === 'done') isComplete = !m.more
  }
  return { sources: [...sources.values()], removed, lost, refused, isComplete }
}
