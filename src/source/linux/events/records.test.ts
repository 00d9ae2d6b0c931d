import { test } from 'node:test'
import { deepEqual, equal } from 'node:assert/strict'
import { trafficRecord, type TrafficRecord } from '../bpf/records.ts'
import { finalQueues, finalTcp, hasConnected, hasSentFin } from './records.ts'

test('the final counters are in the byte order of the machine', () => {
  const record = trafficRecord.read(new DataView(new ArrayBuffer(trafficRecord.size)), 0)
  const nameBytes = new Uint8Array(Uint32Array.of(1, 2, 3, 0x01020304).buffer)
  const { sentSegments, receivedSegments, sentDataSegments, receivedDataSegments } = finalTcp({ ...record, nameBytes })
  deepEqual([sentSegments, receivedSegments, sentDataSegments, receivedDataSegments], [1, 2, 3, 0x01020304])
})

const final = (more: Partial<TrafficRecord>): TrafficRecord => ({
  ...trafficRecord.read(new DataView(new ArrayBuffer(trafficRecord.size)), 0),
  ...more,
})

test('the timestamps of a connection that closed follow from the length of its header', () => {
  const timestamps = (headerBytes: number): boolean | undefined => finalTcp(final({ headerBytes })).negotiated?.timestamps
  deepEqual([20, 32, 40, 52].map(timestamps), [false, true, false, true]) // The last two with an MD5 signature.
})

test('what was queued at the end is a difference of sequence numbers, which wrap', () => {
  const record = final({ sendUnacked: 0xffff_ff00, sendNext: 0x10, written: 0x20, acked: 5 })
  deepEqual([finalQueues(record).sendBytes, finalTcp(record).notSentBytes, finalTcp(record).ackedBytes], [0x120, 0x10, 5])
  // A socket that was disconnected has begun at another number.
  equal(finalTcp(final({ sendNext: 100, written: 90 })).notSentBytes, 0)
})

test('a FIN was sent in the states after it, when nothing waits to be sent; the side that opened comes from SYN_SENT', () => {
  const sent = (oldState: number, written = 7): boolean => hasSentFin(final({ oldState, sendNext: 7, written }))
  // ESTABLISHED, SYN_SENT, FIN_WAIT_1, FIN_WAIT_2, CLOSE_WAIT, LAST_ACK, CLOSING
  deepEqual(
    [1, 2, 4, 5, 8, 9, 11].map(state => sent(state)),
    [false, false, true, true, false, true, true],
  )
  equal(sent(4, 8), false)
  deepEqual(
    [hasConnected(final({ oldState: 2, remotePort: 1 })), hasConnected(final({ oldState: 3, remotePort: 1 })), hasConnected(final({}))],
    [true, false, undefined],
  )
})
