import { test } from 'node:test'
import { deepEqual, equal } from 'node:assert/strict'
import { aSocket, someTcp } from '../../test/sockets.ts'
import { hasConnected, sentOnce, type SentFlags } from './payload.ts'
import type { State } from './socket.ts'
import type { Tcp } from './tcp.ts'

/** 10,000 bytes were sent, of which `acked` sequence numbers are acknowledged; what is in flight and not sent is in the queue. */
function socket(state: State, acked: number, more: Partial<Tcp> = {}, sendBytes = 0) {
  const counters = {
    sentBytes: 10_000,
    retransmittedBytes: 0,
    receivedBytes: 1,
    sentDataSegments: 7,
    unackedSegments: sendBytes === 0 ? 0 : 1,
  }
  const queues = { receivedBytes: 0, sendBytes, backlog: undefined, backlogLimit: undefined }
  return aSocket({ state, queues, tcp: someTcp({ ...counters, ackedBytes: acked, notSentBytes: 0, sentSegments: 9, ...more }) })
}

const of = (one: ReturnType<typeof socket>, syn?: boolean, fin?: boolean): unknown[] => {
  const { bytes, droppedBytes, accuracy } = sentOnce(one, { syn, fin } satisfies SentFlags)!
  return [bytes, droppedBytes, accuracy]
}

test('SYN and FIN explain a difference of the two counts of what was sent; a larger one was dropped on this machine', () => {
  deepEqual(of(socket('ESTABLISHED', 10_001), true, false), [10_000, 0, 'exact'])
  deepEqual(of(socket('ESTABLISHED', 10_000), false, false), [10_000, 0, 'exact'])
  deepEqual(of(socket('CLOSED', 10_002), true, true), [10_000, 0, 'exact'])
  deepEqual(of(socket('ESTABLISHED', 9001), true, false), [9000, 1000, 'exact'])
  deepEqual(of(socket('CLOSED', 10_001), true, true), [9999, 1, 'exact'])
  deepEqual(of(socket('CLOSED', 9002), true, true), [9000, 1000, 'exact'])
  deepEqual(of(socket('CLOSED', 7001, {}, 2001), true, true), [9000, 1000, 'exact'])
  deepEqual(of(socket('CLOSED', 7001, { notSentBytes: 500 }, 2500), true, false), [9000, 1000, 'exact'])
})

test('what one flag less would also explain is an estimate only where a segment may have had one byte', () => {
  deepEqual(of(socket('CLOSED', 10_001), true), [10_000, 0, 'exact'])
  deepEqual(of(socket('CLOSED', 10_001, { sentDataSegments: 5000 }), true), [10_000, 0, 'estimate'])
  deepEqual(of(socket('CLOSED', 10_002, { sentDataSegments: 5000 }), true), [10_000, 0, 'exact'])
  deepEqual(of(socket('CLOSED', 9001), true), [8999, 1001, 'estimate'])
  deepEqual(of(socket('ESTABLISHED', 9001)), [9001, 999, 'sampled'])
})

test('the queue of a busy sender is of a moment before: the number is never more than was sent', () => {
  deepEqual(of(socket('ESTABLISHED', 9001, { notSentBytes: 800 }, 1500), true), [9700, 300, 'exact'], 'more was written')
  deepEqual(of(socket('ESTABLISHED', 9001, { notSentBytes: 2000 }, 1500), true), [9000, 1000, 'exact'], 'more than the queue had')
  deepEqual(of(socket('ESTABLISHED', 9001, {}, 1500), true), [10_000, 0, 'exact'], 'more was acknowledged')
})

test('a system with one count has that', () => {
  deepEqual(of(socket('ESTABLISHED', 1, { ackedBytes: undefined })), [10_000, undefined, 'exact'])
  deepEqual(of(socket('ESTABLISHED', 1, { notSentBytes: undefined })), [10_000, undefined, 'exact'])
  equal(sentOnce(socket('ESTABLISHED', 1, { sentBytes: undefined }), { syn: true, fin: true }), undefined)
})

test('the side that opened a connection has one acknowledged sequence number more', () => {
  equal(hasConnected(socket('ESTABLISHED', 10_001)), true)
  equal(hasConnected(socket('ESTABLISHED', 10_000)), false)
  equal(hasConnected(socket('ESTABLISHED', 9000)), undefined)
  equal(hasConnected(socket('FIN_WAIT_2', 10_001)), undefined)
  equal(hasConnected(socket('SYN_SENT', 0)), true)
})
