import { test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import type { Tcp } from '../../model/tcp.ts'
import { limitNames, type Limits } from '../../model/health.ts'
import { limitsOf } from './limits.ts'
import { busyTcp, freshTcp, twoSnapshots } from './vectors.test.ts'

/** In percent, in the order application, receiver, send buffer, network. */
const shares = (limits: Limits | undefined): number[] | undefined => limits && limitNames.map(name => Math.round(limits[name] * 100))

test('the time accounts of the kernel, as shares', () => {
  const second = 1_000_000
  const vectors: [string, Partial<Tcp>, number[]][] = [
    ['idle', {}, [100, 0, 0, 0]],
    ['busy all the time, window full', busyTcp, [0, 0, 0, 100]],
    ['half of the time', { ...busyTcp, busyMicros: 2.5 * second }, [50, 0, 0, 50]],
    ['receiver and buffer', { ...busyTcp, receiverLimitedMicros: second, sendBufferLimitedMicros: 2 * second }, [0, 20, 40, 40]],
    [
      'waiting for acknowledgements with nothing more to send',
      { busyMicros: 2 * second, sentBytes: 5000, sentDataSegments: 5 },
      [100, 0, 0, 0],
    ],
    ['accounts a tick ahead of the clock', { ...busyTcp, busyMicros: 5_010_000, receiverLimitedMicros: 5_004_000 }, [0, 100, 0, 0]],
    // 1000 windows of 1 segment in 500 round trips of 10 ms: it was full although no snapshot shows it.
    [
      'in flight between the snapshots only',
      { busyMicros: 5 * second, sentBytes: 40_000_000, sentDataSegments: 27_624, deliveredSegments: 27_624 },
      [0, 0, 0, 100],
    ],
  ]
  for (const [name, after, expected] of vectors) deepEqual(shares(limitsOf(twoSnapshots(after))), expected, name)
})

test('a full send buffer is the limit only where its contents and the round-trip times agree', () => {
  const second = 1_000_000
  // Measured on Linux 6.18: cubic, one sender that writes without a pause; the kernel's own account of the send buffer was 0 in all of them.
  const vectors: [string, Partial<Tcp>, { sendQueuedBytes: number; sendBufferBytes: number }, number[]][] = [
    [
      'over veth, as fast as the processor can: 29.7 Gbit/s, 4 MB in flight for moments',
      {
        sentBytes: 18.6e9,
        unackedSegments: 2897,
        congestionWindowSegments: 2978,
        congestionWindowBytes: 4_312_144,
        rttMicros: 158,
        minRttMicros: 8,
      },
      { sendQueuedBytes: 4_261_176, sendBufferBytes: 4_194_304 },
      [100, 0, 0, 0],
    ],
    [
      'SO_SNDBUF of 16 KB, 41 ms: 12.5 Mbit/s, where 335 are possible',
      {
        sentBytes: 7.8e6,
        unackedSegments: 46,
        congestionWindowSegments: 104,
        congestionWindowBytes: 150_592,
        rttMicros: 41_418,
        minRttMicros: 40_200,
      },
      { sendQueuedBytes: 84_672, sendBufferBytes: 32_768 },
      [0, 0, 100, 0],
    ],
    [
      'the same buffer into a queue of 10 Mbit/s, 0.1 ms: the path is used to capacity',
      {
        sentBytes: 6e6,
        unackedSegments: 40,
        congestionWindowSegments: 104,
        congestionWindowBytes: 150_592,
        rttMicros: 46_000,
        minRttMicros: 50,
      },
      { sendQueuedBytes: 74_560, sendBufferBytes: 32_768 },
      [0, 0, 0, 100],
    ],
    [
      'SO_SNDBUF of 4 KB: less than the initial window',
      {
        sentBytes: 5.9e6,
        unackedSegments: 4,
        congestionWindowSegments: 35,
        congestionWindowBytes: 50_680,
        rttMicros: 38_000,
        minRttMicros: 50,
      },
      { sendQueuedBytes: 7456, sendBufferBytes: 8192 },
      [0, 0, 100, 0],
    ],
    [
      'the second part of a message, which waits for an acknowledgement',
      { sentBytes: 24_000, unackedSegments: 1, notSentBytes: 100, rttMicros: 21_000, minRttMicros: 30 },
      { sendQueuedBytes: 1864, sendBufferBytes: 46_080 },
      [100, 0, 0, 0],
    ],
  ]
  for (const [name, after, memory, expected] of vectors) {
    const [first, last] = twoSnapshots({ ...freshTcp, busyMicros: 5 * second, ...after }, { memory })
    deepEqual(shares(limitsOf([first!, last!])), expected, name)
  }
})

test('shares add up to 1, whatever the accounts say', () => {
  for (let i = 0; i < 200; i++) {
    const random = (): number => Math.floor(((i * 2654435761 + 12345) % 6_000_000) * Math.abs(Math.sin(i + 1)))
    const limits = limitsOf(
      twoSnapshots({ ...busyTcp, busyMicros: random(), receiverLimitedMicros: random() / 2, sendBufferLimitedMicros: random() / 3 }),
    )
    const sum = limitNames.reduce((total, name) => total + limits![name], 0)
    ok(Math.abs(sum - 1) < 1e-9 && limitNames.every(name => limits![name] >= 0), JSON.stringify(limits))
  }
})

test('no shares without accounts, nor for an interval of one tick', () => {
  equal(limitsOf(twoSnapshots({ busyMicros: undefined })), undefined)
  equal(limitsOf(twoSnapshots({ receiverLimitedMicros: undefined })), undefined)
  const [first, last] = twoSnapshots(busyTcp)
  equal(limitsOf([first!, { ...last!, atMs: first!.atMs + 49 }]), undefined)
  equal(limitsOf([first!]), undefined)
})

test('samples between the first and the last refine the shares', () => {
  const [first, last] = twoSnapshots(busyTcp)
  const idleEnd = { ...last!, atMs: 11_000, tcp: { ...freshTcp, busyMicros: 5_000_000, sentBytes: 10_000_000, sentDataSegments: 6906 } }
  deepEqual(shares(limitsOf([first!, last!, idleEnd])), [50, 0, 0, 50])
  // Full at one end of the interval, and with a segment in flight at the other: half of it.
  const started = { ...first!, tcp: { ...freshTcp, unackedSegments: 1, congestionWindowBytes: 1e9 } }
  const ended = { ...last!, tcp: { ...last!.tcp, congestionWindowBytes: 1e9 } }
  deepEqual(shares(limitsOf([started, ended])), [50, 0, 0, 50])
})
