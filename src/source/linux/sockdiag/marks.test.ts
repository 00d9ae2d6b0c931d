import { test } from 'node:test'
import { equal } from 'node:assert/strict'
import { parseFilter } from '../../../filter/language/parse.ts'
import { draft } from '../decode/draft.ts'
import { markGap } from './marks.ts'

const marked = (mark: number | undefined) => {
  const one = draft('1', 'tcp', 'ipv4', 'ESTABLISHED', {})
  one.mark = mark
  return one
}

test('a filter for marks that may not be read is a gap', () => {
  for (const text of ['fwmark = 7', 'tcp and not (mark > 2 or sport = 1)']) {
    equal(markGap(parseFilter(text), [marked(undefined), marked(undefined)])?.count, 2)
    equal(markGap(parseFilter(text), [marked(0)]), undefined)
  }
  equal(markGap(parseFilter('sport = 1'), [marked(undefined)]), undefined)
  equal(markGap(undefined, [marked(undefined)]), undefined)
})
