// `sockscope port 3000`: who has a port, how it came to be there, and who is connected.

import { planQuery } from '../../filter/plan.ts'
import { inRanges, parsePorts } from '../../filter/language/ports.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { PortRange } from '../../model/limits.ts'
import type { Socket } from '../../model/socket.ts'
import { endpointText } from '../../render/endpoint.ts'
import { listenersOf, type Listener } from '../../report/listeners.ts'
import { parents, processText, supervisorOf } from '../../render/process-text.ts'
import { safe, safeJson } from '../../render/text.ts'
import { microsText } from '../../render/units.ts'
import type { Source } from '../../source/source.ts'
import { exitCode, envelope, noteGaps } from '../gaps.ts'
import { withMachine } from '../machine.ts'
import { note, print, printLines } from '../output.ts'
import { UsageError } from '../problem.ts'
import type { ParsedArguments } from '../table.ts'

const maxClients = 10

/** Runs the command. */
export function run(args: ParsedArguments): Promise<number> {
  const ranges = portsOf(args.words, 'port')
  return withMachine(args, async source => {
    const snapshot = await source.takeSnapshot(planQuery({ filter: s => inRanges(s.local.port, ranges), details: ['options'] }))
    const listeners = listenersOf(snapshot)
    const clients = clientsOf(snapshot, listeners)
    if (args.has('json'))
      print(
        `${safeJson({ ...envelope(snapshot), ports: listeners.map(l => ({ ...l, clients: clients.get(l) })), sockets: snapshot.sockets, processes: [...snapshot.processes.values()] })}\n`,
      )
    else {
      for (const listener of listeners) printLines(describe(listener, snapshot, clients.get(listener)!).map(safe))
      const rest = snapshot.sockets.filter(s => !listeners.some(l => l.sockets.includes(s) || clients.get(l)!.includes(s)))
      printLines(rest.map(s => safe(restLine(s, snapshot))))
      if (snapshot.sockets.length === 0) note(`nobody has ${args.words.join(' ')}${await keptText(ranges, source)}`)
      noteGaps(snapshot)
    }
    return exitCode(
      snapshot,
      args,
      snapshot.sockets.some(s => s.ownerless !== 'time-wait'),
    )
  })
}

/** A port that nobody has can still be refused: on Linux to those without a privilege, on Windows to everybody, in ranges that it keeps. */
async function keptText(ranges: readonly PortRange[], source: Source): Promise<string> {
  const [range] = ranges
  if (source.replay || ranges.length !== 1 || range!.first !== range!.last || range!.first === 0) return ''
  const { isPortAvailable } = await import('../../ports/ports.ts')
  if (await isPortAvailable(range!.first)) return ''
  return ', but it cannot be bound: it needs a privilege, or the system keeps it (on Windows see netsh int ipv4 show excludedportrange tcp)'
}

/** The ports that the words name. */
export function portsOf(words: readonly string[], command: 'port' | 'kill'): readonly PortRange[] {
  if (words.length === 0) throw new UsageError(`which port? write sockscope ${command} :3000, or 80,443,8000-8100`)
  return parsePorts(words.map(w => w.replace(/^:/, '')).join(','))
}

/** The connections that came in by each listener. */
function clientsOf(snapshot: Snapshot, listeners: readonly Listener[]): Map<Listener, Socket[]> {
  const found = new Map<Listener, Socket[]>(listeners.map(l => [l, []]))
  for (const s of snapshot.sockets) {
    if (s.remote === undefined || s.state === 'TIME_WAIT') continue
    const same = listeners.filter(l => l.port === s.local.port && l.protocol === s.protocol)
    const mine = same.find(l => s.owners.some(o => l.pids.includes(o.pid))) ?? same[0]
    if (mine) found.get(mine)!.push(s)
  }
  return found
}

function describe(l: Listener, snapshot: Snapshot, clients: readonly Socket[]): string[] {
  const lines = [`${l.protocol} ${[...new Set(l.sockets.map(s => endpointText(s.local, s)))].join(' ')}  ${l.reach ?? ''}`]
  if (l.pids.length === 0) lines.push(`  held by     nobody that can be seen (${l.sockets[0]!.ownerless ?? 'unknown'})`)
  for (const pid of l.pids) lines.push(...describeProcess(pid, snapshot))
  if (l.backlogLimit !== undefined) lines.push(`  backlog     ${l.backlog ?? '?'} waiting, ${l.backlogLimit} allowed`)
  lines.push(`  connected   ${clients.length}`)
  for (const client of clients.slice(0, maxClients))
    lines.push(`              ${endpointText(client.remote, client)}  ${client.state ?? ''}`)
  if (clients.length > maxClients) lines.push(`              and ${clients.length - maxClients} more`)
  return lines
}

function describeProcess(pid: number, snapshot: Snapshot): string[] {
  const process = snapshot.processes.get(pid)
  const lines = [`  held by     ${processText(process, pid)}${process?.user === undefined ? '' : `, user ${process.user}`}`]
  if (process === undefined) return lines
  const add = (name: string, value: string | undefined): void => {
    if (value !== undefined && value !== '') lines.push(`  ${name.padEnd(11)} ${value}`)
  }
  add('exe', process.exe)
  add('command', process.command?.join(' '))
  add('running for', process.startedAtMs === undefined ? undefined : microsText(Math.max(0, snapshot.atMs - process.startedAtMs) * 1000))
  const above = parents(pid, snapshot.processes)
  add('started by', above.map(p => processText(p, p.pid)).join(' < '))
  add('container', process.container && `${process.container.runtime} ${process.container.name ?? process.container.id.slice(0, 12)}`)
  add('unit', process.unit)
  add('restarts by', supervisorOf(process, snapshot.processes)?.name)
  return lines
}

const restLine = (s: Socket, snapshot: Snapshot): string => {
  const owner = s.owners[0]
  const who = owner === undefined ? `(${s.ownerless ?? 'unknown'})` : processText(snapshot.processes.get(owner.pid), owner.pid)
  return `${s.protocol} ${endpointText(s.local, s)} to ${endpointText(s.remote, s)}  ${s.state ?? ''}  ${who}`
}
