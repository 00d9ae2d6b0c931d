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
