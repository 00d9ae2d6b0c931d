// One request to the kernel and its answer, until it is complete or a failure says why not. The failures of netlink are handled here; what a socket is, is not.

import { viewOf } from '../../../bytes/text.ts'
import { DecodeError, OsError } from '../../../model/errors.ts'
import type { Gap, GapCode } from '../../../model/gap.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import { recordingLack, type Tape } from '../../tape.ts'
import type { Draft } from '../decode/draft.ts'
import { gapOf } from '../../gap.ts'
import { NetlinkConnection } from '../kernel/connection.ts'
import type { OwnSockets } from '../kernel/own-sockets.ts'
import { DatagramBatch } from '../kernel/datagram-batch.ts'
import { eachMessage, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP, SOCK_DIAG_BY_FAMILY } from '../kernel/netlink.ts'
import { isRefusal } from '../kernel/files.ts'
import { nlmsghdr } from '../kernel/structs.ts'
import type { Calls, NetworkNamespace } from '../netns/network-namespace.ts'
import { withoutRepeats } from './repeats.ts'

const NETLINK_SOCK_DIAG = 4
/** A table that changed while the kernel walked it is dumped again so often. */
const retries = 2
/** More sockets than a table can hold on any machine of today; foreign bytes must not fill the memory. */
const maxSockets = 4_000_000
/** For the second try, when the kernel had no room for an answer. */
const largeBufferBytes = 8 * 1024 * 1024

/** One table to dump, or one socket to look up. */
export interface DumpRequest {
  /** The question on the tape. */
  readonly name: string
  /** The table, for messages. */
  readonly table: string
  /** The netlink message. */
  readonly bytes: Uint8Array
  /** Reads one message of the answer. */
  readonly read: (view: DataView, at: number, end: number) => Draft | undefined
  /** Takes out of an answer what must not be recorded. */
  readonly secrets?: (answer: Uint8Array) => void
  /** The type of the messages in the answer, where that is not SOCK_DIAG_BY_FAMILY. */
  readonly replyType?: number
  /** The answer is a single message instead of a dump. */
  readonly single?: boolean
}

/** What came of a request. */
export interface Dump {
  readonly sockets: readonly Draft[]
  /** Why there are no sockets, or not all. */
  readonly failure: OsError | DecodeError | undefined
  /** The table changed while the kernel walked it, each time. */
  readonly interrupted: boolean
  readonly limited: boolean
}

/** Options of one request. */
interface DumpOptions {
  /** With a larger buffer for answers that wait in the kernel. */
  readonly large?: boolean
  /** Called when the answer turns out to be long. */
  readonly onLong?: (() => void) | undefined
}

/** The kernel makes no datagram of a dump longer than this. */
const maxDatagram = 32 * 1024
/** So many datagrams come with one call: while they are read, the kernel makes as many more. */
const datagramsAtOnce = 16
/** Batches that are kept from snapshot to snapshot. */
const maxBatches = 4
/** A request that kept the kernel busy for longer before its first answers is sent beside the event loop the next time. */
const slowNanos = 1_000_000n
const maxSlow = 256

/** Makes the requests of a source. */
export class Dumper {
  readonly #tape: Tape
  readonly #calls: Calls
  readonly #own: OwnSockets
  /** Batches that no request uses now. */
  readonly #batches: DatagramBatch[] = []
  /** Requests that were slow. */
  readonly #slow = new Set<string>()

  /** Asks the kernel through these calls, or the tape where they are undefined. The sockets that it opens are remembered in `own`. */
  constructor(tape: Tape, calls: Calls, own: OwnSockets) {
    this.#tape = tape
    this.#calls = calls
    this.#own = own
  }

  /** Makes a request in a network namespace; again, when the kernel had no room or the table changed. */
  async dump(netns: NetworkNamespace, request: DumpRequest, onLong?: () => void): Promise<Dump> {
    let dump = await this.#once(netns, request, { onLong })
    if (dump.failure instanceof OsError && dump.failure.code === 'ENOBUFS')
      dump = merge(dump, await this.#once(netns, request, { large: true }))
    for (let i = 0; i < retries && dump.interrupted && dump.failure === undefined; i++)
      dump = merge(dump, await this.#once(netns, request, {}))
    return dump
  }

  async #once(netns: NetworkNamespace, request: DumpRequest, options: DumpOptions): Promise<Dump> {
    const incoming = new IncomingDump(request)
    try {
      const datagrams = this.#tape.stream(netns.prefix + request.name, () => this.#transact(netns, request, options, () => incoming.isDone))
      for await (const datagram of datagrams) {
        if (datagram.length > maxDatagram) throw new DecodeError('netlink datagram', maxDatagram, datagram.length, `of ${request.table}`)
        const before = incoming.sockets.length
        incoming.take(datagram)
        this.#tape.decoded(incoming.sockets.length - before)
        if (incoming.sockets.length > maxSockets) return incoming.result(undefined, true)
        const pause = yieldToEventLoop()
        if (pause) await pause
      }
      await yieldToEventLoop()
      return incoming.result(incoming.isDone ? undefined : new DecodeError(`netlink dump of ${request.table}`, 1, 0, 'at its end'))
    } catch (error) {
      if (!(error instanceof OsError || error instanceof DecodeError)) throw error
      return incoming.result(error)
    }
  }

  /** Sends one request, and passes on the datagrams of the answer as they come. The bytes are valid until the next one. */
  async *#transact(netns: NetworkNamespace, request: DumpRequest, options: DumpOptions, isDone: () => boolean): AsyncGenerator<Uint8Array> {
    const connection = this.#connect(netns)
    let batch = this.#takeBatch()
    let spare: DatagramBatch | undefined
    let next: Promise<number> | undefined
    try {
      if (options.large) connection.growReceiveBuffer(largeBufferBytes)
      let count = await this.#start(connection, netns.prefix, request, batch)
      for (;;) {
        // The kernel makes each datagram before it is received, so fewer than fit are the last.
        next = count < datagramsAtOnce ? undefined : connection.receiveBatchBeside((spare ??= this.#takeBatch()))
        next?.catch(() => undefined) // It is thrown below, or nobody needs it any more.
        if (next) options.onLong?.()
        for (let i = 0; i < count; i++) yield this.#recordable(connection.datagram(batch, i), request)
        if (isDone()) return
        if (next === undefined) return void (yield* this.#late(connection, request, isDone))
        count = await next
        ;[batch, spare] = [spare!, batch]
      }
    } finally {
      await next?.catch(() => undefined) // Until then the kernel may write into the batch.
      connection.close()
      for (const free of [batch, spare]) if (free && this.#batches.length < maxBatches) this.#batches.push(free)
    }
  }

  #connect(netns: NetworkNamespace): NetlinkConnection {
    const fd = netns.open(NETLINK_SOCK_DIAG)
    this.#own.add(fd)
    return new NetlinkConnection(this.#calls!, fd)
  }

  #takeBatch(): DatagramBatch {
    return this.#batches.pop() ?? new DatagramBatch(this.#calls!, datagramsAtOnce, maxDatagram)
  }

  /** Sends the request and receives the first datagrams: beside the event loop, where that was slow before. */
  async #start(connection: NetlinkConnection, prefix: string, request: DumpRequest, batch: DatagramBatch): Promise<number> {
    // Without its header, in which the number of the request changes.
    const identity = `${prefix}${request.name} ${Buffer.from(request.bytes.subarray(nlmsghdr.size, 256)).toString('latin1')}`
    const isSlow = this.#slow.has(identity)
    const start = process.hrtime.bigint()
    let count: number
    if (isSlow) {
      await connection.sendBeside(request.bytes)
      count = await connection.receiveBatchBeside(batch)
    } else {
      connection.send(request.bytes)
      count = connection.receiveBatch(batch)
    }
    if (process.hrtime.bigint() - start < slowNanos) this.#slow.delete(identity)
    else if (this.#slow.size < maxSlow) this.#slow.add(identity)
    return count
  }

  /** Waits for datagrams that should have been there. */
  *#late(connection: NetlinkConnection, request: DumpRequest, isDone: () => boolean): Generator<Uint8Array> {
    const buffer = new Uint8Array(maxDatagram)
    connection.limitWait()
    while (!isDone()) yield this.#recordable(connection.receive(buffer), request)
  }

  /** Blanks what must not be recorded. A damaged answer is blanked as far as it can be read; its reader reports the damage. */
  #recordable(answer: Uint8Array, { secrets }: DumpRequest): Uint8Array {
    if (!this.#tape.recordsEverything || secrets === undefined) return answer
    try {
      secrets(answer)
    } catch (error) {
      if (!(error instanceof OsError || error instanceof DecodeError)) throw error
    }
    return answer
  }
}

/** A dump while its datagrams come in. */
class IncomingDump {
  readonly sockets: Draft[] = []
  isDone = false
  readonly #request: DumpRequest
  readonly #replyType: number
  /** The number of sockets that were there before each datagram after the first. */
  readonly #starts: number[] = []
  #interrupted = false

  constructor(request: DumpRequest) {
    this.#request = request
    this.#replyType = request.replyType ?? SOCK_DIAG_BY_FAMILY
  }

  /** Reads a datagram. */
  take(datagram: Uint8Array): void {
    const view = viewOf(datagram)
    const { sockets } = this
    const { read, single } = this.#request
    const replyType = this.#replyType
    if (sockets.length > 0) this.#starts.push(sockets.length)
    eachMessage(view, (type, at, end, flags) => {
      if ((flags & NLM_F_DUMP_INTR) !== 0) this.#interrupted = true
      if (type !== replyType) return this.#control(type, at)
      const socket = read(view, at, end)
      if (socket) sockets.push(socket)
      if (single) this.isDone = true // Also when it was none that this request is for.
    })
  }

  /** A message that is not about a socket. */
  #control(type: number, at: number): void {
    if (type === NLMSG_DONE || type === NLMSG_ERROR) this.isDone = true
    else if (type !== NLMSG_NOOP) throw new DecodeError('type of a netlink message', this.#replyType, type, `at ${at}`)
  }

  result(failure: Dump['failure'], limited = false): Dump {
    const isWhole = failure === undefined && !limited
    const sockets = isWhole && this.#starts.length > 0 ? withoutRepeats(this.sockets, this.#starts) : this.sockets
    return { sockets, failure, interrupted: this.#interrupted, limited }
  }
}

/** A later dump that is complete stands for itself; otherwise each may hold what the other has missed. */
function merge(first: Dump, second: Dump): Dump {
  if (!second.interrupted && second.failure === undefined) return second
  const byKey = new Map(first.sockets.map(socket => [socket.key, socket]))
  for (const socket of second.sockets) byKey.set(socket.key, socket)
  return { ...second, sockets: [...byKey.values()], limited: first.limited || second.limited }
}

/** What a dump leaves unseen. */
export function dumpGaps(table: string, { sockets, failure, interrupted, limited }: Dump): Gap[] {
  const gaps: Gap[] = []
  const gap = (code: GapCode, why: Gap['why'], text: string, help = ''): void =>
    void gaps.push({ ...gapOf(code, 'sockets', why, text, { help }), ...recordingLack(failure) })
  const part = sockets.length === 0 ? 'could not be listed' : 'was not listed to its end'
  if (failure instanceof DecodeError) gap('table-damaged', 'damaged', `the table of ${table} ${part}: ${failure.message}`)
  else if (failure?.code === 'ENOBUFS')
    gap('table-lost', 'lost', `the kernel had no room for its answer, so sockets of ${table} are missing`, 'take another snapshot')
  else if (failure?.code === 'EMSGSIZE') gap('table-damaged', 'damaged', `the table of ${table} ${part}: an answer was cut short`)
  else if (failure && isRefusal(failure)) gap('table-refused', 'permission', `the table of ${table} ${part}: ${failure.message}`)
  else if (failure) gap('table-unread', 'kernel', `the table of ${table} ${part}: ${failure.message}`)
  if (interrupted)
    gap('table-interrupted', 'interrupted', `the table of ${table} changed while the kernel listed it`, 'take another snapshot')
  if (limited) gap('table-limit', 'limit', `${table} has more than ${maxSockets} sockets, and the rest is left out`)
  return gaps
}
