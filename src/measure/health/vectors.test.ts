// Samples for the tests of this folder, and tests of the samples themselves.
import { test } from 'node:test'
import { deepEqual, equal } from 'node:assert/strict'
import type { Tcp } from '../../model/tcp.ts'
import { grown, percentile, type Sample } from './sample.ts'

/** A connection without any known value. */
export const emptyTcp = new Proxy({}, { get: () => undefined, ownKeys: () => [] }) as Tcp

/** An idle connection on a path of 10 ms. */
export const freshTcp: Tcp = {
  ...emptyTcp,
  rttMicros: 10_000,
  rttVarianceMicros: 5000,
  minRttMicros: 10_000,
  congestionState: 'open',
  congestionWindowSegments: 100,
  congestionWindowBytes: 144_800,
  sendMssBytes: 1448,
  receiveMssBytes: 1448,
  sendWindowBytes: 1_000_000,
  receiveWindowBytes: 65_536,
  unackedSegments: 0,
  selectivelyAckedSegments: 0,
  lostSegments: 0,
  retransmitsInFlightSegments: 0,
  reorderingSeen: 0,
  timeoutsInRow: 0,
  sentBytes: 0,
  retransmittedBytes: 0,
  ackedBytes: 1,
  receivedBytes: 0,
  notSentBytes: 0,
  sentDataSegments: 0,
  receivedDataSegments: 0,
  retransmittedSegments: 0,
  deliveredSegments: 0,
  deliveredMarkedSegments: 0,
  duplicateAckedSegments: 0,
  outOfOrderSegments: 0,
  deliveryBytesPerSecond: 0,
  deliveryLimitedByApplication: true,
  busyMicros: 0,
  receiverLimitedMicros: 0,
  sendBufferLimitedMicros: 0,
  timeouts: 0,
  timeoutMs: 0,
}

/** A busy connection at its end: 10 MB in 5 s, the window full. */
export const busyTcp: Tcp = {
  ...freshTcp,
  sentBytes: 10_000_000,
  ackedBytes: 9_900_001,
  sentDataSegments: 6906,
  deliveredSegments: 6806,
  unackedSegments: 100,
  notSentBytes: 500_000,
  busyMicros: 5_000_000,
  deliveryBytesPerSecond: 2_000_000,
  deliveryLimitedByApplication: false,
}

/** Two snapshots, 5 s apart, of a connection that was new at first. */
export function twoSnapshots(after: Partial<Tcp>, rest: Partial<Omit<Sample, 'tcp'>> = {}): Sample[] {
  const sample = (atMs: number, tcp: Tcp): Sample => ({ state: 'ESTABLISHED', unreadBytes: 0, memory: undefined, ...rest, atMs, tcp })
  return [sample(1000, freshTcp), sample(6000, { ...freshTcp, ...after })]
}

test('a counter that decreased, or is not known at both ends, has no growth', () => {
  equal(grown({ ...emptyTcp, sentBytes: 5 }, { ...emptyTcp, sentBytes: 7 }, 'sentBytes'), 2)
  equal(grown({ ...emptyTcp, sentBytes: 7 }, { ...emptyTcp, sentBytes: 5 }, 'sentBytes'), undefined)
  equal(grown(emptyTcp, { ...emptyTcp, sentBytes: 5 }, 'sentBytes'), undefined)
})

test('percentiles are values that were measured', () => {
  const values = [5, 1, 4, 2, 3]
  deepEqual(
    [1, 20, 21, 50, 90, 100].map(p => percentile(values, p)),
    [1, 1, 2, 3, 5, 5],
  )
  equal(percentile([], 50), undefined)
})
