import { test } from 'node:test'
import { deepEqual, equal, throws } from 'node:assert/strict'
import { draft, emptyTcp, mergeTcp, type KnownTcp } from './draft.ts'

test('a TCP record is whole: every field is there, known or not', () => {
  const tcp = mergeTcp(undefined, { rttMicros: 5 })
  deepEqual(Object.keys(tcp), Object.keys(emptyTcp))
  deepEqual(tcp, { ...emptyTcp, rttMicros: 5 })
})

test('what is known later wins, and what it does not know stays', () => {
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

test('an answer of another shape adds no field of its own', () => {
  const hostile = JSON.parse('{"__proto__":{"polluted":1},"other":2,"sentBytes":3}') as KnownTcp
  const tcp = mergeTcp(undefined, hostile)
  deepEqual(Object.keys(tcp), Object.keys(emptyTcp))
  deepEqual([tcp.sentBytes, Object.getPrototypeOf(tcp)], [3, Object.prototype])
  throws(() => mergeTcp(undefined, null as unknown as KnownTcp), TypeError)
})

test('two drafts share no list that one could change', () => {
  const [a, b] = [1, 2].map(n => draft(`tcp.${n}`, 'tcp', 'ipv4', undefined, {}))
  a!.owners = [{ pid: 1, fd: 2 }]
  deepEqual(b!.owners, [])
})
