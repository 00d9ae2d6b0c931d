// Ends of sockets as the network statistics control reports them, with final counts, also of a connection that no snapshot has held. Openings it
// does not report. Where the control is refused there are only snapshots, and a gap reports that.

import { planQuery } from '../../../filter/plan.ts'
import type { ClosedReport, EventGap, SourceEvent } from '../../../model/event.ts'
import type { Gap } from '../../../model/gap.ts'
import type { Protocol } from '../../../model/socket.ts'
import type { EventReader } from '../../source.ts'
import type { Tape } from '../../tape.ts'
import type { Requested } from '../decode/requested.ts'
import { exactTraffic } from '../decode/traffic.ts'
import type { Calls } from '../kernel/calls.ts'
import { SnapshotTaker } from '../snapshot.ts'
import { closingsLost, FlowCounter, type Closing } from './counter.ts'

const counted: readonly Protocol[] = ['tcp', 'udp']

/** Reads what closed. It has a connection to the control of its own, over which its snapshots are counted, too. */
export class DarwinEventReader implements EventReader {
  readonly maxIdleMs = 250
  readonly opens = []
  readonly everyEnd = []
  /** The snapshots of whoever reads the events: the counts of one connection are those of its ends. */
  readonly snapshots: SnapshotTaker
  readonly #counter: FlowCounter
  readonly #tape: Tape
  #requested: Requested | undefined
  #reading: Promise<void> | undefined
  #error: { readonly error: unknown } | undefined
  #gaps: Gap[] = []
  readonly #reported = new Set<string>()
  #isClosed = false
  #readUntilMs = 0
  /** When the last reading of the control began. */
  #pollMs = 0

  constructor(tape: Tape, calls: Calls, name: string) {
    this.#tape = tape
    this.#counter = new FlowCounter(tape, calls, { keepsClosings: true })
    this.snapshots = new SnapshotTaker(tape, calls, name, this.#counter)
  }

  /** Opens the connection to the control: what closes from now on is reported. */
  async start(): Promise<void> {
    this.#requested = await this.snapshots.requested(planQuery({ details: ['bytes'] }))
    await this.#counter.poll(this.#requested, this.#gaps)
  }

  get tier() {
    return this.ends.length > 0 ? 'destroy' : 'snapshot'
  }

  get ends(): readonly Protocol[] {
    return this.#counter.isConnected ? counted : []
  }

  get readUntilMs(): number {
    return this.#readUntilMs
  }

  drain(): readonly (SourceEvent | EventGap)[] {
    if (this.#error !== undefined) throw this.#error.error
    const { closings, lost } = this.#counter.take()
    const atMs = Date.now()
    // While it is recorded, the control is read with each snapshot.
    this.#readUntilMs = this.#tape.recordsEverything ? atMs : this.#pollMs
    const events: (SourceEvent | EventGap)[] = closings.map(closing => closedReport(closing, atMs))
    if (lost > 0) events.push({ type: 'gap', atMs, gap: closingsLost(lost) })
    for (const gap of this.#gaps.splice(0)) {
      // Each gap once: a watch that lasts for days must not repeat it four times a second.
      const identity = `${gap.code} ${gap.what} ${gap.why}`
      if (this.#reported.has(identity)) continue
      this.#reported.add(identity)
      events.push({ type: 'gap', atMs, gap })
    }
    // A recording has one answer of the control for each snapshot.
    if (events.length === 0 && !this.#tape.recordsEverything) this.#read()
    return events
  }

  close(): void {
    this.#isClosed = true
    this.#counter.close()
  }

  /** Reads the control beside the event loop; what it finds is taken with the next call of `drain`. */
  #read(): void {
    if (this.#reading !== undefined || this.#isClosed) return
    const fromMs = Date.now()
    this.#reading = this.#counter
      .poll(this.#requested!, this.#gaps)
      .then(() => {
        this.#pollMs = fromMs
      })
      .catch((error: unknown) => {
        this.#error = { error }
      })
      .finally(() => {
        this.#reading = undefined
        if (this.#isClosed) this.#counter.close()
      })
  }
}

function closedReport({ socket, counts }: Closing, atMs: number): ClosedReport {
  const traffic = exactTraffic(counts)
  return {
    type: 'closed',
    atMs,
    tier: 'destroy',
    key: socket.key,
    socket: { ...socket, traffic },
    traffic,
    inBytes: traffic.inBytes,
    outBytes: traffic.outBytes,
    accuracy: 'exact',
  }
}
