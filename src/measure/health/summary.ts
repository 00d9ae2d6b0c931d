// Many connections at once: those of a process, or those to a peer. It adds up and computes percentiles.

import { checkEach } from '../../model/arguments.ts'
import { counted } from '../../model/counted.ts'
import { limitNames, type Health, type Limits, type Verdict, type VerdictCode } from '../../model/health.ts'
import { percentile } from './sample.ts'

/** A summary of connections. */
export interface Summary {
  /** How many connections there are. */
  readonly connections: number
  /** How many connections have each verdict, the most frequent first. */
  readonly verdicts: readonly { readonly code: VerdictCode; readonly connections: number }[]
  /** How many of them are in trouble. */
  readonly troubled: number
  /** Payload that they sent in the interval; undefined when it is not known of any. */
  readonly sentBytes: number | undefined
  /** Payload that they received in the interval; undefined when it is not known of any. */
  readonly receivedBytes: number | undefined
  /** Over all bytes, so that a busy connection has more weight than a quiet one. */
  readonly retransmittedShare: number | undefined
  /** Their round-trip times. */
  readonly rttMicros: Percentiles | undefined
  /** How long their packets waited in queues. */
  readonly queueDelayMicros: Percentiles | undefined
  /** The share of their segments that were retransmitted. */
  readonly retransmittedShares: Percentiles | undefined
  /** Shares of the time of the connections that sent; together 1. */
  readonly limits: Limits | undefined
  /** The verdict of the worst connection; when none needs attention, of the busiest. */
  readonly worst: Verdict | undefined
  /** One sentence. */
  readonly text: string
}

/** The distribution of a value; each is a value that was measured. */
export interface Percentiles {
  /** How many values there are. */
  readonly count: number
  /** The median. */
  readonly p50: number
  /** Nine of ten values are not above it. */
  readonly p90: number
  /** 99 of 100 values are not above it. */
  readonly p99: number
  /** The highest value. */
  readonly max: number
}

/** Summarizes connections. */
export function summarize(healths: readonly Health[]): Summary {
  checkEach('healths', healths, {
    what: 'a health, as health() returns it',
    fields: { verdict: 'object', findings: 'list', intervalMs: 'number' },
  })
  const troubled = healths.filter(one => one.verdict.trouble)
  const verdicts = countVerdicts(healths)
  const lossy = healths.filter(one => one.retransmittedShare !== undefined && one.sentBytes !== undefined)
  const lossyBytes = lossy.reduce((sum, one) => sum + one.sentBytes!, 0)
  return {
    connections: healths.length,
    verdicts,
    troubled: troubled.length,
    sentBytes: total(healths.map(one => one.sentBytes)),
    receivedBytes: total(healths.map(one => one.receivedBytes)),
    retransmittedShare:
      lossyBytes === 0 ? undefined : lossy.reduce((sum, one) => sum + one.retransmittedShare! * one.sentBytes!, 0) / lossyBytes,
    rttMicros: percentiles(healths.map(one => one.rttMicros)),
    queueDelayMicros: percentiles(healths.map(one => one.queueDelayMicros)),
    retransmittedShares: percentiles(healths.map(one => one.retransmittedShare)),
    limits: meanLimits(healths),
    worst: worstOf(troubled.length > 0 ? troubled : healths)?.verdict,
    text: textOf(healths.length, verdicts, troubled.length),
  }
}

/** The percentiles of the values that are known; undefined when none is. */
export function percentiles(values: readonly (number | undefined)[]): Percentiles | undefined {
  const known = values.filter(value => value !== undefined)
  if (known.length === 0) return undefined
  const at = (percent: number): number => percentile(known, percent)!
  return { count: known.length, p50: at(50), p90: at(90), p99: at(99), max: at(100) }
}

function total(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter(value => value !== undefined)
  return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0)
}

function countVerdicts(healths: readonly Health[]): { code: VerdictCode; connections: number }[] {
  const counts = new Map<VerdictCode, number>()
  for (const { verdict } of healths) counts.set(verdict.code, (counts.get(verdict.code) ?? 0) + 1)
  return [...counts].map(([code, connections]) => ({ code, connections })).sort((a, b) => b.connections - a.connections)
}

function meanLimits(healths: readonly Health[]): Limits | undefined {
  const known = healths.filter(one => one.limits !== undefined)
  const totalMs = known.reduce((sum, one) => sum + one.intervalMs, 0)
  if (totalMs === 0) return undefined
  const mean = { application: 0, receiver: 0, sendBuffer: 0, network: 0 }
  for (const one of known) for (const name of limitNames) mean[name] += (one.limits![name] * one.intervalMs) / totalMs
  return mean
}

/** Most findings, then most bytes. */
function worstOf(healths: readonly Health[]): Health | undefined {
  const moved = (one: Health): number => (one.sentBytes ?? 0) + (one.receivedBytes ?? 0)
  return [...healths].sort((a, b) => b.findings.length - a.findings.length || moved(b) - moved(a))[0]
}

const words: Record<VerdictCode, string> = {
  idle: 'idle',
  unreachable: 'unreachable',
  'not-read': 'not read by this program',
  'half-closed': 'half-closed',
  receiving: 'receiving',
  application: 'limited by the application',
  receiver: 'limited by the receiver',
  'send-buffer': 'limited by the send buffer',
  network: 'limited by the network',
  unknown: 'unknown',
}

function textOf(connections: number, verdicts: Summary['verdicts'], troubled: number): string {
  const list = verdicts.map(one => `${one.connections} ${words[one.code]}`).join(', ')
  const trouble = troubled === 0 ? 'none in trouble' : `${troubled} in trouble`
  return `${counted(connections, 'connection')}, ${trouble}${list === '' ? '' : `: ${list}`}`
}
