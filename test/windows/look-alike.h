// The structs of the look-alike, by Microsoft's names. tools/test-windows.mjs makes assertions of their sizes and offsets from
// test/layouts/windows.json (layout.h), so that a wrong field does not compile.
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

typedef struct {
  u32 dwState, dwLocalAddr, dwLocalPort, dwRemoteAddr, dwRemotePort;
} MIB_TCPROW;
typedef struct {
  u32 State;
  u8 LocalAddr[16];
  u32 dwLocalScopeId, dwLocalPort;
  u8 RemoteAddr[16];
  u32 dwRemoteScopeId, dwRemotePort;
} MIB_TCP6ROW;
typedef struct {
  u32 dwState, dwLocalAddr, dwLocalPort, dwRemoteAddr, dwRemotePort, dwOwningPid;
} MIB_TCPROW_OWNER_PID;
typedef struct {
  u32 dwState, dwLocalAddr, dwLocalPort, dwRemoteAddr, dwRemotePort, dwOwningPid;
  u64 liCreateTimestamp, OwningModuleInfo[16];
} MIB_TCPROW_OWNER_MODULE;
typedef struct {
  u8 ucLocalAddr[16];
  u32 dwLocalScopeId, dwLocalPort;
  u8 ucRemoteAddr[16];
  u32 dwRemoteScopeId, dwRemotePort, dwState, dwOwningPid;
} MIB_TCP6ROW_OWNER_PID;
typedef struct {
  u8 ucLocalAddr[16];
  u32 dwLocalScopeId, dwLocalPort;
  u8 ucRemoteAddr[16];
  u32 dwRemoteScopeId, dwRemotePort, dwState, dwOwningPid;
  u64 liCreateTimestamp, OwningModuleInfo[16];
} MIB_TCP6ROW_OWNER_MODULE;
typedef struct {
  u32 dwLocalAddr, dwLocalPort, dwOwningPid;
  u64 liCreateTimestamp;
  u32 dwFlags;
  u64 OwningModuleInfo[16];
} MIB_UDPROW_OWNER_MODULE;
typedef struct {
  u8 ucLocalAddr[16];
  u32 dwLocalScopeId, dwLocalPort, dwOwningPid;
  u64 liCreateTimestamp;
  u32 dwFlags;
  u64 OwningModuleInfo[16];
} MIB_UDP6ROW_OWNER_MODULE;
typedef struct {
  u64 pModuleName, pModulePath;
} TCPIP_OWNER_MODULE_BASIC_INFO;
typedef struct {
  u64 DataBytesOut, DataSegsOut, DataBytesIn, DataSegsIn, SegsOut, SegsIn;
  u32 SoftErrors, SoftErrorReason, SndUna, SndNxt, SndMax;
  u64 ThruBytesAcked;
  u32 RcvNxt;
  u64 ThruBytesReceived;
} TCP_ESTATS_DATA_ROD_v0;
typedef struct {
  u32 FastRetran, Timeouts, SubsequentTimeouts, CurTimeoutCount, AbruptTimeouts, PktsRetrans, BytesRetrans, DupAcksIn, SacksRcvd, SackBlocksRcvd,
      CongSignals, PreCongSumCwnd, PreCongSumRtt, PostCongSumRtt, PostCongCountRtt, EcnSignals, EceRcvd, SendStall, QuenchRcvd, RetranThresh,
      SndDupAckEpisodes, SumBytesReordered, NonRecovDa, NonRecovDaEpisodes, AckAfterFr, DsackDups, SampleRtt, SmoothedRtt, RttVar, MaxRtt, MinRtt,
      SumRtt, CountRtt, CurRto, MaxRto, MinRto, CurMss, MaxMss, MinMss, SpuriousRtoDetections;
} TCP_ESTATS_PATH_ROD_v0;
typedef struct {
  u32 SndLimTransRwin, SndLimTimeRwin;
  u64 SndLimBytesRwin;
  u32 SndLimTransCwnd, SndLimTimeCwnd;
  u64 SndLimBytesCwnd;
  u32 SndLimTransSnd, SndLimTimeSnd;
  u64 SndLimBytesSnd;
  u32 SlowStart, CongAvoid, OtherReductions, CurCwnd, MaxSsCwnd, MaxCaCwnd, CurSsthresh, MaxSsthresh, MinSsthresh;
} TCP_ESTATS_SND_CONG_ROD_v0;
typedef struct {
  u64 CurRetxQueue, MaxRetxQueue, CurAppWQueue, MaxAppWQueue;
} TCP_ESTATS_SEND_BUFF_ROD_v0;
typedef struct {
  u32 CurRwinSent, MaxRwinSent, MinRwinSent, LimRwin, DupAckEpisodes, DupAcksOut, CeRcvd, EcnSent, EcnNoncesRcvd, CurReasmQueue, MaxReasmQueue;
  u64 CurAppRQueue, MaxAppRQueue;
  u8 WinScaleSent;
} TCP_ESTATS_REC_ROD_v0;
typedef struct {
  u32 CurRwinRcvd, MaxRwinRcvd, MinRwinRcvd;
  u8 WinScaleRcvd;
} TCP_ESTATS_OBS_REC_ROD_v0;
typedef struct {
  u32 RttVar, MaxRtt, MinRtt, SumRtt;
} TCP_ESTATS_FINE_RTT_ROD_v0;
typedef struct {
  u32 State, Mss;
  u64 ConnectionTimeMs;
  u8 TimestampsEnabled;
  u32 RttUs, MinRttUs, BytesInFlight, Cwnd, SndWnd, RcvWnd, RcvBuf;
  u64 BytesOut, BytesIn;
  u32 BytesReordered, BytesRetrans, FastRetrans, DupAcksIn, TimeoutEpisodes;
  u8 SynRetrans;
  u32 SndLimTransRwin, SndLimTimeRwin;
  u64 SndLimBytesRwin;
  u32 SndLimTransCwnd, SndLimTimeCwnd;
  u64 SndLimBytesCwnd;
  u32 SndLimTransSnd, SndLimTimeSnd;
  u64 SndLimBytesSnd;
  u32 OutOfOrderPktsIn;
  u8 EcnNegotiated;
  u32 EceAcksIn, PtoEpisodes;
} TCP_INFO_v2;
typedef struct {
  u16 Length, MaximumLength;
  u64 Buffer;
} UNICODE_STRING;

#include "layout.h"
