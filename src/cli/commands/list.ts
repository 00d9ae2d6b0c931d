// `sockscope list`: sockets as a table, JSON, CSV or lines of a template.

import type { FieldContext, Need } from '../../fields/field.ts'
import { detailsOf } from '../../filter/needs.ts'
import type { Query } from '../../filter/plan.ts'
import type { DetailName } from '../../model/details.ts'
import type { Frame } from '../../model/frame.ts'
import { payload } from '../../model/payload.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { Socket } from '../../model/socket.ts'
import type { Column } from '../../render/columns.ts'
import { parseOrder } from '../../render/order.ts'
import { serviceNames } from '../../names/services.ts'
import type { Names } from '../../fields/endpoint.ts'
import { lineTime, type LineTime } from '../../wire/envelope.ts'
import { exitCode, NewGaps, noteGaps } from '../gaps.ts'
import { exitCodeAfter, onInterrupt } from '../interrupt.ts'
import { writerOf } from '../list-forms.ts'
import { withMachine } from '../machine.ts'
import { print, redraws } from '../output.ts'
import { count, duration } from '../parse.ts'
import { exits, UsageError } from '../problem.ts'
import type { Selection } from '../select.ts'
import type { ParsedArguments } from '../table.ts'
import { requestedBy } from '../wanted.ts'

/** Options of ss that are commands of sockscope. */
const otherCommands = [
  ['events', 'sockscope events [FILTER]'],
  ['kill', 'sockscope close FILTER'],
  ['diag', 'sockscope --record FILE'],
] as const

/** Runs the command. */
export async function run(args: ParsedArguments): Promise<number> {
  if (args.has('summary')) return (await import('./stats.ts')).run(args)
  for (const [name, instead] of otherCommands) if (args.has(name)) throw new UsageError(`--${name}: use ${instead}`)
  const every = duration(args, 'every')
  const { query, needs, show } = prepare(args)
  const signal = every === undefined ? undefined : onInterrupt()
  return withMachine(args, async machine => {
    if (every === undefined) return show(await machine.snapshot(query))
    let code: number = exits.nothing
    for await (const frame of machine.watch({ ...query, every, signal, flows: needs.has('rate') })) {
      if (redraws() && !args.has('ndjson') && !args.has('json')) print('\u001b[H\u001b[2J')
      code = await show(frame, ratesOf(frame), lineTime(frame.atMs, frame.sequence))
    }
    return exitCodeAfter(signal!, code)
  })
}

/** The traffic of each socket in the interval of a frame; a socket that is not in its flows has moved nothing. */
function ratesOf({ flows }: Frame): Pick<FieldContext, 'rate'> {
  if (flows === undefined) return {}
  const moved = new Map(flows.sockets.map(flow => [flow.key, { in: flow.inBytesPerSecond, out: flow.outBytesPerSecond }]))
  return { rate: socket => moved.get(socket.key) ?? (payload(socket) === undefined ? undefined : { in: 0, out: 0 }) }
}

/** What a command line selects, and how it is shown. */
export interface Listing {
  readonly query: Query
  /** The needs of its columns, sort keys, template or groups. */
  readonly needs: ReadonlySet<Need>
  /** Writes a snapshot, or one of many with its time; returns the exit code. */
  readonly show: (snapshot: Snapshot, context?: Pick<FieldContext, 'rate'>, time?: LineTime) => Promise<number>
}

/** Reads a command line. Every mistake in it is found here, before any socket is listed. */
export function prepare(args: ParsedArguments): Listing {
  const order = parseOrder(args.values('sort'))
  const writer = writerOf(args)
  const limit = count(args, 'limit')
  const needs = new Set([...order.columns, ...writer.columns].flatMap(column => column.needs))
  checkWatched([...order.columns, ...writer.columns], args)
  const { query, test } = queryOf(args, needs)
  const newGaps = new NewGaps()
  const show: Listing['show'] = async (all, watched, time) => {
    const snapshot = test ? { ...all, sockets: all.sockets.filter(test) } : all
    const names = args.has('resolve') && !args.has('numeric') ? await namesOf(snapshot.sockets) : undefined
    const context = { ...watched, processes: snapshot.processes, names }
    writer.write({ ...snapshot, sockets: order.sort(snapshot.sockets, context).slice(0, limit) }, context, time)
    if (!args.has('json')) noteGaps(newGaps.of(snapshot.gaps))
    return exitCode(snapshot, args, snapshot.sockets.length > 0)
  }
  return { query, needs, show }
}

/** Columns that follow from more than one snapshot cannot be shown for one. */
function checkWatched(columns: readonly Column[], args: ParsedArguments): void {
  for (const { name, needs } of columns) {
    if (needs.includes('age'))
      throw new UsageError(`${name}: works only in filters while watching, such as sockscope watch '${name} < 10s'`)
    if (needs.includes('rate') && !args.has('every'))
      throw new UsageError(`${name}: requires two snapshots; add --every 1s (the delivery rate of TCP is called delivery)`)
  }
}

/** The query for the source: from letters, filter, and the needs of the columns, sort keys, template or groups. */
function queryOf(args: ParsedArguments, needs: ReadonlySet<Need>): { readonly query: Query; readonly test: Selection['test'] } {
  const { query, test } = requestedBy(args)
  const details = new Set<DetailName>(detailsOf(needs))
  for (const [name, options] of letterDetails) if (options.some(option => args.has(option))) details.add(name)
  const asksOwners = needs.has('owners') || ['json', 'ndjson', 'processes'].some(option => args.has(option))
  return { query: { ...query, owners: asksOwners && !args.has('no-owners'), details: [...details] }, test }
}

/** The letters of ss that select details. */
const letterDetails: readonly (readonly [DetailName, readonly string[]])[] = [
  ['tcp', ['info']],
  ['memory', ['memory']],
  ['options', ['info', 'extended', 'tos', 'inet-sockopt', 'options']],
  ['cgroup', ['cgroup', 'extended']],
  ['context', ['context', 'contexts']],
  ['socketContext', ['contexts']],
]

async function namesOf(sockets: readonly Socket[]): Promise<Names> {
  // Loaded only here, because it loads Node's resolver.
  const { hostNames } = await import('../../names/hosts.ts')
  const ends = sockets.flatMap(s => [s.local, s.remote])
  const hosts = await hostNames(ends.map(end => end?.address).filter(address => address !== undefined))
  const services = serviceNames()
  return { host: address => hosts.get(address), service: (port, protocol) => services.get(`${port}/${protocol}`) }
}
