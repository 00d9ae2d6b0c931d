// What Windows counts of TCP, in the names and units of the model: TCP_INFO of an own socket, extended statistics of any connection. Pure.

import { viewOf } from '../../../bytes/text.ts'
import type { Queues } from '../../../model/socket.ts'
import type { KnownTcp } from '../../draft.ts'
import {
  estatsData,
  estatsFineRtt,
  estatsObservedReceive,
  estatsPath,
  estatsReceive,
  estatsSendBuffer,
  estatsSendCongestion,
  tcpInfo,
  type EstatsGroup,
} from '../kernel/structs.ts'

/** 0 and all ones mean that nothing was measured. */
const measured = (value: number): number | undefined => (value === 0 || value === 0xffffffff ? undefined : value)
/** All ones: not known. */
const known = (value: number): number | undefined => (value === 0xffffffff ? undefined : value)
/** A count of 64 bits that is all ones is none. */
const counted = (value: number): number | undefined => (value > Number.MAX_SAFE_INTEGER ? undefined : value)
const micros = (milliseconds: number | undefined): number | undefined =>
  milliseconds === undefined || milliseconds === 0xffffffff ? undefined : milliseconds * 1000
const segments = (bytes: number | undefined, mss: number): number | undefined =>
  bytes === undefined || mss === 0 ? undefined : Math.floor(bytes / mss)

/** Reads TCP_INFO of any version; `length` is how much Windows wrote. */
export function tcpOfInfo(bytes: Uint8Array, length: number): KnownTcp {
  const t = tcpInfo.read(viewOf(bytes), 0, length)
  return {
    rttMicros: measured(t.RttUs),
    minRttMicros: measured(t.MinRttUs),
    sendMssBytes: t.Mss,
    congestionWindowBytes: t.Cwnd,
    congestionWindowSegments: segments(t.Cwnd, t.Mss),
    sendWindowBytes: t.SndWnd,
    receiveWindowBytes: t.RcvWnd,
    unackedSegments: t.Mss === 0 ? undefined : Math.ceil(t.BytesInFlight / t.Mss), // A part of a segment in flight counts as one.
    sentBytes: t.BytesOut,
    receivedBytes: t.BytesIn,
    retransmittedBytes: t.BytesRetrans,
    outOfOrderSegments: t.OutOfOrderPktsIn,
    receiverLimitedMicros: micros(t.SndLimTimeRwin),
    timeouts: t.TimeoutEpisodes,
    negotiated: {
      timestamps: t.TimestampsEnabled !== 0,
      sack: undefined,
      windowScaling: undefined,
      ecn: t.EcnNegotiated === undefined ? undefined : t.EcnNegotiated !== 0,
      ecnSeen: t.EceAcksIn === undefined ? undefined : t.EceAcksIn > 0,
      fastOpenData: undefined,
      microsecondTimestamps: undefined,
      fastOpenChild: undefined,
      fastOpenFailure: undefined,
    },
  }
}

/** The answers of the groups of extended statistics that were collected. */
export type EstatsAnswers = Readonly<Partial<Record<EstatsGroup, Uint8Array>>>

/** Puts the groups together. The counters of a group that has only begun to collect mean nothing yet. */
export function tcpOfEstats(answers: EstatsAnswers, begun: ReadonlySet<EstatsGroup>): KnownTcp {
  const mss = answers.path === undefined ? 0 : estatsPath.read(viewOf(answers.path)).CurMss
  return {
    ...(answers.path && ofPath(answers.path, !begun.has('path'))),
    ...(answers.fineRtt && ofFineRtt(answers.fineRtt)), // Microseconds, where the path has milliseconds.
    ...(answers.data && !begun.has('data') && ofData(answers.data)),
    ...(answers.sendCongestion && ofSendCongestion(answers.sendCongestion, mss, !begun.has('sendCongestion'))),
    ...(answers.sendBuffer && { notSentBytes: counted(estatsSendBuffer.read(viewOf(answers.sendBuffer)).CurAppWQueue) }),
    ...(answers.receive && ofReceive(answers.receive)),
    ...(answers.observedReceive && ofObservedReceive(answers.observedReceive)),
  }
}

function ofPath(bytes: Uint8Array, hasCounted: boolean): KnownTcp {
  const p = estatsPath.read(viewOf(bytes))
  const state: KnownTcp = {
    rttMicros: micros(measured(p.SmoothedRtt)),
    rttVarianceMicros: p.SmoothedRtt === 0 ? undefined : micros(p.RttVar),
    minRttMicros: micros(measured(p.MinRtt)),
    retransmitTimeoutMicros: micros(measured(p.CurRto)),
    sendMssBytes: measured(p.CurMss),
    reorderingSegments: measured(p.RetranThresh),
    timeoutsInRow: p.CurTimeoutCount,
  }
  if (!hasCounted) return state
  return {
    ...state,
    retransmittedSegments: p.PktsRetrans,
    retransmittedBytes: p.BytesRetrans,
    duplicateAckedSegments: p.DsackDups,
    timeouts: p.Timeouts + p.SubsequentTimeouts,
  }
}

function ofFineRtt(bytes: Uint8Array): KnownTcp {
  const f = estatsFineRtt.read(viewOf(bytes))
  if (measured(f.SumRtt) === undefined) return {}
  // "A smoothed value round trip time", in spite of its name.
  return { rttMicros: f.SumRtt, rttVarianceMicros: f.RttVar, minRttMicros: measured(f.MinRtt) }
}

function ofData(bytes: Uint8Array): KnownTcp {
  const d = estatsData.read(viewOf(bytes))
  return {
    sentBytes: counted(d.DataBytesOut),
    receivedBytes: counted(d.DataBytesIn),
    ackedBytes: counted(d.ThruBytesAcked),
    sentSegments: counted(d.SegsOut),
    receivedSegments: counted(d.SegsIn),
    sentDataSegments: counted(d.DataSegsOut),
    receivedDataSegments: counted(d.DataSegsIn),
  }
}

function ofSendCongestion(bytes: Uint8Array, mss: number, hasCounted: boolean): KnownTcp {
  const c = estatsSendCongestion.read(viewOf(bytes))
  const threshold = c.CurSsthresh >= 0x7fffffff ? undefined : measured(c.CurSsthresh)
  return {
    congestionWindowBytes: measured(c.CurCwnd),
    congestionWindowSegments: segments(measured(c.CurCwnd), mss),
    slowStartThresholdBytes: threshold,
    slowStartThresholdSegments: segments(threshold, mss),
    receiverLimitedMicros: hasCounted ? micros(c.SndLimTimeRwin) : undefined,
  }
}

/** A window scale that was not negotiated is not one of 0 to 14. */
const scale = (value: number): number | undefined => (value > 14 ? undefined : value)

function ofReceive(bytes: Uint8Array): KnownTcp {
  const r = estatsReceive.read(viewOf(bytes))
  return { receiveWindowBytes: known(r.CurRwinSent), receiveWindowScale: scale(r.WinScaleSent) }
}

function ofObservedReceive(bytes: Uint8Array): KnownTcp {
  const o = estatsObservedReceive.read(viewOf(bytes))
  return { sendWindowBytes: known(o.CurRwinRcvd), sendWindowScale: scale(o.WinScaleRcvd) }
}

/** What waits in a connection, from the extended statistics. */
export function queuesOfEstats(answers: EstatsAnswers): Queues | undefined {
  const send = answers.sendBuffer && estatsSendBuffer.read(viewOf(answers.sendBuffer))
  const receive = answers.receive && estatsReceive.read(viewOf(answers.receive))
  if (send === undefined && receive === undefined) return undefined
  return {
    receivedBytes: receive && counted(receive.CurAppRQueue),
    sendBytes: send && counted(send.CurAppWQueue + send.CurRetxQueue),
    backlog: undefined,
    backlogLimit: undefined,
  }
}
