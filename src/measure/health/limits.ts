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
  const sentBytes = grown(before.tcp, after.tcp, 'sentBytes')
  // A snapshot of an idle connection is no evidence of the time when it was busy.
  const busySamples = [before, after].filter(({ tcp }) => (tcp.unackedSegments ?? 0) > 0 || (tcp.notSentBytes ?? 0) > 0)
  const limited = busySamples.map(sample => limitOf(sample, sentBytes === undefined ? undefined : sentBytes / busyMicros))
  // A small buffer lets the congestion window grow to twice of what is in flight, so this is no evidence against it.
  if (!limited.includes('sendBuffer') && isWindowUsed(before.tcp, after.tcp, busyMicros)) return { network: 1, sendBuffer: 0 }
  const shareOf = (limit: LimitName): number => (limited.length === 0 ? 0 : limited.filter(one => one === limit).length / limited.length)
  return { network: shareOf('network'), sendBuffer: shareOf('sendBuffer') }
}

/** What every path may have in flight from the start (RFC 6928). */
const initialWindow = (mss: number): number => Math.min(10 * mss, Math.max(2 * mss, 14_600))

/**
 * What limits a busy connection at this moment; undefined when its application does. A full send buffer is too small when it holds less than the initial window, or when
 * its contents were sent at least half as often as the shortest round trip allows. As often as the current round trip allows: a queue on the path holds them. More rarely:
 * it was full for moments only, as between processes of one machine, where the processor is the limit.
 */
function limitOf(sample: Sample, sentBytesPerMicro: number | undefined): 'network' | 'sendBuffer' | undefined {
  if (isWindowFull(sample.tcp)) return 'network'
  if (!isBufferFull(sample)) return undefined
  const { unackedSegments, sendMssBytes, minRttMicros, rttMicros } = sample.tcp
  if (!unackedSegments || !sendMssBytes || sentBytesPerMicro === undefined) return undefined
  if (sample.memory!.sendBufferBytes! < initialWindow(sendMssBytes)) return 'sendBuffer'
  const isSentEach = (micros: number | undefined): boolean =>
    micros !== undefined && sentBytesPerMicro * micros >= (unackedSegments * sendMssBytes) / 2
  if (isSentEach(minRttMicros ?? rttMicros)) return 'sendBuffer'
  return isSentEach(rttMicros) ? 'network' : undefined
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
