import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { restOfLine } from './text.ts'

test('the rest of a line; only a line feed ends one', () => {
  const status = 'Name:\tx\rUid:\t0\u2028Uid:\t0\u2029Uid:\t0\u0085Uid:\t0\vUid:\t0\nUid:\t1000\t1000\nGid:\t7'
  equal(restOfLine(status, 'Uid:\t'), '1000\t1000')
  equal(restOfLine(status, 'Gid:\t'), '7')
  equal(restOfLine(status, 'Name:\tx'), status.slice(7, status.indexOf('\n')))
  equal(restOfLine(status, 'id:\t'), undefined)
  equal(restOfLine('', 'Uid:'), undefined)
})
