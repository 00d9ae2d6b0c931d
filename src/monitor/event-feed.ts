// The events of a source between snapshots: its reader, how often that is read, and what was read beyond the moment of a snapshot.

import type { Plan } from '../filter/plan.ts'
import type { Coverage, EventGap, SourceEvent } from '../model/event.ts'
import type { EventReader, Source } from '../source/source.ts'

/** The interval of reading while events arrive; while none do, it grows up to the time that the source can hold them. */
const pollMs = 10
/** The maximum number of batches between two turns of the event loop. */
const maxBatches = 64

/** The receiver of what was read. */
export interface EventReceiver {
  /** It takes more events now; otherwise they wait in the kernel, which counts those that it drops. */
  takesEvents(): boolean
  addReport(report: SourceEvent): void
  addGap(gap: EventGap): void
}

/** Reads the events of one source. */
export class EventFeed {
  readonly #source: Source
  readonly #receiver: EventReceiver
  #reader: EventReader | undefined
  /** What the reader was opened for. */
  #scope = ''
  /** Reports of what happened after the last snapshot: they belong to the next interval. */
  #later: SourceEvent[] = []
  #idleMs = pollMs
  #lastReadMs = 0

  constructor(source: Source, receiver: EventReceiver) {
    this.#source = source
    this.#receiver = receiver
  }

  /** The open reader; undefined when no subscriber needs events, or the source has none. */
  get reader(): EventReader | undefined {
    return this.#reader
  }

  /** Every event up to this moment has been passed on. */
  get readUntilMs(): number {
    const readMs = this.#reader?.readUntilMs ?? Infinity
    return this.#later.reduce((min, report) => Math.min(min, report.atMs), readMs)
  }

  get coverage(): Omit<Coverage, 'lost'> {
    const { tier = 'snapshot', opens = [], ends = [] } = this.#reader ?? {}
    return { tier, opens, ends }
  }

  /** Opens the reader that a plan needs, unless it is open. */
  async open(plan: Plan): Promise<void> {
    const scope = JSON.stringify([plan.namespaces, plan.protocols.toSorted()])
    if (this.#scope !== scope) this.close()
    if (this.#reader !== undefined || this.#source.openEvents === undefined) return
    this.#reader = await this.#source.openEvents(plan)
    this.#scope = scope
    this.#idleMs = pollMs
  }

  close(): void {
    this.#reader?.close()
    this.#reader = undefined
  }

  /** Drops what was read for the next interval, as after a jump in time. */
  restart(): void {
    this.#later = []
  }

  /** Reads events up to a moment. True when some were read: then more may be there, and the next call goes on. */
  read(untilMs: number): boolean {
    const later = this.#later
    this.#later = []
    for (const report of later) this.#take(report, untilMs)
    const reader = this.#reader
    if (reader === undefined) return false
    for (let batch = 0; batch < maxBatches && this.#receiver.takesEvents(); batch++) {
      const reports = reader.drain()
      this.#lastReadMs = performance.now()
      if (reports.length === 0) return batch > 0 && this.#later.length === 0
      for (const report of reports) {
        if (report.type === 'gap') this.#receiver.addGap(report)
        else this.#take(report, untilMs)
      }
      if (this.#later.length > 0) return false // It has been read beyond that moment.
    }
    return this.#receiver.takesEvents()
  }

  /** When to read again, after a reading that found events or none. */
  nextReadMs(hadEvents: boolean): number {
    if (this.#reader === undefined || !this.#receiver.takesEvents()) return Infinity
    this.#idleMs = hadEvents ? pollMs : Math.min(this.#idleMs * 2, this.#reader.maxIdleMs)
    return this.#lastReadMs + this.#idleMs
  }

  #take(report: SourceEvent, untilMs: number): void {
    if (report.atMs > untilMs) this.#later.push(report)
    else this.#receiver.addReport(report)
  }
}
