// What held a sender back, as shares of time that add up to 1. It knows the kernel's time accounts and nothing of verdicts.

import { limitNames, type LimitName, type Limits } from '../../model/health.ts'
import type { Tcp } from '../../model/tcp.ts'
import type { Sample } from './sample.ts'
import { grown, isBufferFull, isWindowFull, pairs } from './sample.ts'

export { limitNames, type LimitName, type Limits } from '../../model/health.ts'

/** Below this the kernel's clock of 4 or 10 ms is too coarse. */
export const minIntervalMs = 50

/** What limited the sender between the first and the last snapshot. Undefined when too short, or when the kernel keeps no accounts of it. */
export function limitsOf(samples: readonly Sample[]): Limits | undefined {
  const micros = { application: 0, receiver: 0, sendBuffer: 0, network: 0 }
  let whole = 0
  for (const [before, after] of pairs(samples)) {
    const part = accounts(before, after)
    if (part === undefined) return undefined
    for (const name of limitNames) micros[name] += part[name]
    whole += (after.atMs - before.atMs) * 1000
  }
  if (whole < minIntervalMs * 1000) return undefined
  const shares = { ...micros }
  for (const name of limitNames) shares[name] /= whole
  return shares
}

function accounts(before: Sample, after: Sample): Limits | undefined {
  const whole = (after.atMs - before.atMs) * 1000
  const busyGrown = grown(before.tcp, after.tcp, 'busyMicros')
  const receiverGrown = grown(before.tcp, after.tcp, 'receiverLimitedMicros')
  const bufferGrown = grown(before.tcp, after.tcp, 'sendBufferLimitedMicros')
  if (!(whole > 0) || busyGrown === undefined || receiverGrown === undefined || bufferGrown === undefined) return undefined
  // The accounts move in ticks, so they can be ahead of the clock by one tick.
  const busy = Math.min(busyGrown, whole)
  const receiver = Math.min(receiverGrown, busy)
  const sendBuffer = Math.min(bufferGrown, busy - receiver)
  const rest = busy - receiver - sendBuffer
  const split = splitRest(before, after, rest)
  return {
    application: whole - receiver - sendBuffer - rest * (split.network + split.sendBuffer),
    receiver,
    sendBuffer: sendBuffer + rest * split.sendBuffer,
    network: rest * split.network,
  }
}

/**
 * `busy` runs until the last acknowledgement, so the rest of it is the network's only while there was more to send than could be sent,
 * and the send buffer's while the application had filled it. Otherwise the application had nothing more.
 */
function splitRest(before: Sample, after: Sample, busyMicros: number): { network: number; sendBuffer: number } {
  if (isWindowUsed(before.tcp, after.tcp, busyMicros)) return { network: 1, sendBuffer: 0 }
  // A snapshot that met the connection idle says nothing about the time when it was busy.
  const met = [before, after].filter(({ tcp }) => (tcp.unackedSegments ?? 0) > 0 || (tcp.notSentBytes ?? 0) > 0)
  if (met.length === 0) return { network: 0, sendBuffer: 0 }
  const full = met.filter(({ tcp }) => isWindowFull(tcp))
  const held = met.filter(sample => !isWindowFull(sample.tcp) && isBufferFull(sample))
  return { network: full.length / met.length, sendBuffer: held.length / met.length }
}

/** A window sent out half as often as its round trips allow, or oftener: it was full though no snapshot may have met it so. */
function isWindowUsed(before: Tcp, after: Tcp, busyMicros: number): boolean {
  const sent = grown(before, after, 'sentBytes')
  const { congestionWindowBytes, rttMicros, sendMssBytes } = after
  if (sent === undefined || !congestionWindowBytes || !rttMicros || busyMicros <= 0) return false
  return sent >= ((congestionWindowBytes / rttMicros) * busyMicros) / 2 && sent >= 10 * (sendMssBytes ?? 1)
}

/** The largest share. */
export function mainLimit(limits: Limits): LimitName {
  return limitNames.reduce((best, name) => (limits[name] > limits[best] ? name : best))
}
