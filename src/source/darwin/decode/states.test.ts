import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { optionsOf } from './parts.ts'
import { hasStatistics, isNotAccepted, tcpState, unixState } from './states.ts'

test('a TCP socket that is closed and has a port is bound; an unknown number is no state', () => {
  deepEqual(
    [tcpState(0, 0), tcpState(0, 80), tcpState(1, 80), tcpState(10, 80), tcpState(11, 80)],
    ['CLOSED', 'BOUND', 'LISTEN', 'TIME_WAIT', undefined],
  )
  deepEqual((['LISTEN', 'BOUND', 'CLOSED', 'TIME_WAIT', 'SYN_SENT', 'ESTABLISHED', undefined] as const).map(hasStatistics), [
    false,
    false,
    false,
    false,
    true,
    true,
    true,
  ])
})

test('the state of a UNIX socket: what listens comes before what is connected', () => {
  deepEqual(
    [unixState(2, 2), unixState(0, 2), unixState(0, 4), unixState(0, 8), unixState(0, 0)],
    ['LISTEN', 'ESTABLISHED', 'CONNECTING', 'DISCONNECTING', 'UNCONNECTED'],
  )
  deepEqual([0x800, 0x1000, 0x1, 0].map(isNotAccepted), [true, true, false, false])
})

test('options by name, and which direction is shut down', () => {
  deepEqual(optionsOf(0x4 | 0x200, 0).flags, ['reuseaddr', 'reuseport'])
  deepEqual(
    [0, 0x10, 0x20, 0x30].map(state => optionsOf(0, state).shutdown),
    ['none', 'send', 'receive', 'both'],
  )
})
