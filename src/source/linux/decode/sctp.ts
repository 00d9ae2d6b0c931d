// SCTP's rows of sock_diag: sockets and, behind each socket, its associations, all with the cookie of the socket. Pure.

import { ipv4At, ipv6At } from '../../../bytes/address.ts'
import { littleEndian } from '../../../bytes/struct.ts'
import type { Detail, State } from '../../../model/socket.ts'
import { looseStates, type Draft } from './draft.ts'
import type { Message } from '../kernel/netlink.ts'
import { sctpInfo } from '../kernel/structs.ts'

/** enum sctp_state of include/net/sctp/constants.h, and what it is in our words. A row without an association has a state of TCP instead. */
const sctpStates: readonly (readonly [string, State])[] = [
  ['closed', 'CLOSED'],
  ['cookie-wait', 'SYN_SENT'],
  ['cookie-echoed', 'SYN_SENT'],
  ['established', 'ESTABLISHED'],
  ['shutdown-pending', 'FIN_WAIT_1'],
  ['shutdown-sent', 'FIN_WAIT_2'],
  ['shutdown-received', 'CLOSE_WAIT'],
  ['shutdown-ack-sent', 'LAST_ACK'],
]

/** The state of an SCTP association. */
export const sctpState = (number: number): State | undefined => sctpStates[number]?.[1]

/** SCTP's own record, beside what is known already. */
export function sctpDetail(view: DataView, at: number, length: number, before: Detail | undefined): Detail {
  const s = sctpInfo.read(view, at, length)
  return {
    ...before,
    fields: {
      ...before?.fields,
      association: sctpStates[s.state]?.[0],
      tag: s.tag,
      remoteTag: s.peerTag,
      windowBytes: s.rwnd,
      remoteWindowBytes: s.peerRwnd,
      unackedChunks: s.unackdata,
      pendingChunks: s.penddata,
      inStreams: s.instrms,
      outStreams: s.outstrms,
      fragmentationPoint: s.fragmentationPoint,
      inQueue: s.inqueue,
      outQueue: s.outqueue,
      errors: s.overallError,
      maxBurst: s.maxBurst,
      maxSegmentBytes: s.maxseg,
      inPackets: s.ipackets,
      outPackets: s.opackets,
      inSacks: s.isacks,
      outSacks: s.osacks,
      retransmittedChunks: s.rtxchunks,
      outOfSequenceChunks: s.outofseqtsns,
      duplicateChunks: s.idupchunks,
      gaps: s.gapcnt,
      inOrderedChunks: s.iodchunks,
      outOrderedChunks: s.oodchunks,
      inUnorderedChunks: s.iuodchunks,
      outUnorderedChunks: s.ouodchunks,
      inControlChunks: s.ictrlchunks,
      outControlChunks: s.octrlchunks,
    },
  }
}

const addressBytes = 128 // sizeof(struct sockaddr_storage)

/** All addresses of one end of an association, beside what is known already. */
export function addressesDetail(name: 'locals' | 'peers', view: DataView, a: Message, before: Detail | undefined): Detail {
  const texts: string[] = []
  for (let at = a.at; at + addressBytes <= a.end; at += addressBytes) {
    const family = view.getUint16(at, littleEndian)
    texts.push(family === 10 ? ipv6At(view, at + 8) : ipv4At(view, at + 4))
  }
  return { ...before, fields: { ...before?.fields, [name]: texts.join(' ') } }
}

/** Only associations have other ends. */
const isAssociation = (socket: Draft): boolean => socket.detail?.fields?.peers !== undefined

/** Puts right what SCTP fills in otherwise than the rest of inet_diag. (net/sctp/diag.c) */
export function settleSctp(socket: Draft, kernelState: number): void {
  socket.timer = undefined // SCTP counts its timers in a way of its own.
  if (isAssociation(socket)) {
    socket.state = sctpState(kernelState)
    socket.interface = undefined // The one that its packets take now, not one that it is bound to.
    return
  }
  socket.state = looseStates[kernelState]
  // Both numbers are those of a listener, whatever the socket is; and there is no association that the record could be of.
  if (socket.state !== 'LISTEN') socket.queues = undefined
  const locals = socket.detail?.fields?.locals
  socket.detail = locals === undefined ? undefined : { fields: { locals } }
}

/**
 * A socket of the style of TCP is its only association, and comes before it as a row of its own: the two are one. One of the style of UDP, or a listener, stays
 * beside its associations, which then differ by their other ends.
 */
export function joinSctp(rows: readonly Draft[]): readonly Draft[] {
  const sockets = new Map(rows.filter(row => !isAssociation(row)).map(row => [row.key, row]))
  const found = new Map<string, Draft>()
  for (const [key, socket] of sockets) {
    if (socket.state === 'UNCONNECTED') socket.remote = undefined // The first of many.
    found.set(key, socket)
  }
  for (const row of rows) {
    if (!isAssociation(row)) continue
    const socket = sockets.get(row.key)
    const isOne = socket !== undefined && socket.state !== 'LISTEN' && socket.state !== 'UNCONNECTED'
    if (isOne) row.interface = socket.interface
    else row.key = `${row.key} ${row.remote?.address} ${row.remote?.port}`
    found.set(row.key, row)
  }
  return [...found.values()]
}
