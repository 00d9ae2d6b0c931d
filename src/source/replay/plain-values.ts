// The plain values of a recording, by the shapes of the wire: JSON can have any form. A member that older recordings lack is optional here.

import type { Ability } from '../../model/ability.ts'
import type { ClosedReport, EventGap, OpenedReport, PeerEvidence, SourceEvent, UnrecordedReport, UsedReport } from '../../model/event.ts'
import type { Gap, GapCode } from '../../model/gap.ts'
import type { Interface, InterfaceCounters } from '../../model/interface.ts'
import { ProcessTable, type ProcessUse } from '../../model/process.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { states, type Socket } from '../../model/socket.ts'
import { accuracy, gap, process, processUse, queues, someProtocols, socket, tcp, tier, traffic } from '../../wire/nouns.ts'
import { documentLimits } from '../../wire/document.ts'
import {
  constant,
  count,
  extended,
  flag,
  growingWords,
  keyed,
  list,
  maybe,
  number,
  object,
  optional,
  scalar,
  table,
  tagged,
  text,
  words,
  type Maybe,
  type Optional,
  type Place,
  type Shape,
} from '../../wire/shape.ts'
import type { EventReader } from '../source.ts'

export const abilities = list(object<Ability>({ name: text(), works: flag, text: text(), help: text() }), documentLimits.few)

const interfaceCounters = object<InterfaceCounters>({
  inBytes: number,
  outBytes: number,
  inPackets: number,
  outPackets: number,
  inErrors: number,
  outErrors: number,
  inDrops: number,
  outDrops: number,
})
export const interfaces = list(
  object<Interface>({
    index: count,
    name: text(),
    up: flag,
    carrier: maybe(flag),
    loopback: flag,
    mtuBytes: maybe(number),
    bitsPerSecond: maybe(number),
    counters: maybe(interfaceCounters),
  }),
  documentLimits.rows,
)

/** A list of processes: pids are those of one moment, and are not compared. */
export const processes = list(process, documentLimits.processes)

const use: Shape<readonly [number, ProcessUse]> = {
  read(value, at) {
    if (!Array.isArray(value)) throw at.needs('a pid and what its process uses', value)
    return [at.within(0, count, value[0]), at.within(1, processUse, value[1])]
  },
  schema: definitions => ({ type: 'array', prefixItems: [count.schema(definitions), processUse.schema(definitions)] }),
}
/** The resources that processes use, by pid. */
export const uses = list(use, documentLimits.processes)

/** What a recording holds about the reader of its events. */
export type ReaderDescription = Pick<EventReader, 'tier' | 'opens' | 'ends' | 'everyEnd'>
export const readerDescription = object<ReaderDescription>({
  tier,
  opens: someProtocols,
  ends: someProtocols,
  everyEnd: someProtocols,
})

const anyGap = extended<Gap, { readonly code?: GapCode }>(gap, { code: optional(growingWords<GapCode>([])) })
const moment = { atMs: number, monotonicMs: optional(number), tier } as const
const peer = object<PeerEvidence>({
  other: optional(object<NonNullable<PeerEvidence['other']>>({ sentBytes: maybe(number), state: maybe(words(states)) })),
  remaining: optional(words(states)),
})
const opened = object<OpenedReport>({ ...moment, type: constant('opened'), socket, connected: optional(flag) })
const used = object<UsedReport>({ ...moment, type: constant('used'), socket, process: maybe(process) })
const closed = object<ClosedReport>({
  ...moment,
  type: constant('closed'),
  key: text(),
  socket: maybe(socket),
  traffic: optional(traffic),
  processes: optional(processes),
  inBytes: maybe(number),
  outBytes: maybe(number),
  accuracy: maybe(accuracy),
  finSent: optional(flag),
  peer: optional(peer),
})
const unrecorded = object<UnrecordedReport>({
  ...moment,
  type: constant('unrecorded'),
  socket,
  process: maybe(process),
  sockets: number,
  inBytes: number,
  outBytes: number,
})
const eventGap = object<EventGap>({ type: constant('gap'), atMs: number, gap: anyGap })

/** A batch of events. */
export const batch = list(
  tagged<SourceEvent | EventGap>('type', { opened, used, closed, unrecorded, gap: eventGap }),
  documentLimits.events,
)

/** A value that is null where the machine had none. */
const nullable = <T>(of: Shape<T>): Shape<T | null> => ({
  read: (value, at) => (value === null ? null : of.read(value, at)),
  schema: definitions => of.schema(definitions),
})

/** A list of fixed length, of which each element has a shape of its own. */
const tuple = (...of: readonly Shape<unknown>[]): Shape<readonly unknown[]> => ({
  read(value, at) {
    if (!Array.isArray(value) || value.length !== of.length) throw at.needs(`a list of ${of.length}`, value)
    return of.map((shape, i) => at.within(i, shape, value[i]))
  },
  schema: definitions => ({ type: 'array', prefixItems: of.map(shape => shape.schema(definitions)) }),
})

/** An object whose type is of a platform, and not visible from here. */
const members = (of: Readonly<Record<string, Shape<unknown> | Maybe<unknown> | Optional<unknown>>>): Shape<unknown> => object<object>(of)

const requestedNamespaces: Shape<unknown> = {
  read: (value, at) => (typeof value === 'string' ? words(['own', 'all']) : table(scalar, 10)).read(value, at),
  schema: () => ({}),
}

/** A list without duplicates. */
const distinct = (of: Shape<readonly unknown[]>): Shape<readonly unknown[]> => ({
  ...of,
  read(value, at) {
    const found = of.read(value, at)
    if (new Set(found).size < found.length) throw at.error('has duplicates')
    return found
  },
})

const many = documentLimits.sockets
/** The tables of more namespaces have more questions than a snapshot can. */
const maxNamespaces = 2500
const foundNamespace = object<{ inode: number; name: string | undefined; file: string; pid: number | undefined }>({
  inode: count,
  name: maybe(text()),
  file: text(),
  pid: maybe(count),
})
const counts = list(count, 3 * many)
const namespace = members({ inode: count, name: maybe(text()) })

const linuxValues: Readonly<Record<string, Shape<unknown>>> = {
  owners: members({
    triples: counts,
    hidden: count,
    exited: counts,
    asRoot: optional(flag),
    withCapabilities: optional(flag),
    elsewhere: optional(
      members({
        rings: counts,
        doubtful: counts,
        inFlight: count,
        unsure: optional(words(['ring names', 'ring busy', 'messages', 'limit'])),
      }),
    ),
    blind: maybe(words(['hidepid', 'pid-namespace', 'proc'])),
  }),
  processes,
  namespaces: members({
    wanted: requestedNamespaces,
    own: namespace,
    others: keyed(foundNamespace, 'inode', maxNamespaces),
    denied: count,
    hidden: count,
    includesOwn: flag,
    unread: optional(count),
    countsCookiesEach: optional(flag),
  }),
  'namespaces of sockets': members({ inodes: distinct(list(count, maxNamespaces)), skipped: count }),
  contexts: members({
    labels: flag,
    processes: list(tuple(count, text()), documentLimits.processes),
    sockets: list(tuple(text(), text()), many),
    hidden: tuple(count, count),
  }),
  'cgroup paths': list(nullable(text()), many),
  'interface speeds': list(nullable(number), documentLimits.rows),
  'own sockets': counts,
}

const windowsValues: Readonly<Record<string, Shape<unknown>>> = {
  processes: members({
    facts: list(
      members({
        pid: count,
        parentPid: count,
        name: text(),
        started: optional(text(32)),
        exe: optional(text()),
        sid: optional(text()),
        command: optional(text()),
        refused: optional(flag),
      }),
      documentLimits.processes,
    ),
    users: list(tuple(text(), text()), documentLimits.processes),
    services: list(tuple(count, list(text(), documentLimits.few)), documentLimits.processes),
    servicesError: optional(text()),
    servicesCode: optional(text()),
  }),
  modules: list(nullable(text()), many),
  statistics: members({
    known: list(tuple(text(), tcp, nullable(queues)), many),
    late: count,
    refused: table(count, documentLimits.few),
  }),
}

/** The shapes of the plain answers that a platform asks for itself. Whatever else macOS is asked is a number, a text or nothing. */
export function valueShape(platform: string, question: string): Shape<unknown> | undefined {
  if (question === 'clock') return number
  if (platform === 'linux') return linuxValues[question]
  if (platform === 'win32') return windowsValues[question]
  if (platform === 'darwin' && !/^(source |identity$)/.test(question)) return nullable(scalar)
  return undefined
}

/** The members of a socket that a source joins from plain answers; it decodes the others from bytes. */
const joinedNames: ReadonlySet<string> = new Set<keyof Socket>([
  'local',
  'remote',
  'owners',
  'ownerless',
  'uid',
  'inode',
  'interface',
  'namespace',
  'mark',
  'cgroup',
  'traffic',
])
const joined = socket.members.filter(({ name }) => joinedNames.has(name))

/** The snapshot with the known members of what was joined from plain answers. Throws unless that is valid. */
export function checkedSnapshot(snapshot: Snapshot, at: Place): Snapshot {
  at.within('atMs', number, snapshot.atMs)
  const table = new ProcessTable(processes.read([...snapshot.processes.values()], at).map(one => [one.pid, one]))
  for (const one of snapshot.sockets) {
    for (const { name, presence, shape } of joined) {
      const value = one[name as keyof Socket]
      if (value !== undefined || presence === 'required') at.within(name, shape, value)
    }
  }
  return { ...snapshot, processes: table }
}
