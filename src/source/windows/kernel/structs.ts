// The C structs of the Windows API that are used here, by the names of Microsoft's headers, for 64-bit Windows (x64 and arm64 agree).
// Sizes are checked when the module loads, offsets against test/layouts/windows.json.

import { array, be16, bytes, i32, id64, pad, struct, u16, u32, u64, u8 } from '../../../bytes/struct.ts'

// "Only the lower 16 bits should be used. The upper 16 bits may contain uninitialized data" (Microsoft, of every port in a table).
const rest = pad(2)
const ip4 = bytes(4, 4)
const ip6 = bytes(16)
/** OwningModuleInfo: only GetOwnerModuleFrom…Entry can read it. */
const moduleInfo = bytes(128, 8)

const tcp4 = { dwState: u32, dwLocalAddr: ip4, dwLocalPort: be16, p1: rest, dwRemoteAddr: ip4, dwRemotePort: be16, p2: rest }
const tcp6 = {
  ucLocalAddr: ip6,
  dwLocalScopeId: u32,
  dwLocalPort: be16,
  p1: rest,
  ucRemoteAddr: ip6,
  dwRemoteScopeId: u32,
  dwRemotePort: be16,
  p2: rest,
  dwState: u32,
  dwOwningPid: u32,
}
const udp4 = { dwLocalAddr: ip4, dwLocalPort: be16, p1: rest, dwOwningPid: u32 }
const udp6 = { ucLocalAddr: ip6, dwLocalScopeId: u32, dwLocalPort: be16, p1: rest, dwOwningPid: u32 }
/** A FILETIME: it counts 100 ns since 1601. */
const created = { liCreateTimestamp: id64 }
/** Milliseconds since 1970 of a FILETIME. */
export const fileTimeMs = (time: bigint): number => Number(time / 10_000n) - 11_644_473_600_000

/** tcpmib.h, udpmib.h: the rows of GetExtendedTcpTable and GetExtendedUdpTable. */
export const tcpRowPid = struct('MIB_TCPROW_OWNER_PID', 24, { ...tcp4, dwOwningPid: u32 })
export const tcp6RowPid = struct('MIB_TCP6ROW_OWNER_PID', 56, tcp6)
export const udpRowPid = struct('MIB_UDPROW_OWNER_PID', 12, udp4)
export const udp6RowPid = struct('MIB_UDP6ROW_OWNER_PID', 28, udp6)
export const tcpRowModule = struct('MIB_TCPROW_OWNER_MODULE', 160, {
  ...tcp4,
  dwOwningPid: u32,
  ...created,
  OwningModuleInfo: moduleInfo,
})
export const tcp6RowModule = struct('MIB_TCP6ROW_OWNER_MODULE', 192, { ...tcp6, ...created, OwningModuleInfo: moduleInfo })
export const udpRowModule = struct('MIB_UDPROW_OWNER_MODULE', 160, {
  ...udp4,
  ...created,
  dwFlags: u32,
  OwningModuleInfo: moduleInfo,
})
export const udp6RowModule = struct('MIB_UDP6ROW_OWNER_MODULE', 176, {
  ...udp6,
  ...created,
  dwFlags: u32,
  OwningModuleInfo: moduleInfo,
})

/** The start of every table. Rows follow at the next place that is aligned as a row is. */
export const tableHead = struct('MIB_TABLE', 4, { dwNumEntries: u32 })

/** tcpmib.h: names one connection to SetTcpEntry and to the extended statistics. */
export const tcpRow = struct('MIB_TCPROW', 20, tcp4)
/** tcpmib.h */
export const tcp6Row = struct('MIB_TCP6ROW', 52, {
  State: u32,
  LocalAddr: bytes(16, 2),
  dwLocalScopeId: u32,
  dwLocalPort: be16,
  p1: rest,
  RemoteAddr: bytes(16, 2),
  dwRemoteScopeId: u32,
  dwRemotePort: be16,
  p2: rest,
})

/** iprtrmib.h: two pointers to UTF-16 text in the same buffer. */
export const ownerModule = struct('TCPIP_OWNER_MODULE_BASIC_INFO', 16, { pModuleName: id64, pModulePath: id64 })

const tcpCounts = {
  dwRtoMin: u32,
  dwRtoMax: u32,
  dwMaxConn: u32,
  dwActiveOpens: u32,
  dwPassiveOpens: u32,
  dwAttemptFails: u32,
  dwEstabResets: u32,
  dwCurrEstab: u32,
}
const tcpErrors = { dwRetransSegs: u32, dwInErrs: u32, dwOutRsts: u32, dwNumConns: u32 }
/** tcpmib.h; the second form came with Windows 10 1709. */
export const tcpStats = struct('MIB_TCPSTATS', 60, { dwRtoAlgorithm: u32, ...tcpCounts, dwInSegs: u32, dwOutSegs: u32, ...tcpErrors })
export const tcpStats2 = struct('MIB_TCPSTATS2', 72, { RtoAlgorithm: u32, ...tcpCounts, dw64InSegs: u64, dw64OutSegs: u64, ...tcpErrors })
/** udpmib.h; the second form came with Windows 10 1709. */
export const udpStats = struct('MIB_UDPSTATS', 20, {
  dwInDatagrams: u32,
  dwNoPorts: u32,
  dwInErrors: u32,
  dwOutDatagrams: u32,
  dwNumAddrs: u32,
})
export const udpStats2 = struct('MIB_UDPSTATS2', 32, {
  dw64InDatagrams: u64,
  dwNoPorts: u32,
  dwInErrors: u32,
  dw64OutDatagrams: u64,
  dwNumAddrs: u32,
})

/** mstcpip.h: TCP_INFO_v0 (Windows 10 1703), then what v1 (1803) and v2 (Windows 11) append. */
export const tcpInfo = struct(
  'TCP_INFO',
  88,
  {
    State: u32,
    Mss: u32,
    ConnectionTimeMs: u64,
    TimestampsEnabled: u8,
    RttUs: u32,
    MinRttUs: u32,
    BytesInFlight: u32,
    Cwnd: u32,
    SndWnd: u32,
    RcvWnd: u32,
    RcvBuf: u32,
    BytesOut: u64,
    BytesIn: u64,
    BytesReordered: u32,
    BytesRetrans: u32,
    FastRetrans: u32,
    DupAcksIn: u32,
    TimeoutEpisodes: u32,
    SynRetrans: u8,
  },
  {
    SndLimTransRwin: u32,
    SndLimTimeRwin: u32,
    SndLimBytesRwin: u64,
    SndLimTransCwnd: u32,
    SndLimTimeCwnd: u32,
    SndLimBytesCwnd: u64,
    SndLimTransSnd: u32,
    SndLimTimeSnd: u32,
    SndLimBytesSnd: u64,
    OutOfOrderPktsIn: u32,
    EcnNegotiated: u8,
    EceAcksIn: u32,
    PtoEpisodes: u32,
  },
)
/** The size of each version of TCP_INFO. */
export const tcpInfoSizes = [88, 136, 152] as const

/** netioapi.h; text is UTF-16. */
export const interfaceRow = struct('MIB_IF_ROW2', 1352, {
  InterfaceLuid: id64,
  InterfaceIndex: u32,
  InterfaceGuid: bytes(16, 4),
  Alias: bytes(514, 2),
  Description: bytes(514, 2),
  PhysicalAddressLength: u32,
  PhysicalAddress: bytes(32),
  PermanentPhysicalAddress: bytes(32),
  Mtu: u32,
  Type: u32,
  TunnelType: u32,
  MediaType: u32,
  PhysicalMediumType: u32,
  AccessType: u32,
  DirectionType: u32,
  InterfaceAndOperStatusFlags: u8,
  OperStatus: u32,
  AdminStatus: u32,
  MediaConnectState: u32,
  NetworkGuid: bytes(16, 4),
  ConnectionType: u32,
  TransmitLinkSpeed: id64, // All ones: not known.
  ReceiveLinkSpeed: id64,
  InOctets: u64,
  InUcastPkts: u64,
  InNUcastPkts: u64,
  InDiscards: u64,
  InErrors: u64,
  InUnknownProtos: u64,
  InUcastOctets: u64,
  InMulticastOctets: u64,
  InBroadcastOctets: u64,
  OutOctets: u64,
  OutUcastPkts: u64,
  OutNUcastPkts: u64,
  OutDiscards: u64,
  OutErrors: u64,
  OutUcastOctets: u64,
  OutMulticastOctets: u64,
  OutBroadcastOctets: u64,
  OutQLen: u64,
})

/** tlhelp32.h */
export const processEntry = struct('PROCESSENTRY32W', 568, {
  dwSize: u32,
  cntUsage: u32,
  th32ProcessID: u32,
  th32DefaultHeapID: id64,
  th32ModuleID: u32,
  cntThreads: u32,
  th32ParentProcessID: u32,
  pcPriClassBase: i32,
  dwFlags: u32,
  szExeFile: bytes(520, 2),
})

/** GetProcessTimes fills four FILETIMEs: created, exited, in the kernel, in user code. */
export const processTimes = struct('FILETIME[4]', 32, { created: id64, times: array(id64, 3) })

/** winnt.h: a pointer to a SID in the same buffer, and attributes. */
export const tokenUser = struct('TOKEN_USER', 16, { Sid: id64, Attributes: u32 })

/** winsvc.h: two pointers to UTF-16 text in the same buffer, and SERVICE_STATUS_PROCESS. */
export const serviceEntry = struct('ENUM_SERVICE_STATUS_PROCESSW', 56, {
  lpServiceName: id64,
  lpDisplayName: id64,
  dwServiceType: u32,
  dwCurrentState: u32,
  dwControlsAccepted: u32,
  dwWin32ExitCode: u32,
  dwServiceSpecificExitCode: u32,
  dwCheckPoint: u32,
  dwWaitHint: u32,
  dwProcessId: u32,
  dwServiceFlags: u32,
})

/** ntdef.h: the head of what NtQueryInformationProcess gives for a command line. */
export const unicodeString = struct('UNICODE_STRING', 16, { Length: u16, MaximumLength: u16, Buffer: id64 })

/** ws2def.h, ws2ipdef.h */
export const sockaddrIn = struct('SOCKADDR_IN', 16, { sin_family: u16, sin_port: be16, sin_addr: bytes(4, 4), sin_zero: bytes(8) })
export const sockaddrIn6 = struct('SOCKADDR_IN6', 28, {
  sin6_family: u16,
  sin6_port: be16,
  sin6_flowinfo: u32,
  sin6_addr: bytes(16, 2),
  sin6_scope_id: u32,
})

// Extended statistics of TCP (tcpestats.h): one struct for each group that can be turned on.

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

/** TCP_ESTATS_TYPE: each group that is read, its number, and the size of its answer. */
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
