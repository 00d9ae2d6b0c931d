// The one question that is asked connection by connection: net.inet.tcp.info, which names a connection by its two ends and tells
// more of it than the table does. Where this macOS does not answer it the table has to do.

import { viewOf } from '../../../bytes/text.ts'
import { OsError } from '../../../model/errors.ts'
import { yielding } from '../../yielding.ts'
import type { Tape } from '../../tape.ts'
import { AF_INET, AF_INET6 } from '../decode/address.ts'
import type { Calls } from '../kernel/calls.ts'
import type { Row } from '../decode/row.ts'
import { tcpOfInfo, wholeTcp } from '../decode/statistics.ts'
import { infoTuple, sockaddrIn6, tcpInfo, type XinpcbN } from '../kernel/structs.ts'

/** More connections than this are not asked about in one snapshot. */
const MAX_QUESTIONS = 5000
/** So many refusals in a row say that the question is not answered here. */
const MAX_REFUSALS = 20

/** Asks about each connection that can be asked about. */
export async function askEach(rows: readonly Row[], tape: Tape, calls: Calls | undefined): Promise<void> {
  const yieldToEventLoop = yielding()
  let refusals = 0
  let questions = 0
  for (const r of rows) {
    const { question } = r
    if (question === undefined || refusals >= MAX_REFUSALS || ++questions > MAX_QUESTIONS) continue
    try {
      const ask = (): Uint8Array[] => (calls ? [calls.sysctlAsk('net.inet.tcp.info', question)] : [])
      for (const answer of tape.bytes(`net.inet.tcp.info ${r.socket.key}`, ask)) {
        r.socket.tcp = wholeTcp(r.socket.tcp, tcpOfInfo(tcpInfo.read(viewOf(answer))))
      }
      refusals = 0
    } catch (error) {
      if (!(error instanceof OsError)) throw error
      refusals++ // ENOENT: it is gone, or it is not ours. EPERM, EINVAL: this macOS does not answer.
    }
    await yieldToEventLoop()
  }
}

const IPPROTO_TCP = 6
const INP_IPV6 = 2

/** The question about a connection of the table. */
export function infoQuestion(inpcb: XinpcbN): Uint8Array {
  const v6 = (inpcb.inp_vflag & INP_IPV6) !== 0
  return infoTuple.write({
    itpl_proto: IPPROTO_TCP,
    itpl_localaddr: socketAddress(inpcb.inp_dependladdr, inpcb.inp_lport, v6),
    itpl_remoteaddr: socketAddress(inpcb.inp_dependfaddr, inpcb.inp_fport, v6),
  })
}

/** A `sockaddr_in6`, or a `sockaddr_in` in its place. A link-local address keeps its zone inside, as the kernel compares it. */
function socketAddress(bytes: Uint8Array, port: number, v6: boolean): Uint8Array {
  return v6
    ? sockaddrIn6.write({ sin6_len: 28, sin6_family: AF_INET6, sin6_port: port, sin6_addr: bytes })
    : sockaddrIn6.write({ sin6_len: 16, sin6_family: AF_INET, sin6_port: port, sin6_flowinfo: bytes.subarray(12) })
}
