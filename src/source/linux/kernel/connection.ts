// One netlink socket to the kernel: a request goes out, and only answers to it are accepted.

import { littleEndian } from '../../../bytes/struct.ts'
import { viewOf } from '../../../bytes/text.ts'
import { DecodeError } from '../../../model/errors.ts'
import type * as calls from './calls.ts'
import type { DatagramBatch } from './datagram-batch.ts'
import { nlmsghdr } from './structs.ts'

/** The system calls that a connection makes; tests give their own. */
export type ConnectionCalls = Pick<
  typeof calls,
  'send' | 'sendBeside' | 'receiveMessage' | 'receiveMany' | 'receiveManyBeside' | 'limitWait' | 'growReceiveBuffer' | 'closeFd'
>

const sequenceAt = nlmsghdr.offsets.seq!

/** A netlink socket of ours. It belongs to whoever opened it, and is closed once. */
export class NetlinkConnection {
  readonly #calls: ConnectionCalls
  readonly #fd: number
  /** The number of the last request. The kernel repeats it in every message of the answer. */
  #sequence = 0

  /** Takes over a netlink socket. */
  constructor(connectionCalls: ConnectionCalls, fd: number) {
    this.#calls = connectionCalls
    this.#fd = fd
  }

  /** Sends a request; its number is written into it. */
  send(request: Uint8Array): void {
    this.#calls.send(this.#fd, this.#numbered(request))
  }

  /** The same beside the event loop: a request can keep the kernel busy for milliseconds before it has taken it. */
  async sendBeside(request: Uint8Array): Promise<void> {
    await this.#calls.sendBeside(this.#fd, this.#numbered(request))
  }

  #numbered(request: Uint8Array): Uint8Array {
    viewOf(request).setUint32(sequenceAt, ++this.#sequence, littleEndian)
    return request
  }

  /** The next datagram of the answer, in this buffer. One that does not come within seconds is an error. */
  receive(buffer: Uint8Array): Uint8Array {
    return this.#checked(buffer.subarray(0, this.#calls.receiveMessage(this.#fd, buffer)))
  }

  /** Makes `receive` fail with EAGAIN when nothing comes for seconds. */
  limitWait(): void {
    this.#calls.limitWait(this.#fd)
  }

  /** Makes room for answers that wait in the kernel. */
  growReceiveBuffer(bytes: number): void {
    this.#calls.growReceiveBuffer(this.#fd, bytes)
  }

  /** Receives the datagrams that wait, and returns their number. */
  receiveBatch(batch: DatagramBatch): number {
    return this.#calls.receiveMany(this.#fd, batch.headers, batch.count)
  }

  /** The same beside the event loop. Until it is done the kernel may write into the batch. */
  async receiveBatchBeside(batch: DatagramBatch): Promise<number> {
    return this.#calls.receiveManyBeside(this.#fd, batch.headers, batch.count)
  }

  /** A datagram of a batch. */
  datagram(batch: DatagramBatch, i: number): Uint8Array {
    return this.#checked(batch.datagram(i))
  }

  /** All messages of a datagram have one sender, so the first stands for all. One that is too short for a header is refused where it is read. */
  #checked(answer: Uint8Array): Uint8Array {
    const sequence = answer.length < nlmsghdr.size ? this.#sequence : viewOf(answer).getUint32(sequenceAt, littleEndian)
    if (sequence !== this.#sequence) throw new DecodeError('sequence number of a netlink message', this.#sequence, sequence)
    return answer
  }

  /** Closes the socket. */
  close(): void {
    this.#calls.closeFd(this.#fd)
  }
}
