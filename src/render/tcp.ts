// TCP statistics and the memory of a socket as human-readable text. Unknown and zero values are left out.

import type { Memory } from '../model/socket.ts'
import type { CongestionDetail, Tcp } from '../model/tcp.ts'
import { counted } from '../model/counted.ts'
import { bytesText, digits, microsText, percentText, rateText } from '../fields/units.ts'

type Part = string | undefined

const list = (parts: readonly Part[], between: string): string => parts.filter(part => part !== undefined && part !== '').join(between)

/** A part with its value as text; undefined when the value is not known. */
const part = (value: number | undefined, text: (value: number) => string): Part => (value === undefined ? undefined : text(value))

/** The same, but also omitted at 0. */
const some = (value: number | undefined, text: (value: number) => string): Part => (value ? text(value) : undefined)

const segments = (n: number): string => counted(n, 'segment')
const timeouts = (n: number): string => counted(n, 'timeout')

/** A connection in one line: congestion control, delay, windows, bytes, queues and errors. */
export function tcpText(tcp: Tcp): string {
  return list(
    [congestion(tcp), delay(tcp), windows(tcp), bytes(tcp), rates(tcp), waiting(tcp), trouble(tcp), times(tcp), agreed(tcp)],
    '  ',
  )
}

function congestion(t: Tcp): Part {
  const state = t.congestionState === undefined || t.congestionState === 'open' ? undefined : `in ${t.congestionState}`
  return list([t.congestionControl, state, t.congestionDetail && detail(t.congestionDetail)], ' ')
}

function detail(d: CongestionDetail): string {
  if (d.kind === 'bbr') {
    if (d.bytesPerSecond === 0) return '' // Nothing measured yet.
    const lowest = part(d.minRttMicros, rtt => `, lowest rtt ${microsText(rtt)}`) ?? ''
    return `(${rateText(d.bytesPerSecond)}${lowest}, gains ${digits(d.pacingGain)} and ${digits(d.windowGain)})`
  }
  if (d.kind === 'dctcp') return `(${percentText(d.alpha)} marked)`
  return part(d.rttMicros, rtt => `(rtt ${microsText(rtt)})`) ?? ''
}

function delay(t: Tcp): Part {
  const variation = part(t.rttVarianceMicros, v => ` ± ${microsText(v)}`) ?? ''
  return list(
    [
      part(t.rttMicros, rtt => `rtt ${microsText(rtt)}${variation}`),
      part(t.minRttMicros, rtt => `lowest ${microsText(rtt)}`),
      part(t.receiveRttMicros, rtt => `as receiver ${microsText(rtt)}`),
      part(t.retransmitTimeoutMicros, rto => `timeout ${microsText(rto)}`),
    ],
    ', ',
  )
}

function windows(t: Tcp): Part {
  const size = part(t.congestionWindowBytes, b => ` (${bytesText(b)})`) ?? ''
  return list(
    [
      part(t.congestionWindowSegments, n => `window ${segments(n)}${size}`),
      part(t.slowStartThresholdSegments, n => `slow start up to ${n}`),
      part(t.sendWindowBytes, b => `receiver accepts ${bytesText(b)}`),
      part(t.receiveWindowBytes, b => `we accept ${bytesText(b)}`),
      part(t.sendMssBytes, b => `segment ${b} B`),
      part(t.pathMtuBytes, b => `path MTU ${b} B`),
    ],
    ', ',
  )
}

function bytes(t: Tcp): Part {
  const share = t.sentBytes && t.retransmittedBytes ? ` (${percentText(t.retransmittedBytes / t.sentBytes)} retransmitted)` : ''
  return list(
    [
      part(t.sentBytes, b => `sent ${bytesText(b)}${share}`),
      part(t.receivedBytes, b => `received ${bytesText(b)}`),
      t.busyMicros ? `busy ${microsText(t.busyMicros)}${limitedBy(t, t.busyMicros)}` : undefined,
    ],
    ', ',
  )
}

function limitedBy(t: Tcp, busy: number): string {
  const by = list(
    [
      some(t.receiverLimitedMicros, m => `${percentText(m / busy)} limited by the receiver`),
      some(t.sendBufferLimitedMicros, m => `${percentText(m / busy)} by the send buffer`),
    ],
    ', ',
  )
  return by && ` (${by})`
}

function rates(t: Tcp): Part {
  const application = t.deliveryLimitedByApplication === true ? ' (limited by the application)' : ''
  return list(
    [
      part(t.deliveryBytesPerSecond, r => `delivers ${rateText(r)}${application}`),
      part(t.pacingBytesPerSecond, r => `paced at ${rateText(r)}`),
      part(t.maxPacingBytesPerSecond, r => `at most ${rateText(r)}`),
    ],
    ', ',
  )
}

function waiting(t: Tcp): Part {
  return list([some(t.unackedSegments, n => `${segments(n)} in flight`), some(t.notSentBytes, b => `${bytesText(b)} not sent yet`)], ', ')
}

function trouble(t: Tcp): Part {
  return list(
    [
      some(t.retransmittedSegments, n => `${segments(n)} retransmitted`),
      some(t.duplicateAckedSegments, n => `${n} of them unnecessarily`),
      some(t.lostSegments, n => `${segments(n)} presumed lost`),
      some(t.reorderingSeen, n => `reordered ${counted(n, 'time')}`),
      some(t.outOfOrderSegments, n => `${segments(n)} arrived out of order`),
      some(t.deliveredMarkedSegments, n => `${segments(n)} marked by routers`),
      some(t.timeoutsInRow, n => `${timeouts(n)} in a row`),
      some(t.timeouts, n => `${timeouts(n)} in total`),
      some(t.probesUnanswered, n => `${counted(n, 'probe')} unanswered`),
      some(t.rehashes, n => `tried ${counted(n, 'other path')}`),
    ],
    ', ',
  )
}

function times(t: Tcp): Part {
  return list(
    [
      part(t.sinceSentMs, ms => `sent ${microsText(ms * 1000)} ago`),
      part(t.sinceReceivedMs, ms => `received ${microsText(ms * 1000)} ago`),
    ],
    ', ',
  )
}

function agreed({ negotiated, sendWindowScale, receiveWindowScale }: Tcp): Part {
  if (negotiated === undefined) return undefined
  const scale = sendWindowScale === undefined ? '' : ` (${sendWindowScale}, ${receiveWindowScale})`
  return list(
    [
      negotiated.timestamps ? 'timestamps' : undefined,
      negotiated.sack ? 'SACK' : undefined,
      negotiated.windowScaling ? `window scaling${scale}` : undefined,
      negotiated.ecn ? (negotiated.ecnSeen ? 'ECN, seen' : 'ECN') : undefined,
      negotiated.fastOpenData ? 'fast open' : undefined,
    ],
    ', ',
  )
}

/** The memory of a socket in one line: the usage of each buffer. */
export function memoryText(memory: Memory): string {
  const used = (name: string, bytes: number | undefined, limit: number | undefined): Part =>
    part(bytes, b => `${name} ${bytesText(b)}${part(limit, l => ` of ${bytesText(l)}`) ?? ''}`)
  return list(
    [
      used('receive', memory.receiveAllocatedBytes, memory.receiveBufferBytes),
      used('send', memory.sendAllocatedBytes, memory.sendBufferBytes),
      some(memory.sendQueuedBytes, b => `queued ${bytesText(b)}`),
      some(memory.forwardAllocatedBytes, b => `reserved ${bytesText(b)}`),
      some(memory.optionBytes, b => `options ${bytesText(b)}`),
      some(memory.backlogBytes, b => `backlog ${bytesText(b)}`),
      some(memory.drops, n => `${counted(n, 'packet')} dropped`),
    ],
    ', ',
  )
}
