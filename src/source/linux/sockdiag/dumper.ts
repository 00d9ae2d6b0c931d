// One question to the kernel and its answers, until they are complete or a gap says why not. It knows netlink's ways to fail, not what a socket is.

import { viewOf } from '../../../bytes/text.ts'
import { DecodeError, OsError } from '../../../model/errors.ts'
import type { Gap } from '../../../model/gap.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import type { Tape } from '../../tape.ts'
import type { Draft } from '../decode/draft.ts'
import { eachMessage, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR } from '../kernel/netlink.ts'
import type { Calls, Place } from '../netns/network-namespace.ts'
import { withoutRepeats } from './repeats.ts'
import { makeRoom, type Room } from '../kernel/datagram-batch.ts'

const NETLINK_SOCK_DIAG = 4
const SOCK_DIAG_BY_FAMILY = 20
const NLMSG_NOOP = 1
/** A table that changed while the kernel walked it is asked for again so often. */
const retries = 2
/** More sockets than a table can hold on any machine of today; foreign bytes must not fill the memory. */
const maxSockets = 4_000_000
/** For the second try, when the kernel had no room for an answer. */
const largeBufferBytes = 8 * 1024 * 1024

/** One table to ask for. */
export interface DumpRequest {
  /** How the tape knows it. */
  readonly name: string
  /** How people know it. */
  readonly table: string
  readonly request: Uint8Array
  /** Reads one message. */
  readonly read: (view: DataView, at: number, end: number) => Draft | undefined
  /** Takes out of an answer what must not be recorded. */
  readonly secrets?: (answer: Uint8Array) => void
  /** The type of its answers, where that is not SOCK_DIAG_BY_FAMILY. */
  readonly answers?: number
  /** A single answer instead of a dump. */
  readonly single?: boolean
}

/** What came of a question. */
export interface Answer {
  readonly sockets: readonly Draft[]
  /** Why there are no sockets, or not all. */
  readonly failure: OsError | DecodeError | undefined
  /** The table changed while the kernel walked it, each time. */
  readonly interrupted: boolean
  readonly limited: boolean
}

/** Asks the kernel through netlink; `onLong` hears when the answer turns out to be a long one. */
export type Dumper = (place: Place, question: DumpRequest, onLong?: () => void) => Promise<Answer>

/** How a question is asked. */
interface Ways {
  /** With room for more answers that wait. */
  readonly large?: boolean
  readonly onLong?: (() => void) | undefined
}

/** The kernel makes no answer of a dump longer than this. */
const maxAnswer = 32 * 1024
/** So many answers come with one call: while they are read, the kernel makes as many more. */
const answersAtOnce = 16
/** Rooms that are kept from snapshot to snapshot. */
const maxRooms = 4
/** A question that kept the kernel busy for longer before its first answers is asked beside the event loop the next time. */
const slowNanos = 1_000_000n
const maxSlow = 256

/** Makes the asker of a source. It keeps room for answers. */
export function dumper(tape: Tape, calls: Calls): Dumper {
  const rooms: Room[] = []
  const slow = new Set<string>()
  const takeRoom = (): Room => rooms.pop() ?? makeRoom(calls!, answersAtOnce, maxAnswer)

  /** One request, and the answers as they come. The bytes are valid until the next one. */
  async function* exchange(place: Place, question: DumpRequest, ways: Ways, isDone: () => boolean): AsyncGenerator<Uint8Array> {
    const asked = `${place.prefix}${Buffer.from(question.request.subarray(0, 256)).toString('latin1')}`
    const isSlow = slow.has(asked)
    let room = takeRoom()
    const fd = place.open(NETLINK_SOCK_DIAG)
    let spare: Room | undefined
    let next: Promise<number> | undefined
    try {
      if (ways.large) calls!.growReceiveBuffer(fd, largeBufferBytes)
      const start = process.hrtime.bigint()
      if (isSlow) await calls!.sendBeside(fd, question.request)
      else calls!.send(fd, question.request)
      const { headers } = room
      let count = isSlow ? await calls!.receiveManyBeside(fd, headers, answersAtOnce) : calls!.receiveMany(fd, headers, answersAtOnce)
      if (process.hrtime.bigint() - start < slowNanos) slow.delete(asked)
      else if (slow.size < maxSlow) slow.add(asked)
      for (;;) {
        // The kernel makes each answer before it is asked for, so less than there is room for are the last.
        next = count < answersAtOnce ? undefined : calls!.receiveManyBeside(fd, (spare ??= takeRoom()).headers, answersAtOnce)
        next?.catch(() => undefined) // It is heard of below, or nobody wants it any more.
        if (next) ways.onLong?.()
        for (let i = 0; i < count; i++) yield recordable(room.datagram(i), question)
        if (isDone()) return
        if (next === undefined) return void (yield* late(fd, question, isDone))
        count = await next
        ;[room, spare] = [spare!, room]
      }
    } finally {
      await next?.catch(() => undefined) // Until then the kernel may write into the room.
      calls!.closeFd(fd)
      for (const free of [room, spare]) if (free && rooms.length < maxRooms) rooms.push(free)
    }
  }

  /** Waits for answers that should have been there. */
  function* late(fd: number, question: DumpRequest, isDone: () => boolean): Generator<Uint8Array> {
    const buffer = new Uint8Array(maxAnswer)
    calls!.limitWait(fd)
    while (!isDone()) yield recordable(buffer.subarray(0, calls!.receiveMessage(fd, buffer)), question)
  }

  /** Blanks what must not be recorded. An answer that is damaged is blanked as far as it can be read; that it is damaged, its reader says. */
  function recordable(answer: Uint8Array, { secrets }: DumpRequest): Uint8Array {
    if (!tape.recordsEverything || secrets === undefined) return answer
    try {
      secrets(answer)
    } catch (error) {
      if (!(error instanceof OsError || error instanceof DecodeError)) throw error
    }
    return answer
  }

  async function once(place: Place, question: DumpRequest, ways: Ways): Promise<Answer> {
    const sockets: Draft[] = []
    const starts: number[] = []
    let done = false
    let interrupted = false
    const { read, answers = SOCK_DIAG_BY_FAMILY } = question
    const take = (view: DataView, type: number, at: number, end: number, flags: number): void => {
      if ((flags & NLM_F_DUMP_INTR) !== 0) interrupted = true
      if (type === answers) {
        const socket = read(view, at, end)
        if (socket) sockets.push(socket)
        if (question.single) done = true
      } else if (type === NLMSG_DONE || type === NLMSG_ERROR) done = true
      else if (type !== NLMSG_NOOP) throw new DecodeError('type of a netlink message', answers, type, `at ${at}`)
    }
    try {
      for await (const bytes of tape.stream(place.prefix + question.name, () => exchange(place, question, ways, () => done))) {
        const view = viewOf(bytes)
        if (sockets.length > 0) starts.push(sockets.length)
        eachMessage(view, (type, at, end, flags) => take(view, type, at, end, flags))
        if (sockets.length > maxSockets) return { sockets, failure: undefined, interrupted, limited: true }
        const pause = yieldToEventLoop()
        if (pause) await pause
      }
      await yieldToEventLoop()
      const failure = done ? undefined : new DecodeError(`netlink dump of ${question.table}`, 1, 0, 'at its end')
      return { sockets: starts.length > 0 ? withoutRepeats(sockets, starts) : sockets, failure, interrupted, limited: false }
    } catch (error) {
      if (!(error instanceof OsError || error instanceof DecodeError)) throw error
      return { sockets, failure: error, interrupted, limited: false }
    }
  }

  return async (place, question, onLong) => {
    let answer = await once(place, question, { onLong })
    if (answer.failure instanceof OsError && answer.failure.code === 'ENOBUFS')
      answer = merge(answer, await once(place, question, { large: true }))
    for (let i = 0; i < retries && answer.interrupted && answer.failure === undefined; i++)
      answer = merge(answer, await once(place, question, {}))
    return answer
  }
}

/** A later answer that is complete stands for itself; otherwise each may hold what the other has missed. */
function merge(first: Answer, second: Answer): Answer {
  if (!second.interrupted && second.failure === undefined) return second
  const byKey = new Map(first.sockets.map(socket => [socket.key, socket]))
  for (const socket of second.sockets) byKey.set(socket.key, socket)
  return { ...second, sockets: [...byKey.values()], limited: first.limited || second.limited }
}

/** What an answer leaves unseen, in words. */
export function answerGaps(table: string, answer: Answer): Gap[] {
  const gaps: Gap[] = []
  const gap = (why: Gap['why'], text: string, help: string): void => void gaps.push({ what: 'sockets', why, text, help, count: undefined })
  const { failure } = answer
  const part = answer.sockets.length === 0 ? 'could not be listed' : 'was not listed to its end'
  if (failure instanceof DecodeError) gap('damaged', `the table of ${table} ${part}: ${failure.message}`, '')
  else if (failure?.code === 'ENOBUFS')
    gap('lost', `the kernel had no room for its answer, so sockets of ${table} are missing`, 'look again')
  else if (failure?.code === 'EMSGSIZE') gap('damaged', `the table of ${table} ${part}: an answer was cut short`, '')
  else if (failure) gap(isRefusal(failure) ? 'permission' : 'kernel', `the table of ${table} ${part}: ${failure.message}`, '')
  if (answer.interrupted) gap('interrupted', `the table of ${table} changed while the kernel listed it`, 'look again')
  if (answer.limited) gap('limit', `${table} has more than ${maxSockets} sockets, and the rest is left out`, '')
  return gaps
}

/** True for errors that mean: not for you. */
export const isRefusal = (error: OsError): boolean => error.code === 'EPERM' || error.code === 'EACCES'
