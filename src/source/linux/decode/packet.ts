// From sock_diag bytes of packet sockets (which receive everything on an interface) to sockets. Pure.

import { cookieKey, draft, queuesOf, socketTypes, type Draft } from './draft.ts'
import { readMemory } from './memory.ts'
import { packetDiagInfo, packetDiagMclist, packetDiagMsg, packetDiagReq, packetDiagRing } from '../kernel/structs.ts'
import { attributes, message, NLM_F_DUMP, NLM_F_REQUEST, SOCK_DIAG_BY_FAMILY, u32Of } from '../kernel/netlink.ts'

const AF_PACKET = 17

// include/uapi/linux/packet_diag.h: what to show.
const SHOW_INFO = 1
const SHOW_MCLIST = 2
const SHOW_RING_CFG = 4
const SHOW_FANOUT = 8
const SHOW_MEMINFO = 16
const SHOW_FILTER = 32
// Its attributes.
const INFO = 0
const MCLIST = 1
const RX_RING = 2
const TX_RING = 3
const FANOUT = 4
const UID = 5
const MEMINFO = 6
const FILTER = 7

type Fields = Record<string, string | number | boolean | undefined>

/** Which packets a socket receives, include/uapi/linux/if_ether.h. */
const protocols: Readonly<Record<number, string>> = {
  0x0003: 'all',
  0x0800: 'ipv4',
  0x0806: 'arp',
  0x8100: 'vlan',
  0x86dd: 'ipv6',
  0x88cc: 'lldp',
  0x888e: 'eapol',
}
/** The name of what a packet socket receives. */
export const packetProtocol = (number: number): string | undefined => protocols[number]

const flags = ['running', 'auxdata', 'origdev', 'vnethdr', 'loss'] as const
/** include/uapi/linux/if_packet.h: PACKET_FANOUT_* */
const fanouts = ['hash', 'lb', 'cpu', 'rollover', 'rnd', 'qm', 'cbpf', 'ebpf'] as const

/** A request for all packet sockets. The memory includes what waits to be read, so it is always asked for. */
export function packetRequest(options: boolean): Uint8Array {
  const show = SHOW_INFO | SHOW_MCLIST | SHOW_RING_CFG | SHOW_FANOUT | SHOW_MEMINFO | (options ? SHOW_FILTER : 0)
  return message(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, packetDiagReq.write({ family: AF_PACKET, show }))
}

/** Reads one socket. */
export function readPacket(view: DataView, at: number, end: number): Draft {
  const m = packetDiagMsg.read(view, at, end - at)
  const socket = draft(cookieKey(m.cookie0, m.cookie1), 'packet', 'packet', 'UNCONNECTED', { port: m.num })
  socket.inode = m.ino === 0 ? undefined : m.ino
  const fields: Fields = {}
  for (const a of attributes(view, at + packetDiagMsg.size, end)) {
    const size = a.end - a.at
    if (a.type === INFO) readInfo(socket, fields, packetDiagInfo.read(view, a.at, size))
    else if (a.type === UID) socket.uid = u32Of(view, a)
    else if (a.type === MEMINFO) {
      socket.memory = readMemory(view, a.at, size)
      socket.queues = queuesOf(false, socket.memory.receiveAllocatedBytes!, socket.memory.sendAllocatedBytes!)
    } else if (a.type === MCLIST) fields.memberships = memberships(view, a.at, a.end)
    else if (a.type === RX_RING) readRing('receive', fields, packetDiagRing.read(view, a.at, size))
    else if (a.type === TX_RING) readRing('send', fields, packetDiagRing.read(view, a.at, size))
    else if (a.type === FANOUT) readFanout(fields, u32Of(view, a))
    else if (a.type === FILTER) fields.filterInstructions = Math.trunc(size / 8) // sizeof(struct sock_filter)
  }
  socket.detail = { type: socketTypes[m.type], protocolNumber: m.num, protocolName: protocols[m.num], fields }
  return socket
}

function readInfo(socket: Draft, fields: Fields, info: ReturnType<typeof packetDiagInfo.read>): void {
  if (info.index !== 0) socket.interface = { index: info.index, name: undefined }
  fields.version = info.version + 1 // TPACKET_V1 is 0.
  fields.reserveBytes = info.reserve
  fields.copyThresholdBytes = info.copyThresh
  fields.timestamps = info.tstamp
  fields.flags = flags.filter((_, bit) => (info.flags >>> bit) & 1).join(' ') || undefined || undefined
}

function readRing(direction: 'receive' | 'send', fields: Fields, ring: ReturnType<typeof packetDiagRing.read>): void {
  fields[`${direction}RingBlockBytes`] = ring.blockSize
  fields[`${direction}RingBlocks`] = ring.blockNr
  fields[`${direction}RingFrameBytes`] = ring.frameSize
  fields[`${direction}RingFrames`] = ring.frameNr
  fields[`${direction}RingTimeoutMs`] = ring.retireTmo
  fields[`${direction}RingPrivateBytes`] = ring.sizeofPriv
  fields[`${direction}RingFeatures`] = ring.features
}

/** The number of the group in the low half, how packets are spread in the high one. */
function readFanout(fields: Fields, value: number): void {
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
