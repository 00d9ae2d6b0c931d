// What limited a sender, as shares of time that add up to 1, computed from the kernel's time accounts.

import { limitNames, type LimitName, type Limits } from '../../model/health.ts'
import type { Tcp } from '../../model/tcp.ts'
import { grown, isBufferFull, isWindowFull, pairs, type Sample } from './sample.ts'

/** Below this the kernel's clock of 4 or 10 ms is too coarse. */
const minIntervalMs = 50

/** What limited the sender between the first and the last snapshot. Undefined when the interval is too short, or the kernel keeps no time accounts. */
export function limitsOf(samples: readonly Sample[]): Limits | undefined {
  const micros = { application: 0, receiver: 0, sendBuffer: 0, network: 0 }
  let total = 0
  for (const [before, after] of pairs(samples)) {
    const part = accounts(before, after)
    if (part === undefined) return undefined
    for (const name of limitNames) micros[name] += part[name]
    total += (after.atMs - before.atMs) * 1000
  }
  if (total < minIntervalMs * 1000) return undefined
  const shares = { ...micros }
  for (const name of limitNames) shares[name] /= total
  return shares
}

function accounts(before: Sample, after: Sample): Limits | undefined {
  const total = (after.atMs - before.atMs) * 1000
  const busyGrown = grown(before.tcp, after.tcp, 'busyMicros')
  const receiverGrown = grown(before.tcp, after.tcp, 'receiverLimitedMicros')
  const bufferGrown = grown(before.tcp, after.tcp, 'sendBufferLimitedMicros')
  if (!(total > 0) || busyGrown === undefined || receiverGrown === undefined || bufferGrown === undefined) return undefined
  // The accounts advance in ticks, so they can be ahead of the clock by one tick.
  const busy = Math.min(busyGrown, total)
  const receiver = Math.min(receiverGrown, busy)
  const sendBuffer = Math.min(bufferGrown, busy - receiver)
  const rest = busy - receiver - sendBuffer
  const split = splitRest(before, after, rest)
  return {
    application: total - receiver - sendBuffer - rest * (split.network + split.sendBuffer),
    receiver,
    sendBuffer: sendBuffer + rest * split.sendBuffer,
    network: rest * split.network,
  }
}

/**
 * `busy` lasts until the last acknowledgement, so its rest belongs to the network only while there was more to send than could be sent,
 * and to the send buffer while the application had filled it. Otherwise the application had nothing more to send.
 */
function splitRest(before: Sample, after: Sample, busyMicros: number): { network: number; sendBuffer: number } {
  if (isWindowUsed(before.tcp, after.tcp, busyMicros)) return { network: 1, sendBuffer: 0 }
  // A snapshot of an idle connection is no evidence of the time when it was busy.
  const busySamples = [before, after].filter(({ tcp }) => (tcp.unackedSegments ?? 0) > 0 || (tcp.notSentBytes ?? 0) > 0)
  if (busySamples.length === 0) return { network: 0, sendBuffer: 0 }
  const full = busySamples.filter(({ tcp }) => isWindowFull(tcp))
  const bufferLimited = busySamples.filter(sample => !isWindowFull(sample.tcp) && isBufferFull(sample))
  return { network: full.length / busySamples.length, sendBuffer: bufferLimited.length / busySamples.length }
}

/** A window was sent at least half as often as its round trips allow: it was full, even if no snapshot caught it in that state. */
function isWindowUsed(before: Tcp, after: Tcp, busyMicros: number): boolean {
  const sent = grown(before, after, 'sentBytes')
  const { congestionWindowBytes, rttMicros, sendMssBytes } = after
  if (sent === undefined || !congestionWindowBytes || !rttMicros || busyMicros <= 0) return false
  return sent >= ((congestionWindowBytes / rttMicros) * busyMicros) / 2 && sent >= 10 * (sendMssBytes ?? 1)
}

/** The limit with the largest share. */
export function mainLimit(limits: Limits): LimitName {
  return limitNames.reduce((best, name) => (limits[name] > limits[best] ? name : best))
}
