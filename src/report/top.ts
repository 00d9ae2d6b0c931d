// Who moved how many bytes in an interval: one list of flows, in an order.

import type { FieldContext } from '../fields/field.ts'
import { compareCells } from '../fields/named.ts'
import type { FieldRegistry } from '../fields/registry.ts'
import { standardFields } from '../fields/standard.ts'
import { ArgumentError } from '../model/errors.ts'
import type { Flow, Flows, InterfaceFlow, Ledger } from '../model/flow.ts'
import type { Frame } from '../model/frame.ts'

/** What flows can be listed by. */
export const flowLists = ['processes', 'sockets', 'remotes', 'containers', 'users', 'protocols'] as const
/** One of the lists of flows. */
export type FlowList = (typeof flowLists)[number]

/** What flows can be sorted by; `rate` is the moving average that they come in. */
export const flowOrders = ['rate', 'in', 'out', 'total', 'sockets', 'name'] as const
/** One of the orders of flows. */
export type FlowOrder = (typeof flowOrders)[number]

/** One list of flows of a frame. */
export interface TopReport {
  /** What the rows are. */
  readonly list: FlowList
  /** What they are sorted by. */
  readonly order: FlowOrder
  /** The time that the bytes were counted in. */
  readonly intervalMs: number
  /** Everything that was moved. */
  readonly total: Flow
  /** What no process could be found for. When it moved anything, it is also a row of the processes, which then add up to the total. */
  readonly unattributed: Flow
  /** The flows in that order, as many as were asked for. */
  readonly rows: readonly Flow[]
  /** What went through the interfaces. */
  readonly interfaces: readonly InterfaceFlow[] | undefined
  /** What the bytes of the interfaces were. */
  readonly ledger: Ledger | undefined
}

/** The flows of a frame; undefined when it has none, as the first frame of a watch. */
export function topReport(frame: Frame, list: FlowList, order: FlowOrder, limit?: number): TopReport | undefined {
  const { flows, interfaces, ledger } = frame
  if (flows === undefined) return undefined
  const { intervalMs, total, unattributed } = flows
  return { list, order, intervalMs, total, unattributed, rows: sortFlows(flows, list, order).slice(0, limit), interfaces, ledger }
}

/** The flows of a list, in an order: texts from the first, numbers from the highest. What is equal stays as it was ranked. */
export function sortFlows(flows: Flows, list: FlowList, order: FlowOrder, fields: FieldRegistry = standardFields): readonly Flow[] {
  const rows = [...flows[list]]
  const { inBytes, outBytes, inTotalBytes, outTotalBytes } = flows.unattributed
  if (list === 'processes' && (inBytes || outBytes || inTotalBytes || outTotalBytes)) rows.push(flows.unattributed)
  if (order === 'rate') return rows
  const field = fields.find('flow', order)
  if (field === undefined) throw new ArgumentError(`order: there is no field ${JSON.stringify(order)} of a flow`)
  const { type, value, order: by = value } = field
  const context: FieldContext = { processes: new Map() }
  return rows.sort((a, b) => compareCells(by(a, context), by(b, context), type === 'number'))
}
