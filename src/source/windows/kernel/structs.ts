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
/** FILETIME: 100 ns since 1601. */
const created = { liCreateTimestamp: id64 }

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
