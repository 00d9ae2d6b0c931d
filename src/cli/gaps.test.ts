import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import type { Gap } from '../model/gap.ts'
import { NewGaps } from './gaps.ts'

const gap = (overrides: Partial<Gap>): Gap => ({
  code: 'owners-hidden',
  what: 'owners',
  why: 'permission',
  text: '1 socket',
  help: '',
  count: 1,
  ...overrides,
})

test('a gap is new once, whatever its text and its count are later', () => {
  const news = new NewGaps()
  const hidden = gap({ code: 'owners-hidden' })
  deepEqual(news.of([hidden]), [hidden])
  deepEqual(news.of([gap({ code: 'owners-hidden', text: '2 sockets', count: 2, why: 'kernel' })]), [])
  deepEqual(news.of([gap({ code: 'owners-limit' })]).length, 1)
  deepEqual(news.of([gap({ code: 'owners-hidden', what: 'sockets' })]).length, 1)
})
