// What single internet protocols say of themselves: RAW its protocol, MPTCP and SCTP their records. Pure.

import { ipv4At, ipv6At } from '../../bytes/address.ts'
import { littleEndian } from '../../bytes/struct.ts'
import type { Detail, State } from '../../model/socket.ts'
import type { Message } from './netlink.ts'
import { mptcpInfo, sctpInfo } from './structs.ts'

/** The protocols that people open raw sockets for, by the numbers of IANA. */
const names: Readonly<Record<number, string>> = {
  0: 'ip',
  1: 'icmp',
  2: 'igmp',
  4: 'ipip',
  6: 'tcp',
  17: 'udp',
  41: 'ipv6',
  46: 'rsvp',
  47: 'gre',
  50: 'esp',
  51: 'ah',
  58: 'ipv6-icmp',
  88: 'eigrp',
  89: 'ospf',
  103: 'pim',
  112: 'vrrp',
  115: 'l2tp',
  132: 'sctp',
  136: 'udplite',
  255: 'raw',
}

/** What a raw socket hears. */
export const rawDetail = (protocolNumber: number): Detail => ({ type: 'raw', protocolNumber, protocolName: names[protocolNumber] })

/** MPTCP's own record. Sequence numbers are text: they take all 64 bits. */
export function mptcpDetail(view: DataView, at: number, length: number): Detail {
  const m = mptcpInfo.read(view, at, length)
  return {
    fields: {
      subflows: m.subflows,
      subflowsMax: m.subflowsMax,
      subflowsTotal: m.subflowsTotal,
      addressesSignalled: m.addAddrSignal,
      addressesSignalledMax: m.addAddrSignalMax,
      addressesAccepted: m.addAddrAccepted,
      addressesAcceptedMax: m.addAddrAcceptedMax,
      localAddressesUsed: m.localAddrUsed,
      localAddressesMax: m.localAddrMax,
      fallback: (m.flags & 1) !== 0,
      remoteKeyReceived: (m.flags & 2) !== 0,
      token: m.token,
      writeSequence: String(m.writeSeq),
      sendUnacknowledged: String(m.sndUna),
      receiveNext: String(m.rcvNxt),
      checksums: m.csumEnabled === undefined ? undefined : m.csumEnabled !== 0,
      retransmits: m.retransmits,
      retransmittedBytes: m.bytesRetrans,
      sentBytes: m.bytesSent,
      receivedBytes: m.bytesReceived,
      ackedBytes: m.bytesAcked,
      sinceSentMs: m.lastDataSent,
      sinceReceivedMs: m.lastDataRecv,
      sinceAckReceivedMs: m.lastAckRecv,
    },
  }
}

/** enum sctp_state of include/net/sctp/constants.h, and what it is in our words. An endpoint without an association has a state of TCP instead. */
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
