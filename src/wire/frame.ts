// Frames on the wire: complete, or as the differences from the frame that was sent before.

import type { Frame, StateChange } from '../model/frame.ts'
import type { Flow, Flows } from '../model/flow.ts'
import type { Process } from '../model/process.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Socket } from '../model/socket.ts'
import { isEqual, KeyedList } from './delta.ts'
import { documentLimits, parseDocument, writeDocument, type Parts } from './document.ts'
import { metaOf, schema, type Meta } from './envelope.ts'
import { enveloped, type Head } from './head.ts'
import {
  closedReference,
  coverage,
  flows,
  hostIdentity,
  interfaceFlows,
  ledger,
  process,
  processes,
  processUse,
  socket,
  socketEvent,
  socketReference,
  sockets,
  stateChange,
  systemCounters,
  systemLimits,
} from './nouns.ts'
import { count, list, maybe, number, object, optional, Place, words, type Definitions, type Members, type Shape } from './shape.ts'
import { socketHealth } from './reports.ts'
import { processTable, type SnapshotTables } from './snapshot.ts'

/** What a frame has besides its snapshot. */
type Rest = Omit<Frame, keyof Snapshot>

const rest: Members<Rest> = {
  sequence: count,
  intervalMs: maybe(number),
  opened: list(socketReference, documentLimits.sockets),
  closed: list(closedReference, documentLimits.sockets),
  changed: list(stateChange, documentLimits.sockets),
  events: list(socketEvent, documentLimits.events),
  flows: optional(flows),
  interfaces: optional(interfaceFlows),
  ledger: optional(ledger),
  health: optional(list(socketHealth, documentLimits.sockets)),
  use: optional(list(processUse, documentLimits.processes)),
  counters: optional(systemCounters),
  limits: optional(systemLimits),
  coverage,
  host: maybe(hostIdentity),
  skipped: count,
}
const restShape = object<Rest>(rest)

const socketList = new KeyedList(socket, 'key', documentLimits.sockets)
const processList = new KeyedList(process, 'pid', documentLimits.processes)

/** These descriptions are published; a decoder reads the tables first, because the rest refers to them. */
const headOf = { frame: enveloped('frame', {}), delta: enveloped('delta', {}) }
const tablesShape = object<SnapshotTables>({ sockets, processes })
const baseShape = object<{ readonly base: number }>({ base: count })
const asShape = <T extends object>(keyedList: KeyedList<T>): Shape<unknown> => ({
  read: value => value,
  schema: definitions => keyedList.schema(definitions),
})

/** A complete frame. */
export const frameShape = enveloped<'frame', SnapshotTables & Rest>('frame', { sockets, processes, ...rest } as unknown as Members<
  SnapshotTables & Rest
>)
/** The differences from the frame with the number `base`. */
export const deltaShape = {
  schema: (definitions: Definitions) =>
    enveloped('delta', { base: count, sockets: asShape(socketList), processes: asShape(processList), ...rest } as never).schema(
      definitions,
    ),
}

/** Writes the frames of one stream: the first one complete, each of the others as the differences from the one before. */
export class FrameEncoder {
  readonly #version: string
  readonly #host: string | undefined
  #before: Frame | undefined
  constructor(version: string, host: string | undefined) {
    this.#version = version
    this.#host = host
  }

  /** The next frame as a document, in parts. */
  write(frame: Frame): Parts {
    const before = this.#before
    this.#before = frame
    const meta = metaOf(frame, this.#version, this.#host)
    return writeDocument(before === undefined ? wholeOf(frame, meta) : deltaOf(before, frame, meta))
  }

  /** Makes the next frame complete, for a new reader. */
  restart(): void {
    this.#before = undefined
  }
}

type Document = Head<'frame' | 'delta'> & Readonly<Record<string, unknown>>

function wholeOf(frame: Frame, meta: Meta): Document {
  return { schema, kind: 'frame', meta, sockets: frame.sockets, processes: frame.processes, ...restOf(frame, []) }
}

function deltaOf(before: Frame, frame: Frame, meta: Meta): Document {
  return {
    schema,
    kind: 'delta',
    meta,
    base: before.sequence,
    sockets: socketList.diff(before.sockets, frame.sockets),
    processes: processList.diff([...before.processes.values()], [...frame.processes.values()]),
    ...restOf(frame, before.sockets),
  }
}

/** The rest of a frame; objects that are in its tables, or in those of the frame before, are references. */
function restOf(frame: Frame, before: readonly Socket[]): Readonly<Partial<Record<keyof Rest, unknown>>> {
  const [now, closed] = [new References(frame.sockets), new References(before)]
  const refer = (one: Socket, all: References): Socket | string => (all.has(one) ? one.key : one)
  const ownerOf = (one: Process | undefined): Process | number | undefined =>
    one !== undefined && isSame(frame.processes.get(one.pid), one) ? one.pid : one
  const flowOf = (row: Flow): object => ({ ...row, process: ownerOf(row.process), socket: row.socket && refer(row.socket, now) })
  const flowsOf = ({ intervalMs, total, unattributed, ...lists }: Flows): object => ({
    intervalMs,
    total: flowOf(total),
    unattributed: flowOf(unattributed),
    ...Object.fromEntries(Object.entries(lists).map(([name, rows]) => [name, rows.map(flowOf)])),
  })
  const changeOf = ({ socket: one, from }: StateChange): object => ({ socket: refer(one, now), from })
  return {
    ...Object.fromEntries((Object.keys(rest) as (keyof Rest)[]).map(name => [name, frame[name]])),
    opened: frame.opened.map(one => refer(one, now)),
    closed: frame.closed.map(one => refer(one, closed)),
    changed: frame.changed.map(changeOf),
    flows: frame.flows && flowsOf(frame.flows),
  }
}

/** Sockets that can be referred to. They are indexed at the first reference: most frames have none. */
class References {
  readonly #all: readonly Socket[]
  #index: ReadonlyMap<string | number, Socket> | undefined
  constructor(all: readonly Socket[]) {
    this.#all = all
  }

  has(one: Socket): boolean {
    this.#index ??= socketList.index(this.#all)
    return isSame(this.#index.get(one.key), one)
  }
}

const isSame = (before: unknown, one: unknown): boolean => before !== undefined && isEqual(before, one)

/** A frame that a peer sent, with its meta data. */
export interface ReceivedFrame {
  readonly meta: Meta
  readonly frame: Frame
}

/** Reads the frames of one stream. Invalid input is a DecodeError, and leaves the last frame unchanged. */
export class FrameDecoder {
  #last: Frame | undefined

  /** The next frame, from its text or its parsed value. */
  read(input: unknown): ReceivedFrame {
    const value = parseDocument(input, 'frame')
    const kind = new Place('frame').within('kind', words(['frame', 'delta']), value.kind)
    const received = kind === 'frame' ? readWhole(value) : this.#readDelta(value)
    this.#last = received.frame
    return received
  }

  #readDelta(value: Readonly<Record<string, unknown>>): ReceivedFrame {
    const at = new Place('delta')
    const { meta } = headOf.delta.read(value, at)
    const { base } = baseShape.read(value, at)
    const last = this.#last
    if (last === undefined) throw at.error('the frame before it is missing')
    if (base !== last.sequence)
      throw at.at('base', () => at.error(`follows frame ${base}, but the last one that arrived is ${last.sequence}`))
    const found = {
      sockets: at.at('sockets', () => socketList.apply(last.sockets, value.sockets, at)),
      processes: at.at('processes', () => processList.apply([...last.processes.values()], value.processes, at)),
    }
    return frameOf(meta, found, value, at, last.sockets)
  }
}

function readWhole(value: Readonly<Record<string, unknown>>): ReceivedFrame {
  const at = new Place('frame')
  const { meta } = headOf.frame.read(value, at)
  return frameOf(meta, tablesShape.read(value, at), value, at, [])
}

function frameOf(meta: Meta, tables: SnapshotTables, value: unknown, at: Place, before: readonly Socket[]): ReceivedFrame {
  const byPid = processTable(tables.processes)
  at.references.socket = () => socketList.index(tables.sockets)
  at.references.process = () => byPid
  at.references['closed socket'] = () => socketList.index(before)
  const { atMs, source, gaps } = meta
  const frame = { atMs, source, sockets: tables.sockets, processes: byPid, gaps, ...restShape.read(value, at) }
  return { meta, frame }
}
