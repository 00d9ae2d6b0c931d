// Events on a recording: a reader whose batches are written along, and one that plays them.

import type { Plan } from '../../filter/plan.ts'
import { DecodeError, OsError } from '../../model/errors.ts'
import type { EventGap, SocketEvent, Tier } from '../../model/event.ts'
import type { Gap } from '../../model/gap.ts'
import { NotRecorded, type Tape } from '../tape.ts'
import { checkEvents } from './shape.ts'

const questions = { events: 'source events', reader: 'source event reader' }

/** What is read of the events of a machine. */
export interface EventReader {
  readonly tier: Tier
  /** What the tier reports of, as the platform says it. */
  readonly coverage: object
  /** So long it may be left alone before it loses events. */
  readonly maxIdleMs: number
  /** The next batch of what has happened; empty when all is taken. */
  drain(): readonly (SocketEvent | EventGap)[]
  close(): void
}

/** What a recording says of the reader whose events it holds. */
interface Description extends Pick<EventReader, 'tier' | 'coverage'> {
  /** Why there are none. */
  readonly gap?: Gap
}

/** A reader whose events are written to a tape. It has to report everything: a recording is played for any query. */
export async function recordedEvents(reader: EventReader, tape: Tape): Promise<EventReader> {
  await tape.value(questions.reader, (): Description => ({ tier: reader.tier, coverage: reader.coverage }))
  return {
    get tier() {
      return reader.tier
    },
    get coverage() {
      return reader.coverage
    },
    maxIdleMs: reader.maxIdleMs,
    drain: () => tape.append(questions.events, () => reader.drain()),
    close: () => reader.close(),
  }
}

/** As long as a timer can wait: nothing is lost that is on a tape. */
const anyTimeMs = 2 ** 31 - 1

/** The events of a tape, of the tables that a plan asks for. An older recording has none: a gap says so. */
export async function playedEvents(tape: Tape, plan: Plan): Promise<EventReader> {
  return new PlayedEvents(tape, plan, await description(tape))
}

class PlayedEvents implements EventReader {
  readonly tier: Tier
  readonly coverage: object
  readonly maxIdleMs = anyTimeMs
  readonly #tape: Tape
  readonly #plan: Plan
  /** When the last event happened that was played. */
  #lastMs = 0
  /** What is to be said first. */
  #gap: Gap | undefined

  constructor(tape: Tape, plan: Plan, { tier, coverage, gap }: Description) {
    this.tier = tier
    this.coverage = coverage
    this.#tape = tape
    this.#plan = plan
    this.#gap = gap
  }

  drain(): readonly (SocketEvent | EventGap)[] {
    const gap = this.#gap
    this.#gap = undefined
    if (gap) return [{ type: 'gap', atMs: this.#lastMs, gap }]
    // A batch of which nothing was asked for is not the end.
    for (;;) {
      const batch = this.#take()
      this.#lastMs = batch.at(-1)?.atMs ?? this.#lastMs
      const asked = batch.filter(event => this.#isAsked(event))
      if (asked.length > 0 || batch.length === 0) return asked
    }
  }

  close(): void {}

  #isAsked(event: SocketEvent | EventGap): boolean {
    if (event.type === 'gap') return true
    const { protocols, families } = this.#plan
    return protocols.includes(event.socket.protocol) && families.includes(event.socket.family)
  }

  #take(): readonly (SocketEvent | EventGap)[] {
    try {
      return checkEvents(this.#tape.append<unknown>(questions.events, () => []))
    } catch (error) {
      if (error instanceof DecodeError) throw error
      if (error instanceof OsError) return [{ type: 'gap', atMs: this.#lastMs, gap: lost(error) }]
      throw new DecodeError('recording', 0, 0, '', { text: 'an event makes no sense', cause: error })
    }
  }
}

/** Events that the recorder could not keep or get, from here to the next snapshot. */
const lost = (error: OsError): Gap => ({
  code: 'recording-incomplete',
  what: 'events',
  why: 'recording',
  text: `the recording misses events: ${error.message}`,
  help: '',
  count: undefined,
})

async function description(tape: Tape): Promise<Description> {
  try {
    const found = await tape.value<Partial<Description> | null>(questions.reader, () => null)
    if (typeof found?.tier === 'string' && typeof found.coverage === 'object' && found.coverage !== null) return found as Description
    throw new DecodeError('recording', 0, 0, '', { text: 'what it says of its events makes no sense' })
  } catch (error) {
    if (!(error instanceof NotRecorded)) throw error
    const gap: Gap = { ...error.report(), what: 'events', text: 'the recording holds no events', count: undefined }
    return { tier: 'snapshot', coverage: {}, gap }
  }
}
