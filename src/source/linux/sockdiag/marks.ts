// The kernel lists firewall marks for those with CAP_NET_ADMIN only. A filter that tests one matches nothing without it, which is a gap. Pure.

import type { Filter } from '../../../filter/language/tree.ts'
import type { Gap } from '../../../model/gap.ts'
import type { Draft } from '../decode/draft.ts'
import { counted } from '../../../model/counted.ts'
import { gapOf } from '../../gap.ts'

/** What is missing when a filter asks for marks and sockets have none. */
export function markGap(filter: Filter | undefined, sockets: readonly Draft[]): Gap | undefined {
  if (filter === undefined || !asksForMarks(filter)) return undefined
  const hidden = sockets.filter(({ protocol, mark }) => (protocol === 'tcp' || protocol === 'udp') && mark === undefined).length
  if (hidden === 0) return undefined
  const text = `the marks of ${counted(hidden, 'socket')} may not be read, and the filter needs them`
  return gapOf('marks-hidden', 'statistics', 'permission', text, { help: 'run as root, or with CAP_NET_ADMIN', count: hidden })
}

function asksForMarks(filter: Filter): boolean {
  if (filter.kind === 'and' || filter.kind === 'or') return filter.parts.some(asksForMarks)
  if (filter.kind === 'not') return asksForMarks(filter.part)
  return filter.kind === 'mark' || (filter.kind === 'number' && filter.field === 'mark')
}
