import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { counted } from './counted.ts'

test('nouns follow their number', () => {
  deepEqual(
    [counted(1, 'process', 'processes'), counted(2, 'process', 'processes'), counted(0, 'socket')],
    ['1 process', '2 processes', '0 sockets'],
  )
})
