import { test } from 'node:test'
import { deepEqual } from 'node:assert/strict'
import { counted } from './counted.ts'

test('a noun is singular after 1 only', () => {
  deepEqual(
    [0, 1, 2].map(n => counted(n, 'socket')),
    ['0 sockets', '1 socket', '2 sockets'],
  )
  deepEqual(
    [1, 3].map(n => counted(n, 'process', 'processes')),
    ['1 process', '3 processes'],
  )
})
