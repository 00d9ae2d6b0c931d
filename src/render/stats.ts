// Counts of sockets, and how close the limits are, as text.

import type { SystemCounters } from '../model/counters.ts'
import { protocols, states } from '../model/socket.ts'
import type { Group } from '../report/group.ts'
import type { Destination, LimitCode, LimitUse, ProtocolCounts, StatsReport } from '../report/stats.ts'
import { table, type TableColumn, type TableOptions } from './table.ts'
import { counted } from '../model/counted.ts'
import { type Paint } from './text.ts'
import { bytesText, percentText } from '../fields/units.ts'

/** The report in paragraphs; `columns` is the width of the terminal. */
export function statsLines(report: StatsReport, columns: number | undefined, paint: Paint): string[] {
  const options = { columns, head: (line: string) => paint('bold', line) }
  const range = report.limits?.ephemeralPorts
  const paragraphs = [
    [counted(report.total, 'socket')],
    table(...protocolTable(report.protocols), options),
    groupTable('PROCESS', report.processes, options),
    [
      ...report.usage.map(use => limitLine(use, paint)),
      ...(range === undefined ? [] : [`${'ephemeral ports'.padEnd(20)} ${range.first}-${range.last}`]),
    ],
    report.counters === undefined ? [] : counterLines(report.counters),
    report.destinations.length === 0 ? [] : table(destinationHeads, report.destinations.map(destinationCells), options),
  ]
  return paragraphs.filter(lines => lines.length > 0).flatMap((lines, i) => (i === 0 ? lines : ['', ...lines]))
}

function protocolTable(counts: ProtocolCounts): [TableColumn[], string[][]] {
  const used = states.filter(state => Object.values(counts).some(c => c.states[state]))
  const heads: TableColumn[] = [
    { title: 'PROTO', align: 'left' },
    { title: 'TOTAL', align: 'right' },
    ...used.map(title => ({ title, align: 'right' as const, dropPriority: 1 })),
  ]
  const cells = protocols.flatMap(protocol => {
    const count = counts[protocol]
    return count === undefined ? [] : [[protocol, String(count.total), ...used.map(state => String(count.states[state] ?? ''))]]
  })
  return [heads, cells]
}

/** Sockets counted by what they have in common. */
export function groupTable(title: string, groups: readonly Group[], options: TableOptions): string[] {
  const heads: readonly TableColumn[] = [
    { title, align: 'left', truncates: 'middle' },
    { title: 'SOCKETS', align: 'right' },
    { title: 'LISTEN', align: 'right', dropPriority: 2 },
    { title: 'ESTABLISHED', align: 'right', dropPriority: 1 },
  ]
  const cells = groups.map(g => [g.name, String(g.sockets), String(g.listening), String(g.established)])
  return table(heads, cells, options)
}

const limitNames: Readonly<Record<LimitCode, string>> = {
  'tcp-orphans': 'TCP orphans',
  'tcp-time-waits': 'TCP TIME_WAIT',
  'tcp-memory': 'TCP memory',
  'udp-memory': 'UDP memory',
  'open-files': 'open files',
}

function limitLine({ code, unit, used, limit, share, nearLimit }: LimitUse, paint: Paint): string {
  const text = unit === 'bytes' ? bytesText : String
  const part = share === undefined ? '' : ` (${percentText(share)})`
  const line = `${limitNames[code].padEnd(20)} ${text(used)}${limit === undefined ? '' : ` of ${text(limit)}${part}`}`
  return nearLimit ? paint('red', line) : line
}

/** The counters of the system since it started. */
function counterLines({ tcp, udp }: SystemCounters): string[] {
  const lines: string[] = []
  for (const family of ['combined', 'ipv4', 'ipv6'] as const) {
    const c = tcp[family]
    if (c === undefined) continue
    const share = c.sentSegments === 0 ? '' : `, ${percentText(c.retransmittedSegments / c.sentSegments)} of segments retransmitted`
    lines.push(
      `${`TCP${overFamily[family]}`.padEnd(20)} ${c.opened} opened, ${c.accepted} accepted, ${c.failed} failed, ${c.reset} reset${share}`,
    )
  }
  for (const family of ['ipv4', 'ipv6'] as const) {
    const c = udp[family]
    if (c === undefined) continue
    lines.push(
      `${`UDP${overFamily[family]}`.padEnd(20)} ${c.receivedDatagrams} received, ${c.sentDatagrams} sent, ${c.refusedDatagrams} to a port without a socket`,
    )
  }
  return lines
}
const overFamily: Readonly<Record<keyof SystemCounters['tcp'], string>> = { combined: '', ipv4: ' over IPv4', ipv6: ' over IPv6' }

const destinationHeads: readonly TableColumn[] = [
  { title: 'FROM', align: 'left', truncates: 'middle' },
  { title: 'TO', align: 'left', truncates: 'middle' },
  { title: 'EPHEMERAL PORTS', align: 'right' },
  { title: 'OF THE RANGE', align: 'right' },
]
const destinationCells = (d: Destination): string[] => [d.from, d.to, String(d.ports), percentText(d.share)]
