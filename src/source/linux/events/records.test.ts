import { test } from 'node:test'
import { deepEqual } from 'node:assert/strict'
import { trafficRecord } from '../bpf/records.ts'
import { finalTcp } from './records.ts'

test('the final counters are in the byte order of the machine', () => {
  const record = trafficRecord.read(new DataView(new ArrayBuffer(trafficRecord.size)), 0)
  const nameBytes = new Uint8Array(Uint32Array.of(1, 2, 3, 0x01020304).buffer)
  const { sentSegments, receivedSegments, sentDataSegments, receivedDataSegments } = finalTcp({ ...record, nameBytes })
  deepEqual([sentSegments, receivedSegments, sentDataSegments, receivedDataSegments], [1, 2, 3, 0x01020304])
})
