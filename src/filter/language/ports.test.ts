import { test } from 'node:test'
import { deepEqual, equal, throws } from 'node:assert/strict'
import { inRanges, parsePorts } from './ports.ts'

test('ports, ranges and lists, sorted and merged', () => {
  deepEqual(parsePorts(':3000'), [{ first: 3000, last: 3000 }])
  deepEqual(parsePorts('8000-8100,80, 443,8101'), [
    { first: 80, last: 80 },
    { first: 443, last: 443 },
    { first: 8000, last: 8101 },
  ])
  deepEqual(parsePorts('1-10,5-7'), [{ first: 1, last: 10 }])
})

test('invalid ports', () => {
  for (const text of ['', 'x', '0', '65536', '9-3', '1,', '80-', '-80', '8 0', '1e3']) throws(() => parsePorts(text), TypeError, text)
})

test('whether a port is in a range', () => {
  equal(inRanges(80, parsePorts('70-90')), true)
  equal(inRanges(91, parsePorts('70-90')), false)
  equal(inRanges(undefined, parsePorts('70-90')), false)
})
