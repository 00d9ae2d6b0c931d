// Flows as a table: who moves how much.

import type { Flow, Flows, Ledger } from '../model/flow.ts'
import type { Process } from '../model/process.ts'
import { endpointText } from './endpoint.ts'
import { processText } from './process-text.ts'
import type { TableColumn } from './table.ts'
import { bytesText, digits, rateText } from './units.ts'

/** What flows can be listed by. */
export const flowLists = ['processes', 'sockets', 'remotes', 'containers', 'users', 'protocols'] as const
/** One of the lists of flows. */
export type FlowList = (typeof flowLists)[number]

/** What flows can be sorted by; `rate` is the moving average that they come in. */
export const flowOrders = ['rate', 'in', 'out', 'total', 'sockets', 'name'] as const
/** One of the orders of flows. */
export type FlowOrder = (typeof flowOrders)[number]

const orders: Readonly<Record<Exclude<FlowOrder, 'rate'>, (a: Flow, b: Flow) => number>> = {
  in: (a, b) => b.inBytesPerSecond - a.inBytesPerSecond,
  out: (a, b) => b.outBytesPerSecond - a.outBytesPerSecond,
  total: (a, b) => b.inTotalBytes + b.outTotalBytes - a.inTotalBytes - a.outTotalBytes,
  sockets: (a, b) => b.sockets - a.sockets,
  name: (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
}

/** The flows of a list, in an order. What is equal stays as it was ranked. */
export function sortFlows(flows: Flows, list: FlowList, order: FlowOrder): Flow[] {
  const rows = [...flows[list]]
  const { inBytes, outBytes, inTotalBytes, outTotalBytes } = flows.unattributed
  if (list === 'processes' && (inBytes || outBytes || inTotalBytes || outTotalBytes)) rows.push(flows.unattributed)
  return order === 'rate' ? rows : rows.sort(orders[order])
}

const titles: Readonly<Record<FlowList, readonly TableColumn[]>> = {
  processes: [
    { title: 'PID', align: 'right' },
    { title: 'PROCESS', align: 'left', truncates: true },
    { title: 'USER', align: 'left' },
  ],
  sockets: [
    { title: 'PROTO', align: 'left' },
    { title: 'LOCAL', align: 'left', truncates: true },
    { title: 'REMOTE', align: 'left', truncates: true },
    { title: 'PROCESS', align: 'left', truncates: true },
  ],
  remotes: [{ title: 'REMOTE', align: 'left', truncates: true }],
  containers: [{ title: 'CONTAINER', align: 'left', truncates: true }],
  users: [{ title: 'USER', align: 'left', truncates: true }],
  protocols: [{ title: 'PROTO', align: 'left' }],
}
const numbers: readonly TableColumn[] = ['IN/S', 'OUT/S', 'IN', 'OUT', 'AGAIN', 'SOCKETS', 'KIND'].map(title => ({
  title,
  align: title === 'KIND' ? 'left' : 'right',
}))

/** The heads of a list's columns. */
export const flowHeads = (list: FlowList): readonly TableColumn[] => [...titles[list], ...numbers]

/** Nothing was counted, and there is something that nothing counts: then it is not 0 but unknown. */
export const isUncounted = (flow: Flow): boolean => flow.uncountedSockets > 0 && flow.inTotalBytes === 0 && flow.outTotalBytes === 0

/** The cells of a flow. A star says that it has sockets that nothing counts; where nothing is known, the numbers stay empty. */
export function flowCells(flow: Flow, list: FlowList, processes: ReadonlyMap<number, Process>): string[] {
  if (isUncounted(flow)) return [...subject(flow, list, processes), '', '', '', '', '', `${flow.sockets}*`, '']
  return [
    ...subject(flow, list, processes),
    rateText(Math.max(0, flow.inBytesPerSecond)),
    rateText(Math.max(0, flow.outBytesPerSecond)),
    bytesText(flow.inTotalBytes),
    bytesText(flow.outTotalBytes),
    flow.retransmittedBytes === 0 ? '' : bytesText(flow.retransmittedBytes),
    `${flow.sockets}${flow.uncountedSockets > 0 ? '*' : ''}`,
    flow.accuracy,
  ]
}

function subject(flow: Flow, list: FlowList, processes: ReadonlyMap<number, Process>): string[] {
  if (list === 'processes') return [String(flow.process?.pid ?? ''), flow.process?.script ?? flow.name, flow.process?.user ?? '']
  const { socket } = flow
  if (list !== 'sockets' || socket === undefined) return [flow.name]
  const who = [...new Set(socket.owners.map(o => o.pid))].map(pid => processText(processes.get(pid), pid)).join(', ')
  return [socket.protocol, endpointText(socket.local, socket), endpointText(socket.remote, socket), who || (socket.ownerless ?? '')]
}

/** The ledger in one line: what the bytes of the interfaces were. */
export function ledgerText(ledger: Ledger): string {
  const parts = ledger.rows
    .filter(row => row.inBytes !== 0 || row.outBytes !== 0 || row.what === 'residual')
    .map(row => `${row.what} ${signed(row.inBytes)}/${signed(row.outBytes)}`)
  const unsure = ledger.unsureBytes ? ` ± ${bytesText(Math.ceil(ledger.unsureBytes))}` : ''
  const rest = ledger.residualPercent === undefined ? '' : `${unsure} (${digits(ledger.residualPercent)} %)`
  return `interfaces in/out ${bytesText(ledger.inBytes)}/${bytesText(ledger.outBytes)} = ${parts.join(' + ')}${rest}`
}

const signed = (bytes: number): string => (bytes < 0 ? `-${bytesText(-bytes)}` : bytesText(bytes))
