import { test } from 'node:test'
import { deepEqual, equal } from 'node:assert/strict'
import { cookieKey, cookieOfKey, keyInNamespace, queuesOf, stateMask } from './draft.ts'

test('a key is the cookie, with all of its 64 bits', () => {
  deepEqual([cookieKey(7, 0), cookieKey(0, 1), cookieKey(1, 2 ** 20)], ['7', '4294967296', String((2n ** 52n) | 1n)])
  equal(cookieKey(0xffffffff, 0xffffffff), String(2n ** 64n - 1n))
})

test('a key in a network namespace is another key of the same cookie', () => {
  const key = keyInNamespace('7', 4026532000, true)
  deepEqual([key, cookieOfKey(key), cookieOfKey('7')], ['7@4026532000', 7n, 7n])
  equal(keyInNamespace('7', 4026532000, false), '7') // Cookies are counted for all namespaces together.
  // Keys without a cookie: rows of text, associations of SCTP.
  for (const other of ['raw 12', 'tcp 0100007F:0050 00000000:0000', '1 10.0.0.2 7001', '1 10.0.0.2 7001@5', '', '@5'])
    deepEqual([keyInNamespace(other, 5, false), cookieOfKey(other)], [`${other}@5`, undefined], other)
})

test('the mask of states has a bit for each', () => {
  equal(stateMask(undefined), 0xffffffff)
  equal(stateMask(['ESTABLISHED']), 1 << 1)
  equal(stateMask(['SYN_RECEIVED']), (1 << 3) | (1 << 12))
  equal(stateMask(['UNCONNECTED']), 1 << 7)
  equal(stateMask(['DELETE_TCB']), 0)
})

test('a listener counts connections, and nothing else does', () => {
  deepEqual(queuesOf(true, 3, 128), { receivedBytes: undefined, sendBytes: undefined, backlog: 3, backlogLimit: 128 })
  deepEqual(queuesOf(false, 3, 0), { receivedBytes: 3, sendBytes: 0, backlog: undefined, backlogLimit: undefined })
})
