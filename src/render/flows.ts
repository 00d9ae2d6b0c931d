// Flows as a table: who moves how many bytes.

import type { Flow, Ledger } from '../model/flow.ts'
import type { Process } from '../model/process.ts'
import { isUncounted, type FlowList, type TopReport } from '../report/top.ts'
import { endpointText } from './endpoint.ts'
import { holdersText } from './process-text.ts'
import type { TableColumn } from './table.ts'
import { counted } from './text.ts'
import { bytesText, digits, rateText } from './units.ts'

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
const numbers: readonly TableColumn[] = ['IN/S', 'OUT/S', 'IN', 'OUT', 'RETRANS', 'SOCKETS', 'ACCURACY'].map(title => ({
  title,
  align: title === 'ACCURACY' ? 'left' : 'right',
}))

/** The heads of a list's columns. */
export const flowHeads = (list: FlowList): readonly TableColumn[] => [...titles[list], ...numbers]

/** The cells of a flow. A star marks one with sockets that nothing counts; where nothing is known, the numbers stay empty. */
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
  return [socket.protocol, endpointText(socket.local, socket), endpointText(socket.remote, socket), holdersText(socket, processes)]
}

/** The columns of a flow for other programs. */
export const flowColumns = (list: FlowList): readonly string[] => [
  ...titles[list].map(head => head.title.toLowerCase()),
  ...['in_bytes_per_second', 'out_bytes_per_second', 'in_bytes', 'out_bytes', 'retransmitted_bytes', 'sockets', 'accuracy'],
]

/** The values of a flow for other programs; where nothing is known, the numbers are undefined. */
export function flowValues(flow: Flow, list: FlowList, processes: ReadonlyMap<number, Process>): (string | number | undefined)[] {
  const head = subject(flow, list, processes)
  if (isUncounted(flow)) return [...head, undefined, undefined, undefined, undefined, undefined, flow.sockets, undefined]
  const { inBytesPerSecond, outBytesPerSecond, inTotalBytes, outTotalBytes, retransmittedBytes, sockets, accuracy } = flow
  return [...head, inBytesPerSecond, outBytesPerSecond, inTotalBytes, outTotalBytes, retransmittedBytes, sockets, accuracy]
}

/** The head of a frame: when, and what was moved in all. */
export function topHead({ total }: TopReport, atMs: number): string {
  const rates = isUncounted(total) ? 'bytes unknown' : `in ${rateText(total.inBytesPerSecond)}  out ${rateText(total.outBytesPerSecond)}`
  return `${new Date(atMs).toISOString().slice(11, 19)} UTC  ${rates}  ${counted(total.sockets, 'socket')}`
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
