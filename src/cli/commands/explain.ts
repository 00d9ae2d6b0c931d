// `sockscope explain`: for each connection, process or peer the verdict with its evidence.

import type { Judged } from '../../measure/health/collect.ts'
import { summarize, type Summary } from '../../measure/health/summary.ts'
import { endpointText } from '../../render/endpoint.ts'
import { processText } from '../../render/process-text.ts'
import { safe, safeJson } from '../../render/text.ts'
import { bytesText, microsText, percentText } from '../../render/units.ts'
import type { Explanation } from '../../machine/explain.ts'
import { Machine } from '../../machine/machine.ts'
import { exitCode, envelope, noteGaps } from '../gaps.ts'
import { onInterrupt } from '../interrupt.ts'
import { withMachine } from '../machine.ts'
import { colour, isTerminal, note, print, printLines } from '../output.ts'
import { duration } from '../parse.ts'
import { exits } from '../problem.ts'
import { namespacesOf } from '../select.ts'
import type { ParsedArguments } from '../table.ts'
import { wordsOf } from '../wanted.ts'

/** Runs the command. */
export function run(args: ParsedArguments): Promise<number> {
  const { states, filter } = wordsOf(args)
  const forMs = args.has('for') ? duration('--for', args.value('for')!) : 5000
  const by = args.value('by') ?? 'connection'
  const query = { namespaces: namespacesOf(args)!, ...(states && { states }), ...(filter !== undefined && { filter }) }
  const signal = onInterrupt()
  return withMachine(args, async source => {
    if (isTerminal() && !args.has('json')) note(`watching for ${microsText(forMs * 1000)} …`)
    const explained = await new Machine(source).explain({ ...query, for: forMs, signal })
    const { frame, connections } = explained
    if (frame === undefined) return signal.aborted ? exits.interrupted : exits.nothing
    const parts = by === 'connection' ? undefined : groups(explained, by)
    if (args.has('json')) print(`${safeJson(document(explained, by, parts))}\n`)
    else {
      printLines(parts === undefined ? connectionLines(explained) : parts.flatMap(groupLines))
      if (explained.unjudged > 0)
        note(`${explained.unjudged === 1 ? '1 connection was' : `${explained.unjudged} connections were`} too short to judge`)
      noteGaps(frame)
    }
    return signal.aborted ? exits.interrupted : exitCode(frame, args, connections.length > 0)
  })
}

/** Trouble first, then what moves most. */
function ordered(connections: readonly Judged[]): readonly Judged[] {
  const moved = ({ health }: Judged): number => (health.sentBytes ?? 0) + (health.receivedBytes ?? 0)
  return [...connections].sort((a, b) => Number(b.health.verdict.trouble) - Number(a.health.verdict.trouble) || moved(b) - moved(a))
}

function* connectionLines({ connections, processes }: Explanation): Generator<string> {
  for (const { socket, health, closed } of ordered(connections)) {
    const who = [...new Set(socket.owners.map(o => o.pid))].map(pid => processText(processes.get(pid), pid)).join(', ')
    const why = socket.ownerless === undefined ? '' : `(${socket.ownerless})`
    const head = `${endpointText(socket.local, socket)} to ${endpointText(socket.remote, socket)}  ${who || why}`.trimEnd()
    yield safe(`${head}${closed ? ', closed by now' : ''}`)
    const { verdict } = health
    yield `  ${colour(verdict.trouble ? 'red' : 'green', verdict.text)}`
    for (const line of verdict.evidence) yield `    ${line}`
    if (verdict.help !== '') yield `    ${verdict.help}`
  }
}

/** Connections that have something in common: a process, or the address of the other end. */
interface Part {
  readonly name: string
  readonly pid?: number
  readonly address?: string
  readonly summary: Summary
}

function groups({ connections, processes }: Explanation, by: string): Part[] {
  const found = new Map<string, { part: Omit<Part, 'summary'>; members: Judged[] }>()
  for (const one of connections) {
    for (const part of by === 'peer' ? [peerOf(one)] : holdersOf(one, processes)) {
      const group = found.get(part.name)
      if (group) group.members.push(one)
      else found.set(part.name, { part, members: [one] })
    }
  }
  return [...found.values()]
    .map(({ part, members }) => ({ ...part, summary: summarize(members.map(one => one.health)) }))
    .sort((a, b) => b.summary.troubled - a.summary.troubled || b.summary.connections - a.summary.connections)
}

/** An IPv4 peer is the same one, also where an IPv6 socket talks to it. */
function peerOf({ socket }: Judged): Omit<Part, 'summary'> {
  const address = socket.remote?.address?.replace(/^::ffff:(?=[\d.]+$)/, '')
  return address === undefined ? { name: '*' } : { name: address, address }
}

/** A socket that two processes hold counts for each of them. */
function holdersOf({ socket }: Judged, processes: Explanation['processes']): Omit<Part, 'summary'>[] {
  const pids = [...new Set(socket.owners.map(o => o.pid))]
  return pids.length > 0
    ? pids.map(pid => ({ name: processText(processes.get(pid), pid), pid }))
    : [{ name: `(${socket.ownerless ?? 'unknown'})` }]
}

function groupLines({ name, summary }: Part): string[] {
  const lines = [safe(name), `  ${colour(summary.troubled > 0 ? 'red' : 'green', summary.text)}`]
  const { sentBytes, receivedBytes, retransmittedShare, rttMicros, queueDelayMicros, worst } = summary
  const again = retransmittedShare === undefined ? '' : `, ${percentText(retransmittedShare)} of it again`
  if (sentBytes || receivedBytes) lines.push(`    sent ${bytesText(sentBytes ?? 0)}${again}, received ${bytesText(receivedBytes ?? 0)}`)
  const spread = (what: string, p: Summary['rttMicros']): void => {
    if (p) lines.push(`    ${what}: half below ${microsText(p.p50)}, 90 % below ${microsText(p.p90)}, highest ${microsText(p.max)}`)
  }
  spread('round trip', rttMicros)
  spread('queue', queueDelayMicros)
  if (worst?.trouble) lines.push(`    the worst: ${worst.text}`, ...(worst.help === '' ? [] : [`    ${worst.help}`]))
  return lines
}

function document({ connections, frame, processes, unjudged }: Explanation, by: string, parts: readonly Part[] | undefined): object {
  const holders = new Set(connections.flatMap(one => one.socket.owners.map(o => o.pid)))
  const rest = { unjudged, processes: [...processes.values()].filter(p => holders.has(p.pid)) }
  if (parts === undefined) return { ...envelope(frame!), connections: ordered(connections), ...rest }
  return { ...envelope(frame!), by, groups: parts, ...rest }
}
