// From sock_diag bytes of packet sockets (which receive everything on an interface) to sockets. Pure.

import { bitNames, diagDraft, socketTypes, type DetailFields, type Draft } from './draft.ts'
import { readMemoryAndQueues } from './memory.ts'
import { packetDiagInfo, packetDiagMclist, packetDiagMsg, packetDiagRing } from '../kernel/structs.ts'
import { attributes, u32Of } from '../kernel/netlink.ts'

// include/uapi/linux/packet_diag.h: PACKET_DIAG_*
const INFO = 0
const MCLIST = 1
const RX_RING = 2
const TX_RING = 3
const FANOUT = 4
const UID = 5
const MEMINFO = 6
const FILTER = 7

/** Which packets a socket receives, include/uapi/linux/if_ether.h, by the names that ss has for them; `all` is its `*`. */
const protocols: Readonly<Record<number, string>> = {
  0x0003: 'all',
  0x0800: 'ip',
  0x0806: 'arp',
  0x8100: '802.1Q',
  0x86dd: 'ipv6',
  0x8847: 'mpls_uc',
  0x8863: 'ppp_disc',
  0x8864: 'ppp_ses',
  0x888e: 'eapol',
  0x88a8: '802.1ad',
  0x88cc: 'LLDP',
}
/** The name of what a packet socket receives. */
export const packetProtocol = (number: number): string | undefined => protocols[number]

const flags = ['running', 'auxdata', 'origdev', 'vnethdr', 'loss'] as const
/** include/uapi/linux/if_packet.h: PACKET_FANOUT_* */
const fanouts = ['hash', 'lb', 'cpu', 'rollover', 'rnd', 'qm', 'cbpf', 'ebpf'] as const

/** Reads one socket. */
export function readPacket(view: DataView, at: number, end: number): Draft {
  const m = packetDiagMsg.read(view, at, end - at)
  const socket = diagDraft(m, 'packet', 'UNCONNECTED', { port: m.num })
  const fields: DetailFields = {}
  for (const a of attributes(view, at + packetDiagMsg.size, end)) {
    const size = a.end - a.at
    if (a.type === INFO) readInfo(socket, fields, packetDiagInfo.read(view, a.at, size))
    else if (a.type === UID) socket.uid = u32Of(view, a)
    else if (a.type === MEMINFO) readMemoryAndQueues(socket, view, a)
    else if (a.type === MCLIST) fields.memberships = memberships(view, a.at, a.end)
    else if (a.type === RX_RING) readRing('receive', fields, packetDiagRing.read(view, a.at, size))
    else if (a.type === TX_RING) readRing('send', fields, packetDiagRing.read(view, a.at, size))
    else if (a.type === FANOUT) readFanout(fields, u32Of(view, a))
    else if (a.type === FILTER) fields.filterInstructions = Math.trunc(size / 8) // sizeof(struct sock_filter)
  }
  socket.detail = { type: socketTypes[m.type], protocolNumber: m.num, protocolName: protocols[m.num], fields }
  return socket
}

function readInfo(socket: Draft, fields: DetailFields, info: ReturnType<typeof packetDiagInfo.read>): void {
  if (info.index !== 0) socket.interface = { index: info.index, name: undefined }
  fields.version = info.version + 1 // TPACKET_V1 is 0.
  fields.reserveBytes = info.reserve
  fields.copyThresholdBytes = info.copyThresh
  fields.timestamps = info.tstamp
  fields.flags = bitNames(flags, info.flags)
}

function readRing(direction: 'receive' | 'send', fields: DetailFields, ring: ReturnType<typeof packetDiagRing.read>): void {
  fields[`${direction}RingBlockBytes`] = ring.blockSize
  fields[`${direction}RingBlocks`] = ring.blockNr
  fields[`${direction}RingFrameBytes`] = ring.frameSize
  fields[`${direction}RingFrames`] = ring.frameNr
  fields[`${direction}RingTimeoutMs`] = ring.retireTmo
  fields[`${direction}RingPrivateBytes`] = ring.sizeofPriv
  fields[`${direction}RingFeatures`] = ring.features
}

/** The number of the group in the low half, how packets are spread in the high one. */
function readFanout(fields: DetailFields, value: number): void {
  fields.fanoutGroup = value & 0xffff
  fields.fanout = fanouts[(value >>> 16) & 0xff] ?? (value >>> 16) & 0xff
}

/** PACKET_MR_*: what else is let in on which interface. */
const memberKinds = ['multicast', 'promiscuous', 'allmulticast', 'unicast'] as const

function memberships(view: DataView, at: number, end: number): string | undefined {
  const texts: string[] = []
  for (let i = at; i + packetDiagMclist.size <= end; i += packetDiagMclist.size) {
    const m = packetDiagMclist.read(view, i, packetDiagMclist.size)
    const address = Array.from(m.addr.subarray(0, Math.min(m.alen, 32)), b => b.toString(16).padStart(2, '0')).join(':')
    const kind = memberKinds[m.type] ?? String(m.type)
    texts.push(`${kind} on ${m.index}${kind === 'promiscuous' || kind === 'allmulticast' ? '' : ` ${address}`}`)
  }
  return texts.length === 0 ? undefined : texts.join(', ')
}
