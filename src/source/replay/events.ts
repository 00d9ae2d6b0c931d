// Events in a recording: a reader whose batches are recorded, and one that plays them.

import type { Plan } from '../../filter/plan.ts'
import { OsError } from '../../model/errors.ts'
import type { EventGap, SourceEvent, Tier } from '../../model/event.ts'
import type { Gap } from '../../model/gap.ts'
import type { Protocol } from '../../model/socket.ts'
import { Place } from '../../wire/shape.ts'
import type { EventReader } from '../source.ts'
import { gapOf } from '../gap.ts'
import { NotRecorded, type Tape } from '../tape.ts'
import type { Player } from './player.ts'
import { batch, readerDescription, type ReaderDescription } from './plain-values.ts'

const questions = { events: 'source events', reader: 'source event reader' }

/** A reader whose events are written to a tape. It has to report everything: a recording is played for any query. */
export class RecordedEvents implements EventReader {
  /** The reader of the machine itself. */
  readonly reader: EventReader
  readonly #tape: Tape
  constructor(reader: EventReader, tape: Tape) {
    this.reader = reader
    this.#tape = tape
  }

  get tier(): Tier {
    return this.reader.tier
  }

  get opens(): readonly Protocol[] {
    return this.reader.opens
  }

  get ends(): readonly Protocol[] {
    return this.reader.ends
  }

  get everyEnd(): readonly Protocol[] {
    return this.reader.everyEnd
  }

  get maxIdleMs(): number {
    return this.reader.maxIdleMs
  }

  get readUntilMs(): number {
    return this.reader.readUntilMs
  }

  drain(): readonly (SourceEvent | EventGap)[] {
    return this.#tape.append(questions.events, () => this.reader.drain())
  }

  close(): void {
    this.reader.close()
  }
}

/** Records the events of a reader on a tape. */
export async function recordedEvents(reader: EventReader, tape: Tape): Promise<RecordedEvents> {
  const { tier, opens, ends, everyEnd } = reader
  await tape.value(questions.reader, (): ReaderDescription => ({ tier, opens, ends, everyEnd }))
  return new RecordedEvents(reader, tape)
}

/** The longest delay of a timer: nothing on a tape is ever lost. */
const anyTimeMs = 2 ** 31 - 1

/** The events of a tape, for the tables of a plan. An older recording has none: a gap reports that. */
export async function playedEvents(tape: Player, plan: Plan): Promise<EventReader> {
  try {
    const described = readerDescription.read(await tape.value(questions.reader), new Place('recording: the reader of events'))
    return new PlayedEvents(tape, plan, described, undefined)
  } catch (error) {
    if (!(error instanceof NotRecorded)) throw error
    const gap: Gap = {
      ...error.report(),
      what: 'events',
      text: 'the recording holds no events',
      help: 'record again with sockscope events --record FILE',
      count: undefined,
    }
    return new PlayedEvents(tape, plan, { tier: 'snapshot', opens: [], ends: [], everyEnd: [] }, gap)
  }
}

class PlayedEvents implements EventReader {
  readonly tier: Tier
  readonly opens: readonly Protocol[]
  readonly ends: readonly Protocol[]
  readonly everyEnd: readonly Protocol[]
  readonly maxIdleMs = anyTimeMs
  readonly #tape: Player
  readonly #plan: Plan
  /** The time of the last event that was played. */
  #lastMs: number
  /** The number of the snapshot after which that one was recorded. */
  #eventsAt: number | undefined
  /** The gap to report first. */
  #gap: Gap | undefined

  constructor(tape: Player, plan: Plan, { tier, opens, ends, everyEnd }: ReaderDescription, gap: Gap | undefined) {
    this.tier = tier
    this.opens = opens
    this.ends = ends
    this.everyEnd = everyEnd
    this.#tape = tape
    this.#plan = plan
    this.#lastMs = tape.extent.startMs ?? 0
    this.#gap = gap
  }

  /** A recording holds the events that were read before the next snapshot: where it has any, the last of them is what they had been read up to. */
  get readUntilMs(): number {
    return this.#eventsAt === this.#tape.number ? this.#lastMs : Infinity
  }

  drain(): readonly (SourceEvent | EventGap)[] {
    const gap = this.#gap
    this.#gap = undefined
    if (gap) return [{ type: 'gap', atMs: this.#lastMs, gap }]
    // A batch without events for this plan is not the end.
    for (;;) {
      const batch = this.#take()
      const last = batch.at(-1)
      if (last !== undefined) {
        this.#lastMs = last.atMs
        this.#eventsAt = this.#tape.number
      }
      const requested = batch.filter(event => this.#isRequested(event))
      if (requested.length > 0 || batch.length === 0) return requested
    }
  }

  close(): void {}

  #isRequested(event: SourceEvent | EventGap): boolean {
    // An end with only a key is that of a socket that was reported or seen before.
    if (event.type === 'gap' || event.socket === undefined) return true
    const { protocols, families } = this.#plan
    return protocols.includes(event.socket.protocol) && families.includes(event.socket.family)
  }

  #take(): readonly (SourceEvent | EventGap)[] {
    try {
      return batch.read(this.#tape.append(questions.events), new Place(`recording at snapshot ${this.#tape.number}: events`))
    } catch (error) {
      if (error instanceof OsError) return [{ type: 'gap', atMs: this.#lastMs, gap: lost(error) }]
      throw error
    }
  }
}

/** Events that the recorder could not keep or read, from here to the next snapshot. */
const lost = (error: OsError): Gap => gapOf('recording-incomplete', 'events', 'recording', `the recording lacks events: ${error.message}`)
