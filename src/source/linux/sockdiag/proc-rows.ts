// From the lines of /proc/net to sockets, for kernels that do not answer through netlink. Pure: one line in, one socket out, or undefined when
// the line is not what it should be.

import { ipv4At, ipv6At } from '../../../bytes/address.ts'
import { littleEndian } from '../../../bytes/struct.ts'
import type { Endpoint, Family, Memory, Protocol, State } from '../../../model/socket.ts'
import { draft, looseStates, queuesOf, socketTypes, tcpStates, timers, unreadBytes, type Draft } from '../decode/draft.ts'
import { netlinkProtocol } from '../decode/netlink-sockets.ts'
import { packetProtocol } from '../decode/packet.ts'
import { rawDetail } from '../decode/protocol-detail.ts'
import { sctpState } from '../decode/sctp.ts'
import { msPerTick } from '../kernel/proc-fs.ts'

/** Reads one line. */
export type RowReader = (line: string) => Draft | undefined

const inet =
  /^\s*\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) ([0-9A-F]{2}) ([0-9A-F]+):([0-9A-F]+) ([0-9A-F]{2}):([0-9A-F]+) ([0-9A-F]+)\s+(\d+)\s+-?\d+\s+(\d+)(?: \d+ \S+ (\d+))?/

const noMemory: Memory = {
  receiveAllocatedBytes: undefined,
  receiveBufferBytes: undefined,
  sendAllocatedBytes: undefined,
  sendBufferBytes: undefined,
  forwardAllocatedBytes: undefined,
  sendQueuedBytes: undefined,
  optionBytes: undefined,
  backlogBytes: undefined,
  drops: undefined,
}

/** Lines of `tcp`, `udp`, `udplite`, `raw`, `icmp` and their twins for IPv6. */
export const inetRows =
  (protocol: Protocol): RowReader =>
  line => {
    const f = inet.exec(line)
    if (!f) return undefined
    const tcp = protocol === 'tcp'
    const local = endpoint(f[1]!, f[2]!)
    const remotePort = parseInt(f[4]!, 16)
    const state = (tcp ? tcpStates : looseStates)[parseInt(f[5]!, 16)]
    const inode = Number(f[12])
    const key = inode === 0 ? `${protocol} ${f[1]}:${f[2]} ${f[3]}:${f[4]}` : `${protocol} ${inode}`
    const socket = draft(key, protocol, f[1]!.length === 8 ? 'ipv4' : 'ipv6', state, local)
    if (remotePort !== 0 || state === 'ESTABLISHED') socket.remote = endpoint(f[3]!, f[4]!)
    if (inode !== 0) {
      socket.inode = inode
      socket.uid = Number(f[11]) // Without an inode the kernel has 0, which means nothing.
    }
    const received = parseInt(f[7]!, 16)
    socket.queues = queuesOf(state === 'LISTEN', tcp ? unreadBytes(state, received) : received, parseInt(f[6]!, 16))
    // The text does not have how many may wait in a listener.
    if (state === 'LISTEN') socket.queues = { ...socket.queues, backlogLimit: undefined }
    const kind = tcp ? timers[parseInt(f[8]!, 16)] : undefined
    if (kind) socket.timer = { kind, expiresMs: parseInt(f[9]!, 16) * msPerTick, retransmits: parseInt(f[10]!, 16) }
    if (!tcp && f[13] !== undefined) socket.memory = { ...noMemory, drops: Number(f[13]) }
    if (protocol === 'raw') socket.detail = rawDetail(local.port!)
    return socket
  }

const scratch = new DataView(new ArrayBuffer(16))

/** Addresses are words of 32 bits in the order of the machine. */
function endpoint(hex: string, port: string): Endpoint {
  for (let i = 0; i < hex.length; i += 8) scratch.setUint32(i / 2, parseInt(hex.slice(i, i + 8), 16), littleEndian)
  return { address: hex.length === 8 ? ipv4At(scratch, 0) : ipv6At(scratch, 0), port: parseInt(port, 16) }
}

const unix = /^[0-9a-fA-F]+: [0-9A-F]{8} [0-9A-F]{8} ([0-9A-F]{8}) ([0-9A-F]{4}) ([0-9A-F]{2})\s+(\d+)(?: (.*))?$/s
const LISTENS = 0x10000 // __SO_ACCEPTCON
// SS_CONNECTING and SS_DISCONNECTING are what the kernel writes for a socket that nobody has accepted yet.
const unixStates: readonly (State | undefined)[] = [undefined, 'UNCONNECTED', 'ESTABLISHED', 'ESTABLISHED', 'UNCONNECTED']

/** Lines of `unix`. They do not have the other end. */
export const unixRow: RowReader = line => {
  const f = unix.exec(line)
  if (!f) return undefined
  const inode = Number(f[4])
  const state = parseInt(f[1]!, 16) & LISTENS ? 'LISTEN' : unixStates[parseInt(f[3]!, 16)]
  const socket = draft(`unix ${inode === 0 ? line : inode}`, 'unix', 'unix', state, { path: f[5], inode })
  socket.inode = inode === 0 ? undefined : inode
  socket.detail = { type: socketTypes[parseInt(f[2]!, 16)] }
  return socket
}

const packet = /^\S+\s+\d+\s+(\d+)\s+([0-9a-f]{4})\s+(\d+)\s+([01])\s+(\d+)\s+(\d+)\s+(\d+)\s*$/

/** Lines of `packet`. */
export const packetRow: RowReader = line => {
  const f = packet.exec(line)
  if (!f) return undefined
  const protocolNumber = parseInt(f[2]!, 16)
  const socket = draft(`packet ${f[7]}`, 'packet', 'packet', 'UNCONNECTED', { port: protocolNumber })
  socket.inode = Number(f[7])
  socket.uid = Number(f[6])
  if (f[3] !== '0') socket.interface = { index: Number(f[3]), name: undefined }
  socket.queues = queuesOf(false, Number(f[5]), 0)
  socket.queues = { ...socket.queues, sendBytes: undefined }
  const fields = { flags: f[4] === '1' ? 'running' : undefined }
  socket.detail = { type: socketTypes[Number(f[1])], protocolNumber, protocolName: packetProtocol(protocolNumber), fields }
  return socket
}

const netlink = /^\S+\s+(\d+)\s+(\d+)\s+([0-9a-f]{8})\s+(\d+)\s+(\d+)\s+\d+\s+\d+\s+(\d+)\s+(\d+)\s*$/

/** Lines of `netlink`. The text holds the first 32 groups only. */
export const netlinkRow: RowReader = line => {
  const f = netlink.exec(line)
  if (!f) return undefined
  const protocolNumber = Number(f[1])
  const socket = draft(`netlink ${f[7]}`, 'netlink', 'netlink', 'UNCONNECTED', { id: Number(f[2]) })
  socket.inode = Number(f[7])
  socket.queues = queuesOf(false, Number(f[4]), Number(f[5]))
  socket.memory = { ...noMemory, receiveAllocatedBytes: Number(f[4]), sendAllocatedBytes: Number(f[5]), drops: Number(f[6]) }
  const mask = parseInt(f[3]!, 16)
  const groups = Array.from({ length: 32 }, (_, bit) => bit + 1).filter(group => (mask >>> (group - 1)) & 1)
  socket.detail = { protocolNumber, protocolName: netlinkProtocol(protocolNumber), fields: { groups: groups.join(' ') || undefined } }
  return socket
}

const familyOf = (address: string): Family => (address.includes(':') ? 'ipv6' : 'ipv4')

/** The text of an address as the kernel writes it, in our way. */
function address(text: string): string {
  const parts = text.replace('*', '').split(/[.:]/)
  const v6 = text.includes(':')
  if (v6) for (const [i, part] of parts.entries()) scratch.setUint16((i & 7) * 2, parseInt(part, 16))
  else for (const [i, part] of parts.entries()) scratch.setUint8(i & 3, Number(part))
  return v6 ? ipv6At(scratch, 0) : ipv4At(scratch, 0)
}

/** Lines of `sctp/eps`: endpoints. The ones with associations are in the other file too. */
export const sctpEndpointRow: RowReader = line => {
  const f = line.trim().split(/\s+/)
  if (f.length < 9 || f.slice(2, 8).some(n => !/^\d+$/.test(n))) return undefined
  const first = address(f[8]!)
  const inode = Number(f[7])
  const state = looseStates[Number(f[3])]
  const socket = draft(`sctp ${inode} ${f[5]}`, 'sctp', familyOf(first), state, { address: first, port: Number(f[5]) })
  socket.inode = inode === 0 ? undefined : inode
  socket.uid = Number(f[6])
  socket.detail = { fields: { locals: f.slice(8).map(address).join(' ') } }
  return socket
}

/** Lines of `sctp/assocs`: connections. */
export const sctpAssociationRow: RowReader = line => {
  const f = line.trim().split(/\s+/)
  const arrow = f.indexOf('<->')
  if (arrow < 14 || f.slice(2, 13).some(n => !/^\d+$/.test(n))) return undefined
  const locals = f.slice(13, arrow).map(address)
  const remotes: string[] = []
  for (let i = arrow + 1; i < f.length && /[.:]/.test(f[i]!); i++) remotes.push(address(f[i]!))
  const inode = Number(f[10])
  const socket = draft(`sctp ${inode} ${f[6]}`, 'sctp', familyOf(locals[0]!), sctpState(Number(f[4])), {
    address: locals[0],
    port: Number(f[11]),
  })
  socket.remote = { address: remotes[0], port: Number(f[12]) }
  socket.inode = inode === 0 ? undefined : inode
  socket.uid = Number(f[9])
  socket.queues = queuesOf(false, Number(f[8]), Number(f[7]))
  socket.detail = { fields: { locals: locals.join(' '), peers: remotes.join(' ') } }
  return socket
}
