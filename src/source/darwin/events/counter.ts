// Counts the bytes of sockets and flows, over one connection to the statistics control that a source keeps from snapshot to snapshot.

import { counted } from '../../../model/counted.ts'
import { DecodeError, OsError } from '../../../model/errors.ts'
import type { Gap } from '../../../model/gap.ts'
import { gapOf } from '../../gap.ts'
import type { Tape } from '../../tape.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import { collect, providerName, readMessages, type Counts, type Message } from '../decode/ntstat.ts'
import type { Requested } from '../decode/requested.ts'
import type { Draft, Row } from '../decode/row.ts'
import type { Calls } from '../kernel/calls.ts'
import { isRefused, runAsRoot } from '../kernel/errno.ts'
import type { NstatCounts } from '../kernel/structs.ts'
import { flowRow, joinFlows } from './flows.ts'
import { NtstatConn } from './ntstat.ts'

/** More closed sockets than this do not wait to be taken. */
const MAX_CLOSINGS = 100_000

/** A socket that closed, with the final counts that the kernel reported. */
export interface Closing {
  readonly socket: Draft
  readonly counts: NstatCounts
}

/** What closed since it was taken last. */
export interface Closings {
  readonly closings: readonly Closing[]
  /** How many sockets closed without final counts: the kernel had no buffer space for them, or they waited too long to be taken. */
  readonly lost: number
}

/** How a counter is made. */
export interface CounterOptions {
  /** Keep closed sockets for `take`. Without it they are dropped, and a gap reports those without final counts. */
  readonly keepsClosings?: boolean
}

/** The counter of a source. The first count or poll opens the connection; after an error the next one opens it anew. */
export class FlowCounter {
  readonly keepsClosings: boolean
  readonly #tape: Tape
  readonly #calls: Calls | undefined
  #conn: NtstatConn | undefined
  /** The socket of each source, until the kernel reports that it is gone. */
  readonly #sockets = new Map<bigint, Draft>()
  #closings: Closing[] = []
  #lost = 0

  constructor(tape: Tape, calls: Calls | undefined, { keepsClosings = false }: CounterOptions = {}) {
    this.#tape = tape
    this.#calls = calls
    this.keepsClosings = keepsClosings
  }

  /**
   * Gives sockets their counts. The answer is the flows that no table has, when tables are gated; otherwise those are only younger than the
   * tables.
   */
  async count(rows: readonly Row[], requested: Requested, gated: boolean, gaps: Gap[]): Promise<Row[]> {
    const counts = await this.#read(gaps)
    if (counts === undefined) return []
    const { sockets, left } = await joinFlows(rows, counts.sources, requested)
    this.#keep(counts, sockets, requested, gaps)
    return gated ? [...left] : []
  }

  /** Reads what closed, without a snapshot: a socket that no snapshot had is made of what the control has about it. */
  async poll(requested: Requested, gaps: Gap[]): Promise<void> {
    const counts = await this.#read(gaps)
    if (counts !== undefined) this.#keep(counts, new Map(), requested, gaps)
  }

  /** The control answers. */
  get isConnected(): boolean {
    return this.#conn !== undefined
  }

  /** What closed since this was called last. */
  take(): Closings {
    const taken = { closings: this.#closings, lost: this.#lost }
    this.#closings = []
    this.#lost = 0
    return taken
  }

  close(): void {
    this.#conn?.close()
    this.#conn = undefined
    this.#sockets.clear() // The next connection numbers its sources anew.
  }

  *#poll(): Generator<Uint8Array> {
    if (this.#calls === undefined) return
    this.#conn ??= new NtstatConn(this.#calls)
    yield* this.#conn.poll()
  }

  /** The counts that the kernel has now; undefined where they cannot be read. */
  async #read(gaps: Gap[]): Promise<Counts | undefined> {
    try {
      // The answer is taken in one go, so that two snapshots at a time do not get each other's.
      const answer: Uint8Array[] = []
      for (const datagram of this.#tape.bytes('network statistics', () => this.#poll())) answer.push(datagram.slice())
      const messages: Message[] = []
      for (const datagram of answer) {
        messages.push(...readMessages(datagram))
        await yieldToEventLoop()
      }
      const counts = collect(messages)
      for (const { context, code } of counts.refused) gaps.push(refused(providerName(context) ?? 'sockets', code, code))
      if (!counts.isComplete && counts.refused.length === 0) {
        gaps.push(sampled('lost', 'the kernel did not reach the end of its counts', 'take another snapshot'))
      }
      return counts
    } catch (error) {
      this.close()
      if (error instanceof DecodeError) gaps.push(sampled('damaged', `the counts of the kernel could not be read: ${error.message}`, ''))
      else if (error instanceof OsError) gaps.push(refused('sockets', error.code, error.message))
      else throw error
      return undefined
    }
  }

  /** Keeps what closed. `joined` are the sockets of the sources in this answer, as far as tables have them. */
  #keep(counts: Counts, joined: ReadonlyMap<bigint, Draft>, requested: Requested, gaps: Gap[]): void {
    if (!this.keepsClosings) {
      if (counts.lost > 0) gaps.push(closingsLost(counts.lost))
      return
    }
    this.#lost += counts.lost
    for (const c of counts.sources) {
      if (!c.closing) continue
      if (this.#closings.length >= MAX_CLOSINGS) {
        this.#lost++
        continue
      }
      // It may be in the table still, or have been in the one before.
      const socket = joined.get(c.reference) ?? this.#sockets.get(c.reference) ?? flowRow(c, requested).socket
      this.#closings.push({ socket, counts: c.counts })
    }
    for (const [reference, socket] of joined) this.#sockets.set(reference, socket)
    for (const reference of counts.removed) this.#sockets.delete(reference)
  }
}

/** Sockets that closed without final counts, as a gap. */
export const closingsLost = (count: number): Gap => {
  const text = `${counted(count, 'socket')} closed without final byte counts: there were too many at a time`
  return gapOf('bytes-lost', 'bytes', 'lost', text, { help: 'use a shorter interval', count })
}

const sampled = (why: Gap['why'], text: string, help: string): Gap =>
  gapOf('bytes-sampled', 'bytes', why, `${text}; the bytes shown are those of the sockets' own counters, headers included`, { help })

const refused = (of: string, code: string, reason: string): Gap => {
  const denied = isRefused(code)
  return sampled(denied ? 'permission' : 'kernel', `the kernel does not count the bytes of ${of}: ${reason}`, denied ? runAsRoot : '')
}
