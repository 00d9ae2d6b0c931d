// The bytes that a socket moved: exactly, by the statistics control, or roughly, by the counters of the socket itself. Pure.

import type { Traffic } from '../../../model/socket.ts'
import type { NstatCounts, XsockstatN } from '../kernel/structs.ts'

const MACOS_15 = 24

/** Payload bytes of a flow, as the statistics control counts them. Retransmitted bytes are in its count of sent bytes. */
export const exactTraffic = (c: NstatCounts): Traffic => ({
  inBytes: c.nstat_rxbytes,
  outBytes: Math.max(0, c.nstat_txbytes - c.nstat_txretransmit),
  inCalls: c.nstat_rxpackets,
  outCalls: c.nstat_txpackets,
  processes: [],
  accuracy: 'exact',
})

/**
 * Bytes as the socket's own counters have them. They count packets with their headers, retransmissions and acknowledgements, up to macOS 14
 * in one slot for each traffic class. From macOS 15 on slot 0 has everything and slot 1 what was dropped for lack of memory, and received
 * bytes are counted twice: when they arrive, and when they are queued. Undefined when the version is not known: the slots mean nothing then.
 */
export function sampledTraffic(counters: XsockstatN, major: number | undefined): Traffic | undefined {
  if (major === undefined) return undefined
  const late = major >= MACOS_15
  const slots = late ? counters.xst_tc_stats.slice(0, 1) : counters.xst_tc_stats
  const sum = (name: keyof (typeof slots)[number]): number => slots.reduce((total, slot) => total + slot[name], 0)
  const received = (name: 'rxbytes' | 'rxpackets'): number => (late ? Math.floor(sum(name) / 2) : sum(name))
  return {
    inBytes: received('rxbytes'),
    outBytes: sum('txbytes'),
    inCalls: received('rxpackets'),
    outCalls: sum('txpackets'),
    processes: [],
    accuracy: 'sampled',
  }
}
