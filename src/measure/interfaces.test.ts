import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import type { Flow, Flows } from '../model/flow.ts'
import type { Interface } from '../model/interface.ts'
import { between, counterGrowth, interfaceMeter } from './interfaces.ts'
import { ledger } from './ledger.ts'

const wire = (inBytes: number, more: Partial<Interface> = {}): Interface => ({
  index: 2,
  name: 'eth0',
  up: true,
  carrier: true,
  loopback: false,
  mtuBytes: 1500,
  bitsPerSecond: 1e9,
  counters: { inBytes, outBytes: 0, inPackets: 0, outPackets: 0, inErrors: 0, outErrors: 0, inDrops: 0, outDrops: 0 },
  ...more,
})

test('rates come from two readings, and the last 60 are kept', () => {
  const meter = interfaceMeter()
  const [first] = meter.take([wire(100)], undefined)
  deepEqual([first!.inBytes, first!.inBytesPerSecond, first!.inHistory], [0, undefined, []])
  for (let i = 1; i <= 70; i++) meter.take([wire(100 + i * 1000)], 500)
  const [last] = meter.take([wire(100 + 71_000)], 500)
  deepEqual([last!.inBytes, last!.inBytesPerSecond, last!.inHistory.length, last!.inHistory[0]], [1000, 2000, 60, 2000])
})

test('a counter that wraps or is reset has no absurd rate', () => {
  equal(counterGrowth(2 ** 32 - 10, 5), 15)
  equal(counterGrowth(2 ** 40, 5), undefined)
  equal(counterGrowth(5000, 5), undefined)
  const meter = interfaceMeter()
  meter.take([wire(5000)], undefined)
  const [reset] = meter.take([wire(3)], 1000)
  deepEqual([reset!.inBytes, reset!.inBytesPerSecond, reset!.inHistory], [0, undefined, []])
  const [again] = meter.take([wire(13)], 1000)
  equal(again!.inBytesPerSecond, 10)
  // Another interface with the same number starts over.
  const [other] = meter.take([wire(9_999_999, { name: 'tap0' })], 1000)
  equal(other!.inBytesPerSecond, undefined)
})

const total = { kind: 'exact' }

test('the rows of the ledger add up to the bytes of the interfaces', () => {
  const socket = { family: 'ipv4', protocol: 'tcp', owners: [{ pid: 1, fd: 3 }], tcp: { negotiated: { timestamps: true } } }
  const flow = {
    socket,
    inBytes: 1000,
    outBytes: 2000,
    retransmittedBytes: 30,
    inSegments: 4,
    outSegments: 5,
    kind: 'exact',
  } as unknown as Flow
  const orphan = {
    ...flow,
    socket: { ...socket, owners: [], ownerless: 'orphan' },
    inBytes: 10,
    outBytes: 0,
    inSegments: 0,
    outSegments: 0,
    retransmittedBytes: 0,
  } as unknown as Flow
  const meter = interfaceMeter()
  const count = (inBytes: number, outBytes: number, packets: number): Interface =>
    wire(0, {
      counters: { inBytes, outBytes, inPackets: packets, outPackets: packets, inErrors: 0, outErrors: 0, inDrops: 0, outDrops: 0 },
    })
  meter.take([count(0, 0, 0)], undefined)
  const result = ledger({ total, sockets: [flow, orphan] } as unknown as Flows, meter.take([count(1500, 2500, 100)], 1000))!
  const find = (code: string): unknown => result.rows.filter(row => row.code === code).map(row => [row.inBytes, row.outBytes])
  deepEqual(find('processes'), [[1000, 2000]])
  deepEqual(find('no-owner'), [[10, 0]])
  deepEqual(find('retransmissions'), [[0, 30]])
  deepEqual(find('headers'), [[4 * 66, 5 * 66]])
  deepEqual(find('residual'), [[1500 - 1010 - 264, 2500 - 2030 - 330]])
  equal(
    result.rows.reduce((sum, row) => sum + row.inBytes, 0),
    1500,
  )
  ok(Math.abs(result.residualPercent! - (100 * (226 + 140)) / 4000) < 1e-9)
  equal(ledger({ total, sockets: [] } as unknown as Flows, []), undefined)
  // Of 5,000 bytes that were retransmitted this machine dropped all but 170: the interface did not send more.
  const lossy = ledger(
    { total, sockets: [{ ...flow, retransmittedBytes: 5000 }] } as unknown as Flows,
    meter.take([count(3000, 5000, 200)], 1000),
  )!
  const row = lossy.rows.find(({ code }) => code === 'retransmissions')!
  deepEqual([row.outBytes, row.accuracy, lossy.rows.at(-1)!.outBytes], [170, 'estimate', 0])
})

test('headers of short connections: a SYN has more options, and timestamps are assumed where no snapshot held the connection', () => {
  const headersOf = (
    flow: Partial<Flow>,
    socket: object,
    { packets = 100, bytes = 10_000, unsure = 0, loopback = false } = {},
  ): (number | undefined)[] => {
    const meter = interfaceMeter()
    const count = (inBytes: number, inPackets: number): Interface =>
      wire(0, {
        loopback,
        counters: { inBytes, outBytes: inBytes, inPackets, outPackets: inPackets, inErrors: 0, outErrors: 0, inDrops: 0, outDrops: 0 },
      })
    meter.take([count(0, 0)], undefined)
    const made = {
      inBytes: 0,
      outBytes: 0,
      retransmittedBytes: 0,
      socket: { family: 'ipv4', protocol: 'tcp', owners: [], ...socket },
      ...flow,
    }
    const { rows } = ledger({ total, sockets: [made] } as unknown as Flows, meter.take([count(bytes, packets)], 1000), unsure)!
    const row = rows.find(({ code }) => code === 'headers')!
    return [row.inBytes, row.outBytes]
  }
  const client = { local: { port: 40_000 }, remote: { port: 80 } }
  const server = { local: { port: 80 }, remote: { port: 40_000 } }
  const five = { inSegments: 5, outSegments: 5 }
  const counts = { receivedSegments: 5, sentSegments: 5 }
  // Counted on veth: 5 packets each way, 66 bytes of headers each and 74 of the SYN. The one that answers is among the segments of the flow, and not among those of TCP.
  deepEqual(headersOf(five, { ...client, tcp: counts }), [338, 338])
  deepEqual(headersOf(five, { ...server, tcp: { ...counts, sentSegments: 4 } }), [338, 338])
  deepEqual(headersOf(five, { ...client, tcp: { ...counts, negotiated: { timestamps: false } } }), [4 * 54 + 74, 4 * 54 + 74])
  // The handshake was before the interval.
  deepEqual(headersOf(five, { ...client, tcp: { receivedSegments: 50, sentSegments: 50 } }), [330, 330])
  deepEqual(headersOf(five, { protocol: 'udp', tcp: undefined }), [5 * 42, 5 * 42])
  deepEqual(headersOf(five, { family: 'ipv6', protocol: 'udp', tcp: undefined }, { loopback: true }), [5 * 48, 5 * 48])
  // 50 segments in 5 packets have 5 headers; one packet that may have been counted in the other interval is no excess.
  const bulk = { inSegments: 50, outSegments: 50 }
  const past = { ...client, tcp: { receivedSegments: 99, sentSegments: 99 } }
  deepEqual(headersOf(bulk, past, { packets: 5 }), [330, 330])
  deepEqual(headersOf(five, past, { packets: 4, bytes: 400, unsure: 100 }), [330, 330])
  deepEqual(headersOf(five, past, { packets: 4, bytes: 400 }), [264, 264])
})

test('a moment between two readings is in their middle, with an error of half of what lies between them', () => {
  const read = (inBytes: number, outBytes: number): Interface =>
    wire(0, { counters: { inBytes, outBytes, inPackets: 5, outPackets: 6, inErrors: 0, outErrors: 0, inDrops: 0, outDrops: 0 } })
  const { interfaces, unsureBytes } = between([read(100, 50)], [read(300, 51)])
  deepEqual([interfaces[0]!.counters!.inBytes, interfaces[0]!.counters!.outBytes, interfaces[0]!.counters!.outPackets], [200, 51, 6])
  equal(unsureBytes, 100.5)
  // Reset, or new: what was read last.
  deepEqual(between([read(100, 50)], [read(99, 51)]), { interfaces: [read(99, 51)], unsureBytes: 0 })
  deepEqual(between([], [read(99, 51)]), { interfaces: [read(99, 51)], unsureBytes: 0 })
})
