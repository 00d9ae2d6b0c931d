// The details of single internet protocols: the protocol of RAW, the record of MPTCP. Pure.

import type { Detail } from '../../../model/socket.ts'
import { mptcpInfo } from '../kernel/structs.ts'

/** The usual protocols of raw sockets, by the numbers of IANA. */
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

/** What a raw socket receives. */
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
      // Older kernels end here, and fill the struct up with 0.
      retransmits: m.bytesRetrans === undefined ? undefined : m.retransmits,
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
