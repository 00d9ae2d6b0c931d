// The one sysctl that is read connection by connection: net.inet.tcp.info, which names a connection by its two ends and has more about it
// than the table. Where this macOS does not answer it, the table is all there is.

import { viewOf } from '../../../bytes/text.ts'
import { counted } from '../../../model/counted.ts'
import { OsError } from '../../../model/errors.ts'
import type { Gap } from '../../../model/gap.ts'
import { mergeTcp } from '../../draft.ts'
import { gapOf } from '../../gap.ts'
import type { Tape } from '../../tape.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import type { Row } from '../decode/row.ts'
import { tcpOfInfo } from '../decode/statistics.ts'
import type { Calls } from '../kernel/calls.ts'
import { tcpInfo } from '../kernel/structs.ts'

/** More connections than this are not read in one snapshot. */
const MAX_REQUESTS = 5000
/** So many refusals in a row mean that this macOS does not answer. */
const MAX_REFUSALS = 20

/** Reads each connection that can be read, and adds what it has to the connection. */
export async function readConnectionInfo(rows: readonly Row[], tape: Tape, calls: Calls | undefined, gaps: Gap[]): Promise<void> {
  let refusals = 0
  let requests = 0
  let left = 0
  for (const { socket, tuple } of rows) {
    if (tuple === undefined || refusals >= MAX_REFUSALS) continue
    if (++requests > MAX_REQUESTS) {
      left++
      continue
    }
    try {
      const read = (): Uint8Array[] => (calls ? [calls.sysctlRequest('net.inet.tcp.info', tuple)] : [])
      for (const answer of tape.bytes(`net.inet.tcp.info ${socket.key}`, read)) {
        socket.tcp = mergeTcp(socket.tcp, tcpOfInfo(tcpInfo.read(viewOf(answer))))
      }
      refusals = 0
    } catch (error) {
      if (!(error instanceof OsError)) throw error
      refusals++ // ENOENT: it is gone, or another user's. EPERM, EINVAL: this macOS does not answer.
    }
    await yieldToEventLoop()
  }
  if (left === 0) return
  const text = `${counted(left, 'connection')} without retransmissions: they are read of ${MAX_REQUESTS} connections in a snapshot`
  gaps.push(gapOf('statistics-limit', 'statistics', 'limit', text, { help: 'select fewer connections with a filter', count: left }))
}
