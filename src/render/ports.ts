// Listeners, and the users of a port, as text.

import { ownerlessText } from '../model/ownerless.ts'
import { endpointText, namespaceText } from '../fields/endpoint.ts'
import type { Listener } from '../report/ports.ts'
import type { Holder, PortListener, PortReport } from '../report/port.ts'
import type { Reach } from '../report/reach.ts'
import { holdersText, processText } from '../fields/process-text.ts'
import type { TableColumn } from './table.ts'
import { safe } from './text.ts'
import { microsText } from '../fields/units.ts'

/** The maximum number of connections of a listener that are shown; the rest is counted. */
const maxClients = 10

const reachTexts: Readonly<Record<Reach, string>> = {
  localhost: 'localhost',
  'private-network': 'private network',
  'public-network': 'public network',
  'all-interfaces': 'all interfaces',
}
/** A reach in words; empty when it is not known. */
export const reachText = (reach: Reach | undefined): string => (reach === undefined ? '' : reachTexts[reach])

/** The columns of a table of listeners. */
const heads: readonly TableColumn[] = [
  { title: 'PORT', align: 'right' },
  { title: 'PROTO', align: 'left' },
  { title: 'ADDRESS', align: 'left', truncates: 'middle' },
  { title: 'BOUND TO', align: 'left' },
  { title: 'PID', align: 'right' },
  { title: 'PROCESS', align: 'left', truncates: true },
  { title: 'USER', align: 'left', truncates: true, dropPriority: 4 },
  { title: 'CONTAINER', align: 'left', truncates: true, dropPriority: 6 },
  { title: 'BACKLOG', align: 'right', dropPriority: 8 },
  { title: 'CONNECTED', align: 'right', dropPriority: 1 },
]

const namespaceHead: TableColumn = { title: 'NAMESPACE', align: 'left', truncates: true }

/** The columns of a table of listeners, with their network namespaces where all were requested. */
export const listenerHeads = (allNamespaces: boolean): readonly TableColumn[] => (allNamespaces ? [...heads, namespaceHead] : heads)

/** The cells of a listener. */
export function listenerCells(l: Listener, allNamespaces = false): string[] {
  const [pid] = l.pids
  const process = l.processes.find(p => p.pid === pid)
  const others = l.pids.length > 1 ? `+${l.pids.length - 1}` : ''
  return [
    String(l.port),
    l.protocol,
    [...new Set(l.sockets.map(s => endpointText(s.local, s).replace(/:[^:]*$/, '')))].join(' '),
    reachText(l.reach),
    pid === undefined ? '' : String(pid),
    pid === undefined ? ownerlessText(l.sockets[0]!.ownerless) : `${process?.name ?? '?'}${others}`,
    l.user ?? '',
    containerName(process?.container),
    l.backlog === undefined ? '' : `${l.backlog}/${l.backlogLimit ?? '?'}`,
    String(l.connected),
    ...(allNamespaces ? [namespaceText(l.sockets[0]!)] : []),
  ]
}

const containerName = (container: { readonly name: string | undefined; readonly id: string } | undefined): string =>
  container === undefined ? '' : (container.name ?? container.id.slice(0, 12))

/** Everything that uses a port, a paragraph for each listener. */
export function portLines({ ports, others, processes }: PortReport): string[] {
  const byPid = new Map(processes.map(p => [p.pid, p]))
  return [
    ...ports.flatMap(listenerLines),
    ...others.map(
      s =>
        `${s.protocol} ${endpointText(s.local, s)} to ${endpointText(s.remote, s)}  ${s.state ?? ''}  ${holdersText(s, byPid) || '(unknown)'}`,
    ),
  ].map(safe)
}

function listenerLines(l: PortListener): string[] {
  const { clients } = l
  const lines = [`${l.protocol} ${[...new Set(l.sockets.map(s => endpointText(s.local, s)))].join(' ')}  ${reachText(l.reach)}`]
  if (l.holders.length === 0) lines.push(field('held by', ownerlessText(l.sockets[0]!.ownerless)))
  lines.push(...l.holders.flatMap(holderLines))
  if (l.backlogLimit !== undefined) lines.push(field('backlog', `${l.backlog ?? '?'} of ${l.backlogLimit}`))
  lines.push(field('connected', String(clients.length)))
  for (const client of clients.slice(0, maxClients)) lines.push(field('', `${endpointText(client.remote, client)}  ${client.state ?? ''}`))
  if (clients.length > maxClients) lines.push(field('', `and ${clients.length - maxClients} more`))
  return lines
}

function holderLines({ pid, process, parents, supervisor, runningMs }: Holder): string[] {
  const user = process?.user === undefined ? '' : `, user ${process.user}`
  const { container } = process ?? {}
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['held by', `${processText(process, pid)}${user}`],
    ['exe', process?.exe],
    ['command', process?.command?.join(' ')],
    ['running for', runningMs === undefined ? undefined : microsText(runningMs * 1000)],
    ['started by', parents.map(p => processText(p, p.pid)).join(' < ')],
    ['container', container && `${container.runtime} ${containerName(container)}`],
    ['unit', process?.unit],
    ['restarted by', supervisor?.name],
  ]
  return rows.flatMap(([name, value]) => (value === undefined || value === '' ? [] : [field(name, value)]))
}

const field = (name: string, value: string): string => `  ${name.padEnd(12)} ${value}`
