// What Windows counts of TCP and UDP as a whole.

import { viewOf } from '../../../bytes/text.ts'
import { OsError } from '../../../model/errors.ts'
import type { SystemCounters, TcpCounters, UdpCounters } from '../../../model/counters.ts'
import type { Calls } from '../kernel/api.ts'
import { tcpStats, tcpStats2, udpStats, udpStats2 } from '../kernel/structs.ts'

type Family = 'ipv4' | 'ipv6'

/** Reads the counters: the 64-bit form, or the 32-bit one of a Windows that has no other. */
export function readCounters(calls: Calls): SystemCounters {
  const both = <T>(read: (family: Family, form: 'new' | 'old') => T) => ({ ipv4: newest(read, 'ipv4'), ipv6: newest(read, 'ipv6') })
  return { tcp: both((family, form) => readTcp(calls, family, form)), udp: both((family, form) => readUdp(calls, family, form)) }
}

function newest<T>(read: (family: Family, form: 'new' | 'old') => T, family: Family): T | undefined {
  for (const form of ['new', 'old'] as const) {
    try {
      return read(family, form)
    } catch (error) {
      if (!(error instanceof OsError)) throw error
    }
  }
  return undefined
}

function readTcp(calls: Calls, family: Family, form: 'new' | 'old'): TcpCounters {
  const view = viewOf(calls.statistics('tcp', family, form))
  const s = form === 'new' ? tcpStats2.read(view) : tcpStats.read(view)
  return {
    opened: s.dwActiveOpens,
    accepted: s.dwPassiveOpens,
    failed: s.dwAttemptFails,
    reset: s.dwEstabResets,
    established: s.dwCurrEstab,
    receivedSegments: 'dw64InSegs' in s ? s.dw64InSegs : s.dwInSegs,
    sentSegments: 'dw64OutSegs' in s ? s.dw64OutSegs : s.dwOutSegs,
    retransmittedSegments: s.dwRetransSegs,
    receiveErrors: s.dwInErrs,
    sentResets: s.dwOutRsts,
  }
}

function readUdp(calls: Calls, family: Family, form: 'new' | 'old'): UdpCounters {
  const view = viewOf(calls.statistics('udp', family, form))
  const s = form === 'new' ? udpStats2.read(view) : udpStats.read(view)
  return {
    receivedDatagrams: 'dw64InDatagrams' in s ? s.dw64InDatagrams : s.dwInDatagrams,
    sentDatagrams: 'dw64OutDatagrams' in s ? s.dw64OutDatagrams : s.dwOutDatagrams,
    refusedDatagrams: s.dwNoPorts,
    receiveErrors: s.dwInErrors,
  }
}
