import { test } from 'node:test'
import { deepEqual, equal } from 'node:assert/strict'
import type { State } from '../../../model/socket.ts'
import { draft } from '../decode/draft.ts'
import { withoutRepeats } from './repeats.ts'

function socket(key: string, state: State = 'ESTABLISHED') {
  const one = draft(key, 'tcp', 'ipv4', state, {})
  one.inode = Number.parseInt(key.replace('c', '9'), 10)
  return one
}

test('a dump without repeats is left as it is', () => {
  const sockets = [socket('1', 'LISTEN'), socket('2'), socket('3')]
  equal(withoutRepeats(sockets, [1, 2]), sockets)
})

test('the last of one answer and the first of the next', () => {
  const sockets = [socket('1'), socket('2', 'SYN_SENT'), socket('3'), socket('2'), socket('4')]
  deepEqual(
    withoutRepeats(sockets, [3]).map(one => [one.key, one.state]),
    [
      ['1', 'ESTABLISHED'],
      ['3', 'ESTABLISHED'],
      ['2', 'ESTABLISHED'],
      ['4', 'ESTABLISHED'],
    ],
  )
})

test('a socket that was bound when the dump began, and connected when it came there', () => {
  const many = Array.from({ length: 50 }, (_, i) => socket(`c${i}`))
  const sockets = [socket('1', 'BOUND'), socket('2', 'LISTEN'), ...many, socket('1', 'SYN_SENT')]
  deepEqual(
    withoutRepeats(sockets, [30]).map(one => one.key),
    ['2', ...many.map(one => one.key), '1'],
  )
})
