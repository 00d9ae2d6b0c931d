// Who moved how many bytes in an interval: one list of flows, sorted.

import type { FieldContext } from '../fields/field.ts'
import { compareCells } from '../fields/named.ts'
import { standardFields } from '../fields/standard.ts'
import type { Flow, Flows, InterfaceFlow, Ledger } from '../model/flow.ts'
import type { Frame } from '../model/frame.ts'

/** The groupings of flows. */
export const flowLists = ['processes', 'sockets', 'remotes', 'containers', 'users', 'protocols'] as const
/** One of the lists of flows. */
export type FlowList = (typeof flowLists)[number]

/** The sort keys of flows; `rate` is the moving average, the default. `rateIn` and `rateOut` are of the interval, `in`, `out` and `total` since the watch began. */
export const flowOrders = ['rate', 'rateIn', 'rateOut', 'in', 'out', 'total', 'sockets', 'name'] as const
/** One of the orders of flows. */
export type FlowOrder = (typeof flowOrders)[number]

/** One list of flows of a frame. */
export interface TopReport {
  /** The grouping of the rows. */
  readonly list: FlowList
  /** The sort key. */
  readonly order: FlowOrder
  /** The time over which the bytes were counted. */
  readonly intervalMs: number
  /** The total traffic. */
  readonly total: Flow
  /** What could not be attributed to a process. When it moved bytes, it is also a row of the processes, which then add up to the total. */
  readonly unattributed: Flow
  /** The flows in that order, up to the requested number. */
  readonly rows: readonly Flow[]
  /** What went through the interfaces. */
  readonly interfaces: readonly InterfaceFlow[] | undefined
  /** What the bytes of the interfaces consisted of. */
  readonly ledger: Ledger | undefined
}

/** The flows of a frame; undefined when it has none, as the first frame of a watch. */
export function topReport(frame: Frame, list: FlowList, order: FlowOrder, limit?: number): TopReport | undefined {
  const { flows, interfaces, ledger } = frame
  if (flows === undefined) return undefined
  const { intervalMs, total, unattributed } = flows
  return { list, order, intervalMs, total, unattributed, rows: sortedFlows(flows, list, order).slice(0, limit), interfaces, ledger }
}

/** The flows of a list, sorted: texts ascending, numbers descending. Equal ones keep their rank. */
function sortedFlows(flows: Flows, list: FlowList, order: FlowOrder): readonly Flow[] {
  const rows = [...flows[list]]
  const { inBytes, outBytes, inTotalBytes, outTotalBytes } = flows.unattributed
  if (list === 'processes' && (inBytes || outBytes || inTotalBytes || outTotalBytes)) rows.push(flows.unattributed)
  if (order === 'rate') return rows
  const { type, value, order: by = value } = standardFields.find('flow', order)!
  const context: FieldContext = { processes: new Map() }
  return rows.sort((a, b) => compareCells(by(a, context), by(b, context), type === 'number'))
}
