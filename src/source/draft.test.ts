import { test } from 'node:test'
import { deepEqual, equal, throws } from 'node:assert/strict'
import { draft, emptyTcp, mergeTcp, type KnownTcp } from './draft.ts'

test('a TCP record is complete: every field is present, known or not', () => {
  const tcp = mergeTcp(undefined, { rttMicros: 5 })
  deepEqual(Object.keys(tcp), Object.keys(emptyTcp))
  deepEqual(tcp, { ...emptyTcp, rttMicros: 5 })
})

test('later values override earlier ones, and unknown ones do not', () => {
  const first = mergeTcp(undefined, { rttMicros: 5, sentBytes: 7 })
  deepEqual(mergeTcp(first, { rttMicros: 6, sentBytes: undefined, lostSegments: 0 }), {
    ...emptyTcp,
    rttMicros: 6,
    sentBytes: 7,
    lostSegments: 0,
  })
  equal(first.rttMicros, 5, 'the record before is not changed')
  equal(emptyTcp.rttMicros, undefined)
})

test('an answer of another form adds no field', () => {
  const hostile = JSON.parse('{"__proto__":{"polluted":1},"other":2,"sentBytes":3}') as KnownTcp
  const tcp = mergeTcp(undefined, hostile)
  deepEqual(Object.keys(tcp), Object.keys(emptyTcp))
  deepEqual([tcp.sentBytes, Object.getPrototypeOf(tcp)], [3, Object.prototype])
  throws(() => mergeTcp(undefined, null as unknown as KnownTcp), TypeError)
})

test('two drafts share no mutable list', () => {
  const [a, b] = [1, 2].map(n => draft(`tcp.${n}`, 'tcp', 'ipv4', undefined, {}))
  a!.owners = [{ pid: 1, fd: 2 }]
  deepEqual(b!.owners, [])
})
