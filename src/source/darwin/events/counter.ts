// Counts the bytes of sockets and flows, by the conversation with the kernel that a source keeps from snapshot to snapshot.

import { DecodeError, OsError } from '../../../model/errors.ts'
import type { Gap } from '../../../model/gap.ts'
import { yielding } from '../../yielding.ts'
import type { Tape } from '../../tape.ts'
import type { Calls } from '../kernel/calls.ts'
import type { Draft, Row } from '../decode/row.ts'
import { collect, flowRow, joinFlows } from './flows.ts'
import { converse, providerOf, readMessages, type Conversation, type Message } from './ntstat.ts'
import type { Requested } from '../decode/inet.ts'
import type { NstatCounts } from '../kernel/structs.ts'

/** A socket that closed, with the kernel's last word about it. */
export interface Closing {
  readonly socket: Draft
  readonly counts: NstatCounts
}

/** Makes the counter of a source. `closings` gets every socket that closes; without it they are not kept. */
export function flowCounter(tape: Tape, calls: Calls | undefined, closings?: Closing[]) {
  let conversation: Conversation | undefined
  /** The socket of each source, until the kernel says that it is gone. */
  const known = new Map<bigint, Draft>()

  function poll(): Iterable<Uint8Array> {
    if (calls === undefined) return []
    conversation ??= converse(calls)
    return conversation.poll()
  }

  function close(): void {
    conversation?.close()
    conversation = undefined
    known.clear() // The next conversation numbers its sources anew.
  }

  /** Gives sockets their counts. The answer is the flows that no table has, when tables are gated; otherwise those are merely younger than the tables. */
  async function count(rows: readonly Row[], requested: Requested, gated: boolean, gaps: Gap[]): Promise<Row[]> {
    const yieldToEventLoop = yielding()
    try {
      // The answer is taken in one go, so that two looks at a time do not get each other's.
      const answer: Uint8Array[] = []
      for (const datagram of tape.bytes('network statistics', poll)) answer.push(datagram.slice())
      const messages: Message[] = []
      for (const datagram of answer) {
        messages.push(...readMessages(datagram))
        await yieldToEventLoop()
      }
      const counts = collect(messages)
      for (const { context, code } of counts.refused) gaps.push(refused(providerOf(context) ?? 'sockets', code))
      if (!counts.whole && counts.refused.length === 0) gaps.push(bytesGap('lost', 'the kernel did not come to the end of its counts'))
      if (counts.silent > 0) gaps.push(silentGap(counts.silent))
      const { sockets, left } = await joinFlows(rows, counts.sources, requested, yieldToEventLoop)
      for (const c of counts.sources) {
        if (!c.closing) continue
        // It may be in the table still, or have been in the one before.
        const socket = sockets.get(c.reference) ?? known.get(c.reference) ?? flowRow(c, requested).socket
        closings?.push({ socket, counts: c.counts })
      }
      for (const [reference, socket] of sockets) if (closings !== undefined) known.set(reference, socket)
      for (const reference of counts.removed) known.delete(reference)
      return gated ? [...left] : []
    } catch (error) {
      close() // It starts anew with the next snapshot.
      if (error instanceof DecodeError) gaps.push(bytesGap('damaged', `the kernel's counts could not be read: ${error.message}`))
      else if (error instanceof OsError) gaps.push(refused('sockets', error.message))
      else throw error
      return []
    }
  }

  return { count, close }
}

const bytesGap = (why: Gap['why'], text: string): Gap => ({
  what: 'bytes',
  why,
  text: `${text}; bytes are those of the sockets' own counters, headers included`,
  help: why === 'lost' ? 'look again' : '',
  count: undefined,
})

const silentGap = (count: number): Gap => ({
  what: 'bytes',
  why: 'lost',
  text: `${count} sockets closed without their last counts: there were too many to hear of`,
  help: 'look more often',
  count,
})

const refused = (of: string, reason: string): Gap => ({
  ...bytesGap('kernel', `the kernel does not count the bytes of ${of}: ${reason}`),
  ...(/EPERM|EACCES/.test(reason) ? { why: 'permission' as const, help: 'run as root' } : {}),
})
