import { test } from 'node:test'
import { deepEqual, equal } from 'node:assert/strict'
import type { Gap } from '../../model/gap.ts'
import { SnapshotGaps } from './gaps.ts'

const gap = (more: Partial<Gap>): Gap => ({
  code: 'table-missing',
  what: 'sockets',
  why: 'kernel',
  text: 'a',
  help: '',
  count: undefined,
  ...more,
})

test('a lack is said once, whatever its sentence says', () => {
  const gaps = new SnapshotGaps()
  gaps.add(gap({ text: 'one sentence' }), 'xdp')
  gaps.add(gap({ text: 'another sentence' }), 'xdp')
  gaps.add(gap({ text: 'one sentence' }), 'vsock')
  gaps.add(gap({ code: 'table-refused' }), 'xdp')
  deepEqual(
    gaps.list().map(g => [g.code, g.text]),
    [
      ['table-missing', 'one sentence'],
      ['table-missing', 'one sentence'],
      ['table-refused', 'a'],
    ],
  )
})

test('the counts of several namespaces add up, and a count that is not known stays so', () => {
  const gaps = new SnapshotGaps()
  for (const count of [3, 2]) gaps.add(gap({ count }), 'xdp')
  for (const count of [undefined, 2]) gaps.add(gap({ count }), 'vsock')
  deepEqual(
    gaps.list().map(g => g.count),
    [5, undefined],
  )
})

test('a list that was given out does not change any more', () => {
  const gaps = new SnapshotGaps()
  const before = gaps.list()
  gaps.add(gap({}))
  equal(before.length, 0)
})
