// Who moved how many bytes in an interval: one list of flows, in an order.

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

/** Nothing was counted, and there are sockets that nothing counts: then the bytes are not 0 but unknown. */
export const isUncounted = (flow: Flow): boolean => flow.uncountedSockets > 0 && flow.inTotalBytes === 0 && flow.outTotalBytes === 0

const orders: Readonly<Record<Exclude<FlowOrder, 'rate'>, (a: Flow, b: Flow) => number>> = {
  in: (a, b) => b.inBytesPerSecond - a.inBytesPerSecond,
  out: (a, b) => b.outBytesPerSecond - a.outBytesPerSecond,
  total: (a, b) => b.inTotalBytes + b.outTotalBytes - a.inTotalBytes - a.outTotalBytes,
  sockets: (a, b) => b.sockets - a.sockets,
  name: (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
}

/** The flows of a list, in an order. What is equal stays as it was ranked. */
export function sortFlows(flows: Flows, list: FlowList, order: FlowOrder): readonly Flow[] {
  const rows = [...flows[list]]
  const { inBytes, outBytes, inTotalBytes, outTotalBytes } = flows.unattributed
  if (list === 'processes' && (inBytes || outBytes || inTotalBytes || outTotalBytes)) rows.push(flows.unattributed)
  return order === 'rate' ? rows : rows.sort(orders[order])
}
