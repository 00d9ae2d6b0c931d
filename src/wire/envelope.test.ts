import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import type { Gap } from '../model/gap.ts'
import { envelope, line, lineTime, metaOf, timeCells, timeColumns } from './envelope.ts'

const gap: Gap = { code: 'owners-hidden', what: 'owners', why: 'permission', text: 'x', help: 'y', count: 3 }

test('a document starts with its schema, its kind and its meta data', () => {
  const document = envelope('ports', metaOf({ atMs: 0, source: 'test', gaps: [gap] }, '1.0.0', 'host'), { ports: [] })
  deepEqual(Object.keys(document), ['schema', 'kind', 'meta', 'ports'])
  deepEqual(document, {
    schema: 'sockscope/1',
    kind: 'ports',
    meta: { version: '1.0.0', host: 'host', at: '1970-01-01T00:00:00.000Z', atMs: 0, source: 'test', complete: false, gaps: [gap] },
    ports: [],
  })
  equal(metaOf({ atMs: 0, source: 'test', gaps: [] }, '1.0.0', undefined).complete, true)
})

test('a line of a stream has its schema, its kind and its time', () => {
  const time = lineTime(1500, 4)
  deepEqual(JSON.parse(line('change', time, { type: 'opened' })), {
    schema: 'sockscope/1',
    kind: 'change',
    at: '1970-01-01T00:00:01.500Z',
    atMs: 1500,
    frame: 4,
    type: 'opened',
  })
  deepEqual(
    [timeColumns, timeCells(time)],
    [
      ['at', 'frame'],
      ['1970-01-01T00:00:01.500Z', 4],
    ],
  )
})
