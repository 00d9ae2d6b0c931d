// The plain values of a recording, by the shapes of the wire: JSON can have any form. A member that older recordings lack is optional here.

import type { Ability } from '../../model/ability.ts'
import type { ClosedReport, EventGap, OpenedReport, PeerEvidence, SourceEvent, UnrecordedReport, UsedReport } from '../../model/event.ts'
import type { Gap, GapCode } from '../../model/gap.ts'
import type { Interface, InterfaceCounters } from '../../model/interface.ts'
import type { ProcessUse } from '../../model/process.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { states, type Socket } from '../../model/socket.ts'
import { accuracy, gap, process, processUse, someProtocols, socket, tier, traffic } from '../../wire/nouns.ts'
import { documentLimits } from '../../wire/document.ts'
import {
  constant,
  count,
  extended,
  flag,
  growingWords,
  list,
  maybe,
  number,
  object,
  optional,
  tagged,
  text,
  words,
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
const opened = object<OpenedReport>({ ...moment, type: constant('opened'), socket })
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

/** Throws unless what was joined from plain answers is valid. */
export function checkSnapshot(snapshot: Snapshot, at: Place): void {
  at.within('atMs', number, snapshot.atMs)
  processes.read([...snapshot.processes.values()], at)
  for (const one of snapshot.sockets) {
    for (const { name, presence, shape } of joined) {
      const value = one[name as keyof Socket]
      if (value !== undefined || presence === 'required') at.within(name, shape, value)
    }
  }
}
