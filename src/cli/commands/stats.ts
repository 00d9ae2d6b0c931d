// `sockscope stats`: how many sockets of each kind there are, and how near the limits of the system they are.

import { planQuery } from '../../filter/plan.ts'
import { protocols, states, type Protocol, type Socket, type State } from '../../model/socket.ts'
import type { SystemCounters } from '../../model/counters.ts'
import type { PortRange, SystemLimits, Usage } from '../../model/limits.ts'
import { groupSockets } from '../../report/group.ts'
import { safe, safeJson } from '../../render/text.ts'
import { table } from '../../render/table.ts'
import { bytesText, percentText } from '../../render/units.ts'
import { inRanges } from '../../filter/language/ports.ts'
import { exitCode, envelope, noteGaps } from '../gaps.ts'
import { withMachine } from '../machine.ts'
import { colour, print, printLines, terminalColumns } from '../output.ts'
import { namespacesOf } from '../select.ts'
import type { ParsedArguments } from '../table.ts'

const maxRows = 10

/** Ephemeral ports in use towards one destination: they run out per destination, not per machine. */
interface Destination {
  readonly from: string
  readonly to: string
  readonly ports: number
  /** The share of the range, when the range is known. */
  readonly share: number | undefined
}

/** Runs the command. */
export function run(args: ParsedArguments): Promise<number> {
  return withMachine(args, async source => {
    const snapshot = await source.takeSnapshot(planQuery({ protocols, namespaces: namespacesOf(args)! }))
    const limits = await source.limits?.()
    const counters = await source.counters?.()
    const byProtocol = countBy(snapshot.sockets)
    const destinations = destinationsOf(snapshot.sockets, limits?.ephemeralPorts).slice(0, maxRows)
    const processes = groupSockets(snapshot.sockets, 'process', snapshot).slice(0, maxRows)
    if (args.has('json')) {
      print(
        `${safeJson({ ...envelope(snapshot), total: snapshot.sockets.length, protocols: byProtocol, processes, destinations, limits, counters })}\n`,
      )
    } else {
      print(`${snapshot.sockets.length} sockets\n\n`)
      printLines(protocolTable(byProtocol))
      printLines(['', ...processTable(processes)])
      if (limits) printLines(['', ...limitLines(limits)])
      if (counters) printLines(['', ...counterLines(counters)])
      if (destinations.length > 0) printLines(['', ...destinationLines(destinations)])
      noteGaps(snapshot)
    }
    return exitCode(snapshot, args, true)
  })
}

type Counts = Partial<Record<Protocol, { total: number; states: Partial<Record<State, number>> }>>

function countBy(sockets: readonly Socket[]): Counts {
  const counts: Counts = {}
  for (const s of sockets) {
    const of = (counts[s.protocol] ??= { total: 0, states: {} })
    of.total++
    if (s.state !== undefined) of.states[s.state] = (of.states[s.state] ?? 0) + 1
  }
  return counts
}

function protocolTable(counts: Counts): string[] {
  const used = states.filter(state => Object.values(counts).some(c => c.states[state]))
  const heads = [
    { title: 'PROTO', align: 'left' as const },
    { title: 'TOTAL', align: 'right' as const },
    ...used.map(title => ({ title, align: 'right' as const, dropPriority: 1 })),
  ]
  const rows = protocols
    .filter(p => counts[p])
    .map(p => [p, String(counts[p]!.total), ...used.map(state => String(counts[p]!.states[state] ?? ''))])
  return table(heads, rows, { columns: terminalColumns(), head: line => colour('bold', line) })
}

function processTable(groups: ReturnType<typeof groupSockets>): string[] {
  const heads = [
    { title: 'PROCESS', align: 'left', truncates: true },
    { title: 'SOCKETS', align: 'right' },
    { title: 'LISTEN', align: 'right' },
    { title: 'ESTABLISHED', align: 'right' },
  ] as const
  const rows = groups.map(g => [g.name, String(g.sockets), String(g.listening), String(g.established)])
  return table(heads, rows, { columns: terminalColumns(), head: line => colour('bold', line) })
}

function limitLines(limits: SystemLimits): string[] {
  const line = (name: string, usage: Usage, text: (n: number) => string = String): string[] => {
    if (usage.used === undefined) return []
    const share = usage.limit ? ` (${percentText(usage.used / usage.limit)})` : ''
    const words = `${name.padEnd(20)} ${text(usage.used)}${usage.limit === undefined ? '' : ` of ${text(usage.limit)}${share}`}`
    return [usage.limit !== undefined && usage.used / usage.limit > 0.9 ? colour('red', words) : words]
  }
  const range = limits.ephemeralPorts
  return [
    ...line('TCP orphans', limits.tcpOrphans),
    ...line('TCP time-waits', limits.tcpTimeWaits),
    ...line('TCP memory', limits.tcpMemoryBytes, bytesText),
    ...line('UDP memory', limits.udpMemoryBytes, bytesText),
    ...line('open files', limits.openFiles),
    ...(range ? [`${'ephemeral ports'.padEnd(20)} ${range.first}-${range.last}`] : []),
  ]
}

function destinationsOf(sockets: readonly Socket[], range: PortRange | undefined): Destination[] {
  if (range === undefined) return []
  const found = new Map<string, { from: string; to: string; ports: number }>()
  for (const s of sockets) {
    if (s.protocol !== 'tcp' || s.remote === undefined || !inRanges(s.local.port, [range]) || inRanges(s.remote.port, [range])) continue
    const from = s.local.address ?? ''
    const to = `${s.remote.address?.includes(':') ? `[${s.remote.address}]` : s.remote.address}:${s.remote.port}`
    const entry = found.get(`${from} ${to}`) ?? { from, to, ports: 0 }
    entry.ports++
    found.set(`${from} ${to}`, entry)
  }
  const size = range.last - range.first + 1
  return [...found.values()].map(d => ({ ...d, share: d.ports / size })).sort((a, b) => b.ports - a.ports || (a.to < b.to ? -1 : 1))
}

function destinationLines(destinations: readonly Destination[]): string[] {
  const heads = [
    { title: 'FROM', align: 'left' },
    { title: 'TO', align: 'left', truncates: true },
    { title: 'EPHEMERAL PORTS', align: 'right' },
    { title: 'OF THE RANGE', align: 'right' },
  ] as const
  const rows = destinations.map(d => [d.from, d.to, String(d.ports), d.share === undefined ? '' : percentText(d.share)])
  return table(heads, rows, { columns: terminalColumns(), head: line => colour('bold', safe(line)) })
}

/** What was counted since the machine started. */
function counterLines({ tcp, udp }: SystemCounters): string[] {
  const lines: string[] = []
  for (const [family, c] of Object.entries(tcp)) {
    if (c === undefined) continue
    const again = c.sentSegments === 0 ? '' : `, ${percentText(c.retransmittedSegments / c.sentSegments)} of segments sent again`
    const name = family === 'combined' ? 'tcp' : `tcp over ${family}`
    lines.push(`${name.padEnd(18)}${c.opened} opened, ${c.accepted} accepted, ${c.failed} failed, ${c.reset} reset${again}`)
  }
  for (const [family, c] of Object.entries(udp)) {
    if (c === undefined) continue
    lines.push(
      `udp over ${family}     ${c.receivedDatagrams} received, ${c.sentDatagrams} sent, ${c.refusedDatagrams} for a port that nobody had`,
    )
  }
  return lines
}
