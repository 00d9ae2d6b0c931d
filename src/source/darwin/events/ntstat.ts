// A connection to the network statistics control (com.apple.network.statistics): it counts the payload of every socket and every flow of
// Network.framework, and reports the final counts of each that closes. The kernel answers inside send(), so that reading until no datagram
// waits reads the whole answer: no thread and no event loop are needed.

import { viewOf } from '../../../bytes/text.ts'
import { OsError } from '../../../model/errors.ts'
import { attempt } from '../../attempt.ts'
import { CONTINUATION, ERROR, isFull, providers, SUCCESS } from '../decode/ntstat.ts'
import type { Calls } from '../kernel/calls.ts'
import { errnoName } from '../kernel/errno.ts'
import { ctlInfo, nstatMsgAddAllSrcs, nstatMsgError, nstatMsgHdr, nstatMsgQuerySrc, sockaddrCtl } from '../kernel/structs.ts'

const CONTROL_NAME = 'com.apple.network.statistics'
const AF_SYSTEM = 32
const SOCK_DGRAM = 2
const SYSPROTO_CONTROL = 2
const AF_SYS_CONTROL = 2
const CTLIOCGINFO = 0xc0644e03
const SOL_SOCKET = 0xffff
const SO_RCVBUF = 0x1002
const RECEIVE_BYTES = 1024 * 1024

const ADD_ALL_SRCS = 1002
const GET_UPDATE = 1007
const SUPPRESS_SRC_ADDED = 0x100000
const ALL_SOURCES = 2n ** 64n - 1n

/** The kernel reports 100 sources in a round; no machine needs more rounds than this. */
const MAX_ROUNDS = 2000
/** How many rounds in a row may end for lack of buffer space. */
const MAX_FULL_ROUNDS = 8
const MAX_SENDS = 4
/** The context of a request for counts, which its answer repeats; the context of a request to watch a provider is the provider's number. */
const UPDATE_CONTEXT = 100

/** How a round ended: at the end of the answer, in its middle, or for lack of buffer space; a request with the same context goes on from there. */
type RoundEnd = 'end' | 'more' | 'full'

/**
 * A connection to the control. It must stay open between polls: only then closed sockets are reported. The constructor throws an OsError where
 * the control is refused.
 */
export class NtstatConn {
  readonly #calls: Calls
  readonly #fd: number
  #watches = false

  constructor(calls: Calls) {
    this.#calls = calls
    this.#fd = calls.socket(AF_SYSTEM, SOCK_DGRAM, SYSPROTO_CONTROL)
    try {
      const info = ctlInfo.write({ ctl_name: CONTROL_NAME })
      calls.ioctl(this.#fd, CTLIOCGINFO, info)
      const id = ctlInfo.read(viewOf(info)).ctl_id
      calls.connect(this.#fd, sockaddrCtl.write({ sc_len: 32, sc_family: AF_SYSTEM, ss_sysaddr: AF_SYS_CONTROL, sc_id: id }))
      // The receive buffer has 8 KiB at first, and one answer may have 48. Where no more can be had, a round ends for lack of buffer space and is repeated.
      attempt(() => calls.setOption(this.#fd, SOL_SOCKET, SO_RCVBUF, new Uint8Array(new Uint32Array([RECEIVE_BYTES]).buffer)))
    } catch (error) {
      calls.close(this.#fd)
      throw error
    }
  }

  /** Everything that the kernel has to report now, one datagram at a time; each is valid until the next. */
  *poll(): Generator<Uint8Array> {
    if (!this.#watches) {
      this.#watches = true
      for (const provider of providers) yield* this.#transact(watchRequest(provider), provider)
    }
    let fullRounds = 0
    for (let round = 0; round < MAX_ROUNDS && fullRounds < MAX_FULL_ROUNDS; round++) {
      const end = yield* this.#transact(updateRequest(), UPDATE_CONTEXT)
      if (end === 'end') break
      fullRounds = end === 'full' ? fullRounds + 1 : 0
    }
  }

  close(): void {
    this.#calls.close(this.#fd)
  }

  /** Sends a request, and yields every datagram that waits. */
  *#transact(request: Uint8Array, context: number): Generator<Uint8Array, RoundEnd> {
    for (let sends = 1; ; sends++) {
      try {
        this.#calls.send(this.#fd, request)
        break
      } catch (error) {
        // ENOBUFS: unread answers fill the buffer. They are read, and the request is sent again.
        if (!(error instanceof OsError) || error.code !== 'ENOBUFS' || sends === MAX_SENDS) throw error
        yield* this.#drain()
      }
    }
    let end: RoundEnd = 'end'
    for (const datagram of this.#drain()) {
      end = roundEnd(datagram, context) ?? end
      yield datagram
    }
    return end
  }

  *#drain(): Generator<Uint8Array> {
    for (let d = this.#calls.receive(this.#fd); d !== undefined && d.length > 0; d = this.#calls.receive(this.#fd)) yield d
  }
}

/** How the round ends with this datagram; undefined when it goes on. */
function roundEnd(datagram: Uint8Array, context: number): RoundEnd | undefined {
  const view = viewOf(datagram)
  for (let at = 0; at + nstatMsgHdr.size <= datagram.length;) {
    const head = nstatMsgHdr.read(view, at)
    if (head.context === context && head.type === SUCCESS) return (head.flags & CONTINUATION) !== 0 ? 'more' : 'end'
    if (head.context === context && head.type === ERROR && at + nstatMsgError.size <= datagram.length) {
      return isFull(errnoName(nstatMsgError.read(view, at).error)) ? 'full' : 'end'
    }
    at += Math.max(Math.ceil(head.length / 8) * 8, nstatMsgHdr.size)
  }
  return undefined
}

const watchRequest = (provider: number): Uint8Array =>
  nstatMsgAddAllSrcs.write({
    hdr: { context: provider, type: ADD_ALL_SRCS, length: nstatMsgAddAllSrcs.size, flags: 0 },
    filter: SUPPRESS_SRC_ADDED,
    provider,
  })

const updateRequest = (): Uint8Array =>
  nstatMsgQuerySrc.write({
    hdr: { context: UPDATE_CONTEXT, type: GET_UPDATE, length: nstatMsgQuerySrc.size, flags: CONTINUATION },
    srcref: ALL_SOURCES,
  })
