// What the bytes of the interfaces consisted of: payload of processes, payload without an owner, retransmissions, headers, and a residual.
// Traffic that is only forwarded by this machine, and the link's own frames, are part of the residual.

import { checkEach, checkIs, checkKind } from '../model/arguments.ts'
import type { Accuracy } from '../model/accuracy.ts'
import type { Flow, Flows, InterfaceFlow, Ledger, LedgerRow } from '../model/flow.ts'
import { worse } from './flows/rows.ts'

const LINK = 14
const ipHeader = { ipv4: 20, ipv6: 40 } as const

/**
 * The ledger of one interval; undefined when no interface could be read. `unsureBytes` is the error of the interfaces' bytes,
 * because they were not read at the same moment as the sockets' (see `between`).
 */
export function ledger(flows: Flows, interfaces: readonly InterfaceFlow[], unsureBytes?: number): Ledger | undefined {
  checkIs('flows', flows, {
    what: 'flows, as a frame of watch({ flows: true }) or flowMeter() has them',
    fields: { sockets: 'list', total: 'object' },
  })
  checkEach('interfaces', interfaces, {
    what: 'what went through an interface, as interfaceMeter() returns it',
    fields: { inBytes: 'number', outBytes: 'number' },
  })
  if (unsureBytes !== undefined) checkKind('unsureBytes', unsureBytes, 'number')
  if (interfaces.length === 0) return undefined
  const onWire = flows.sockets.filter(flow => flow.socket?.family === 'ipv4' || flow.socket?.family === 'ipv6')
  // Lost bytes may have belonged to any process.
  const best = flows.total.accuracy === 'exact' ? 'exact' : 'sampled'
  const inBytes = total(interfaces, 'inBytes')
  const outBytes = total(interfaces, 'outBytes')
  const payload = holders.map(code =>
    row(
      code,
      onWire.filter(flow => holderOf(flow) === code),
      best,
    ),
  )
  const headerBytes = headers(onWire, 'out', interfaces, unsureBytes ?? 0)
  // TCP counts a retransmission before this machine can drop it, so no more of them have left than the interfaces sent beside the payload.
  const counted = total(onWire, 'retransmittedBytes')
  const retransmitted = Math.min(counted, Math.max(0, outBytes - total(payload, 'outBytes') - headerBytes))
  const rows: LedgerRow[] = [
    ...payload,
    // Retransmissions of the other end arrive here, but no counter of this end includes them.
    { code: 'retransmissions', inBytes: 0, outBytes: retransmitted, accuracy: retransmitted < counted ? 'estimate' : best },
    {
      code: 'headers',
      inBytes: headers(onWire, 'in', interfaces, unsureBytes ?? 0),
      outBytes: headerBytes,
      accuracy: 'estimate',
    },
  ]
  const inRest = inBytes - total(rows, 'inBytes')
  const outRest = outBytes - total(rows, 'outBytes')
  rows.push({ code: 'residual', inBytes: inRest, outBytes: outRest, accuracy: 'estimate' })
  const all = inBytes + outBytes
  return { inBytes, outBytes, rows, residualPercent: all === 0 ? undefined : (100 * (inRest + outRest)) / all, unsureBytes }
}

const holders = ['processes', 'hidden', 'no-owner', 'kernel'] as const

function holderOf({ socket }: Flow): (typeof holders)[number] {
  if (socket!.owners.length > 0) return 'processes'
  if (socket!.ownerless === 'permission') return 'hidden'
  return socket!.ownerless === 'kernel' ? 'kernel' : 'no-owner'
}

function row(code: LedgerRow['code'], flows: readonly Flow[], best: Accuracy): LedgerRow {
  const accuracy = flows.reduce((worst, flow) => worse(worst, flow.accuracy), best)
  return { code, inBytes: total(flows, 'inBytes'), outBytes: total(flows, 'outBytes'), accuracy }
}

const total = <K extends string>(rows: readonly Readonly<Record<K, number>>[], of: K): number => rows.reduce((sum, row) => sum + row[of], 0)

type Direction = 'in' | 'out'
const names = {
  in: { segments: 'inSegments', packets: 'inPackets', bytes: 'inBytes', tcp: 'receivedSegments' },
  out: { segments: 'outSegments', packets: 'outPackets', bytes: 'outBytes', tcp: 'sentSegments' },
} as const

/**
 * The bytes of all headers. A packet on the interface can be many TCP segments at once, with one header between
 * them, so there are never more headers than packets. The interfaces are not read at the same moment as the sockets: as many headers as may be due to that are no excess.
 */
function headers(flows: readonly Flow[], direction: Direction, interfaces: readonly InterfaceFlow[], unsureBytes: number): number {
  const { packets: packetsOf, bytes: bytesOf } = names[direction]
  let count = 0
  let bytes = 0
  for (const flow of flows) {
    const one = headersOf(flow, direction)
    count += one.count
    bytes += one.bytes
  }
  const packets = total(interfaces, packetsOf)
  if (count === 0 || packets === 0) return 0
  const unsure = (unsureBytes * packets) / total(interfaces, bytesOf)
  const linked = interfaces.reduce((sum, one) => sum + (one.loopback ? 0 : one[packetsOf]), 0)
  const atMost = (limit: number): number => (count <= limit + unsure ? count : limit)
  return Math.round((bytes / count) * atMost(packets) + (linked === 0 ? 0 : atMost(linked) * LINK))
}

/** The number of headers of a flow, and their bytes without those of the link. */
function headersOf({ socket, ...flow }: Flow, direction: Direction): { readonly count: number; readonly bytes: number } {
  const count = flow[names[direction].segments] ?? 0
  if (socket === undefined || count === 0) return { count: 0, bytes: 0 }
  const { remote, tcp } = socket
  const mapped = remote?.address?.startsWith('::ffff:') ?? false
  const ip = ipHeader[socket.family === 'ipv6' && !mapped ? 'ipv6' : 'ipv4']
  if (socket.protocol !== 'tcp') return { count, bytes: count * (ip + 8) }
  // Unknown only of a connection that Linux reported at its end and no snapshot held: Linux uses timestamps by default (tcp_timestamps).
  const options = (tcp?.negotiated?.timestamps ?? true) ? 12 : 0
  const segment = ip + 20 + options
  // Where not all of its segments are of this interval, the handshake is of an earlier one.
  if (count < (tcp?.[names[direction].tcp] ?? Infinity)) return { count, bytes: count * segment }
  // A SYN has 20 bytes of options: MSS, SACK, timestamps, scale.
  return { count, bytes: (count - 1) * segment + ip + 40 }
}
