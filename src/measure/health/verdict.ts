// Measured values to words: what is wrong, what limits the connection, and what would help. All thresholds are here.

import type { Finding, LimitName, Measured, Verdict, VerdictCode } from '../../model/health.ts'
import { counted } from '../../model/counted.ts'
import { mainLimit } from './limits.ts'

const percent = (part: number): string => {
  const value = part * 100
  if (value > 0 && value < 0.1) return 'below 0.1 %'
  return `${value >= 10 || value === 0 ? Math.round(value) : value.toFixed(1)} %`
}
const millis = (micros: number): string => (micros < 10_000 ? (micros / 1000).toFixed(1) : Math.round(micros / 1000).toString()) + ' ms'
const seconds = (ms: number): string => `${ms < 9950 ? Number((ms / 1000).toFixed(1)) : Math.round(ms / 1000)} s`

/** From this share on, retransmissions are a finding; fewer than `minRetransmits` segments are chance. */
const lossShare = 0.005
const minRetransmits = 3
/** From this share on, bytes that this machine drops itself are a finding; fewer than `minRetransmits` segments are not. */
const dropShare = 0.005
/** A closed window is a finding after this time: a fast transfer has one for a moment now and then. */
const standstillMs = 100
/** A queue is a finding from 30 ms on, when it at least doubles the round-trip time. */
const queueMicros = 30_000

/** Every problem, the worst first. */
export function findingsOf(m: Measured): Finding[] {
  const findings: Finding[] = []
  const add = (code: Finding['code'], text: string, help: string): void => void findings.push({ code, text, help })
  // First: what is dropped here leads to retransmissions and timeouts.
  const { droppedHereBytes: dropped = 0, droppedHereSegments = 0, sentBytes: sent = 0 } = m
  if (dropped > 0 && dropped >= sent * dropShare && droppedHereSegments >= minRetransmits) {
    const text = `this machine itself dropped ${percent(Math.min(1, dropped / sent))} of the bytes (${counted(dropped, 'byte')}, about ${counted(droppedHereSegments, 'segment')})`
    add('dropped-here', text, 'Check the packet filter (nft list ruleset) and the queue disciplines (tc -s qdisc) of this machine.')
  }
  if (isTimedOut(m)) add('timeouts', timeoutText(m), 'Check that the other end and the path to it are up.')
  if ((m.zeroWindowMs ?? 0) >= standstillMs) {
    const text = `the other end has accepted no data for ${seconds(m.zeroWindowMs!)}`
    add('zero-window', text, 'Check the program at the other end: it does not read.')
  }
  if ((m.unreadMs ?? 0) >= standstillMs) {
    const text = `${counted(m.unreadBytes!, 'byte')} unread, and nothing more could be received for ${seconds(m.unreadMs!)}`
    add('not-read', text, 'Check this program: it does not read its socket.')
  }
  const retransmitted = m.retransmittedShare
  if (retransmitted !== undefined && retransmitted >= lossShare && (m.retransmittedSegments ?? Infinity) >= minRetransmits) {
    if ((m.spuriousShare ?? 0) > 0.5) {
      const text = `${percent(retransmitted)} of the bytes were retransmitted, ${percent(m.spuriousShare!)} of them unnecessarily`
      add('spurious', text, 'Segments are reordered or delayed in bursts; check for load balancing over several paths and for radio links.')
    } else {
      const text = `${percent(retransmitted)} of the bytes were retransmitted`
      add('loss', text, 'Check for a bad link, a full queue or a rate limiter on the path.')
    }
  }
  const queue = m.queueDelayMicros
  if (queue !== undefined && queue >= queueMicros && queue >= (m.minRttMicros ?? 0)) {
    const text = `a queue on the path adds ${millis(queue)} to a round-trip time of ${millis(m.minRttMicros ?? 0)} (grade ${m.queueGrade})`
    add('queue', text, 'Use a queue discipline that limits delay (fq_codel, cake) at the bottleneck, or BBR at the sender.')
  }
  if ((m.markedShare ?? 0) > 0.01)
    add('marked', `routers marked ${percent(m.markedShare!)} of the segments (ECN)`, 'The path is used to capacity.')
  if ((m.outOfOrderShare ?? 0) > 0.01) {
    const text = `${percent(m.outOfOrderShare!)} of the segments arrived out of order`
    add('out-of-order', text, 'The path to this machine loses or reorders segments.')
  }
  return findings
}

/** One timeout is chance, and the end of a short burst of losses; several in a row, or a twentieth of the time, are not. */
function isTimedOut(m: Measured): boolean {
  return (m.timeoutsInRow ?? 0) > 1 || ((m.timeouts ?? 0) > 0 && (m.timeoutMs ?? 0) >= m.intervalMs / 20)
}

function timeoutText(m: Measured): string {
  if ((m.timeoutsInRow ?? 0) > 1) return `no answer after ${counted(m.timeoutsInRow!, 'timeout')} in a row`
  return `${counted(m.timeouts!, 'retransmission timeout')}${m.timeoutMs === undefined ? '' : ` took ${seconds(m.timeoutMs)}`}`
}

/** The one verdict: the most important fact about this connection. */
export function verdictOf(m: Measured, findings: readonly Finding[]): Verdict {
  const make = (code: VerdictCode, trouble: boolean, text: string, evidence: readonly string[] = [], help = ''): Verdict => ({
    code,
    trouble,
    text,
    evidence: [...evidence, ...findings.map(finding => finding.text).filter(found => !text.includes(found))],
    help: help || (findings[0]?.help ?? ''),
  })
  const last = seconds(m.intervalMs)
  const find = (code: Finding['code']): Finding | undefined => findings.find(finding => finding.code === code)
  const [timeouts, unread] = [find('timeouts'), find('not-read')]
  if (timeouts !== undefined && (m.timeoutsInRow ?? 0) > 1)
    return make('unreachable', true, `the other end does not answer: ${counted(m.timeoutsInRow!, 'timeout')} in a row`)
  if (unread !== undefined) return make('not-read', true, `this program does not read: ${unread.text}`)
  if (find('zero-window') !== undefined) return byReceiver(m, make)
  if (m.state === 'CLOSE_WAIT' && !m.sentBytes) {
    const help = 'A program that accumulates such sockets fails to close them.'
    return make('half-closed', false, 'half-closed: the other end has finished sending, and this program has not closed its end', [], help)
  }
  if (m.state === 'FIN_WAIT_2' && !m.receivedBytes) {
    return make('half-closed', false, 'half-closed: this program has finished sending, and the other end has not closed its end')
  }
  if (m.sentBytes === undefined && m.receivedBytes === undefined)
    return make('unknown', false, 'this system reports too little about the connection')
  if (m.limits === undefined || (m.receivedBytes ?? 0) > 10 * (m.sentBytes ?? 0)) return withoutLimits(m, findings, make)
  const main = mainLimit(m.limits)
  const evidence = evidenceOf(m)
  const duration = `for ${percent(m.limits[main])} of the last ${last}`
  return byLimit[main](duration, m, findings, (code, trouble, text, help) => make(code, trouble, text, evidence, help))
}

type Make = (code: VerdictCode, trouble: boolean, text: string, evidence?: readonly string[], help?: string) => Verdict
type Conclude = (code: VerdictCode, trouble: boolean, text: string, help?: string) => Verdict

function byReceiver(m: Measured, make: Make): Verdict {
  const help = 'Check the program at the other end: it does not read, or reads too slowly.'
  const duration = m.limits === undefined ? 'now' : `for ${percent(m.limits.receiver)} of the last ${seconds(m.intervalMs)}`
  const text = `limited by the receiver ${duration}; it accepts no more data now; the network is not the bottleneck`
  return make('receiver', true, text, evidenceOf(m), help)
}

function withoutLimits(m: Measured, findings: readonly Finding[], make: Make): Verdict {
  const trouble = findings.length > 0
  if (m.receivedBytes)
    return make('receiving', trouble, 'it mostly receives; measure at the other end to see what limits it', evidenceOf(m))
  if (m.sentBytes && trouble) return make('network', true, findings[0]!.text, evidenceOf(m))
  if (m.sentBytes) return make('unknown', false, 'this system does not report what limits it', evidenceOf(m))
  return make('idle', trouble, `idle for the last ${seconds(m.intervalMs)}`)
}

const byLimit: Record<LimitName, (duration: string, m: Measured, findings: readonly Finding[], conclude: Conclude) => Verdict> = {
  application(duration, m, findings, conclude) {
    if ((m.nagleShare ?? 0) >= 0.5) {
      const text = `limited by the application ${duration}: it sends a message in parts, and the last one waits for an acknowledgement that the other end delays (Nagle's algorithm)`
      return conclude('application', findings.length > 0, text, 'Write each message with one call, or set TCP_NODELAY.')
    }
    const network = findings.length > 0 ? `; but ${findings[0]!.text}` : '; the network is not the bottleneck'
    return conclude('application', findings.length > 0, `limited by the application ${duration}: it had nothing to send${network}`)
  },
  receiver(duration, _m, findings, conclude) {
    const help = 'Give the receiver a larger buffer, or make it read faster.'
    return conclude('receiver', findings.length > 0, `limited by the receiver ${duration}; the network is not the bottleneck`, help)
  },
  sendBuffer(duration, _m, findings, conclude) {
    return conclude('send-buffer', true, `limited by its send buffer ${duration}: it is too small for this path`, sendBufferHelp(findings))
  },
  network(duration, _m, findings, conclude) {
    if (findings.length === 0)
      return conclude('network', false, `limited by the network ${duration}, which is healthy: this is its capacity`)
    return conclude('network', true, `limited by the network ${duration}: ${findings[0]!.text}`)
  },
}

function sendBufferHelp(findings: readonly Finding[]): string {
  const own = 'Leave SO_SNDBUF alone, so that the kernel sizes the buffer, or set it larger.'
  return findings.length === 0 ? own : `${own} ${findings[0]!.help}`
}

function evidenceOf(m: Measured): string[] {
  const evidence: string[] = []
  if (m.limits !== undefined) {
    const { application, receiver, sendBuffer, network } = m.limits
    evidence.push(
      `application ${percent(application)}, receiver ${percent(receiver)}, send buffer ${percent(sendBuffer)}, network ${percent(network)}`,
    )
  }
  if (m.retransmittedShare !== undefined) evidence.push(`retransmitted ${percent(m.retransmittedShare)}`)
  if (m.queueDelayMicros !== undefined) evidence.push(`queueing delay ${millis(m.queueDelayMicros)}, grade ${m.queueGrade}`)
  if (m.rttMicros !== undefined) evidence.push(`round-trip time ${millis(m.rttMicros)}`)
  return evidence
}
