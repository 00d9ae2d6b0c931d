// The C structs of the extended statistics of TCP (tcpestats.h), by Microsoft's names: one for each group that can be turned on.

import { struct, u32, u64, u8 } from '../../../bytes/struct.ts'

/** What turns a group on or off. */
export const collection = struct('TCP_ESTATS_DATA_RW_v0', 1, { EnableCollection: u8 })

export const estatsData = struct('TCP_ESTATS_DATA_ROD_v0', 96, {
  DataBytesOut: u64,
  DataSegsOut: u64,
  DataBytesIn: u64,
  DataSegsIn: u64,
  SegsOut: u64,
  SegsIn: u64,
  SoftErrors: u32,
  SoftErrorReason: u32,
  SndUna: u32,
  SndNxt: u32,
  SndMax: u32,
  ThruBytesAcked: u64,
  RcvNxt: u32,
  ThruBytesReceived: u64,
})

export const estatsSendCongestion = struct('TCP_ESTATS_SND_CONG_ROD_v0', 88, {
  SndLimTransRwin: u32,
  SndLimTimeRwin: u32,
  SndLimBytesRwin: u64,
  SndLimTransCwnd: u32,
  SndLimTimeCwnd: u32,
  SndLimBytesCwnd: u64,
  SndLimTransSnd: u32,
  SndLimTimeSnd: u32,
  SndLimBytesSnd: u64,
  SlowStart: u32,
  CongAvoid: u32,
  OtherReductions: u32,
  CurCwnd: u32,
  MaxSsCwnd: u32,
  MaxCaCwnd: u32,
  CurSsthresh: u32,
  MaxSsthresh: u32,
  MinSsthresh: u32,
})

export const estatsPath = struct('TCP_ESTATS_PATH_ROD_v0', 160, {
  FastRetran: u32,
  Timeouts: u32,
  SubsequentTimeouts: u32,
  CurTimeoutCount: u32,
  AbruptTimeouts: u32,
  PktsRetrans: u32,
  BytesRetrans: u32,
  DupAcksIn: u32,
  SacksRcvd: u32,
  SackBlocksRcvd: u32,
  CongSignals: u32,
  PreCongSumCwnd: u32,
  PreCongSumRtt: u32,
  PostCongSumRtt: u32,
  PostCongCountRtt: u32,
  EcnSignals: u32,
  EceRcvd: u32,
  SendStall: u32,
  QuenchRcvd: u32,
  RetranThresh: u32,
  SndDupAckEpisodes: u32,
  SumBytesReordered: u32,
  NonRecovDa: u32,
  NonRecovDaEpisodes: u32,
  AckAfterFr: u32,
  DsackDups: u32,
  SampleRtt: u32,
  SmoothedRtt: u32,
  RttVar: u32,
  MaxRtt: u32,
  MinRtt: u32,
  SumRtt: u32,
  CountRtt: u32,
  CurRto: u32,
  MaxRto: u32,
  MinRto: u32,
  CurMss: u32,
  MaxMss: u32,
  MinMss: u32,
  SpuriousRtoDetections: u32,
})

export const estatsSendBuffer = struct('TCP_ESTATS_SEND_BUFF_ROD_v0', 32, {
  CurRetxQueue: u64,
  MaxRetxQueue: u64,
  CurAppWQueue: u64,
  MaxAppWQueue: u64,
})

export const estatsReceive = struct('TCP_ESTATS_REC_ROD_v0', 72, {
  CurRwinSent: u32,
  MaxRwinSent: u32,
  MinRwinSent: u32,
  LimRwin: u32,
  DupAckEpisodes: u32,
  DupAcksOut: u32,
  CeRcvd: u32,
  EcnSent: u32,
  EcnNoncesRcvd: u32,
  CurReasmQueue: u32,
  MaxReasmQueue: u32,
  CurAppRQueue: u64,
  MaxAppRQueue: u64,
  WinScaleSent: u8,
})

export const estatsObservedReceive = struct('TCP_ESTATS_OBS_REC_ROD_v0', 16, {
  CurRwinRcvd: u32,
  MaxRwinRcvd: u32,
  MinRwinRcvd: u32,
  WinScaleRcvd: u8,
})

export const estatsFineRtt = struct('TCP_ESTATS_FINE_RTT_ROD_v0', 16, { RttVar: u32, MaxRtt: u32, MinRtt: u32, SumRtt: u32 })

/** TCP_ESTATS_TYPE: each group that we read, its number, and the size of its answer. */
export const estatsGroups = {
  data: { type: 1, size: estatsData.size },
  sendCongestion: { type: 2, size: estatsSendCongestion.size },
  path: { type: 3, size: estatsPath.size },
  sendBuffer: { type: 4, size: estatsSendBuffer.size },
  receive: { type: 5, size: estatsReceive.size },
  observedReceive: { type: 6, size: estatsObservedReceive.size },
  fineRtt: { type: 8, size: estatsFineRtt.size },
} as const
/** A group of extended statistics. */
export type EstatsGroup = keyof typeof estatsGroups
