// A DLL that looks like Windows where Wine has nothing: tables with create times and modules, garbage beside the ports, tables that grow,
// extended statistics, TCP_INFO, services, command lines, refusals. LOOK_ALIKE in the environment says what it plays; words can be joined.
#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <windows.h>
#include <stdlib.h>
#include <string.h>
#include "look-alike.h"

#define API __declspec(dllexport)
#define GARBAGE 0xbeef0000u
#define CREATED 133000000000000000ull

static int plays(const char *word) {
  char text[256] = "";
  GetEnvironmentVariableA("LOOK_ALIKE", text, sizeof text);
  return strstr(text, word) != NULL;
}

static u32 pid_of(const char *name) {
  char text[32] = "";
  return GetEnvironmentVariableA(name, text, sizeof text) ? (u32)atoi(text) : 0;
}

// The pid that holds the connections: a process that the test started, or ours.
static u32 holder(void) {
  u32 pid = pid_of("LOOK_ALIKE_PID");
  return pid ? pid : GetCurrentProcessId();
}

static u32 port(u16 n) { return GARBAGE | (u16)((n << 8) | (n >> 8)); }
static u32 ip(u8 a, u8 b, u8 c, u8 d) { return a | b << 8 | c << 16 | (u32)d << 24; }

static int closed; // SetTcpEntry was called for the connection.
static u32 growing; // How often the table that grows was asked for.

// The answer of a table function: the whole size, or too little room.
static u32 give(void *table, u32 *size, const void *rows, u32 count, u32 row, u32 first) {
  u32 needed = first + count * row;
  if (plays("absurd")) {
    *size = 0x7fffffff;
    return ERROR_INSUFFICIENT_BUFFER;
  }
  if (plays("endless")) {
    *size = *size * 2 + 100;
    return ERROR_INSUFFICIENT_BUFFER;
  }
  if (table == NULL || *size < needed) {
    *size = needed;
    return ERROR_INSUFFICIENT_BUFFER;
  }
  memset(table, 0xee, *size);
  memcpy(table, &count, 4);
  memcpy((char *)table + first, rows, count * row);
  if (plays("short")) *(u32 *)table = count + 1000000;
  return NO_ERROR;
}

// Three rows, and in a table that grows more with each call: listeners from port 20000 on.
static u32 tcp4(MIB_TCPROW_OWNER_MODULE *rows) {
  u32 n = 0;
  rows[n++] = (MIB_TCPROW_OWNER_MODULE){2, 0, port(8080), ip(9, 9, 9, 9), port(4711), holder(), CREATED, {1}};
  if (!closed) rows[n++] = (MIB_TCPROW_OWNER_MODULE){5, ip(10, 0, 0, 1), port(50000), ip(10, 0, 0, 2), port(443), holder(), CREATED + 10000, {2}};
  rows[n++] = (MIB_TCPROW_OWNER_MODULE){11, ip(10, 0, 0, 1), port(50001), ip(10, 0, 0, 2), port(443), 0, 0, {0}};
  if (plays("grow")) {
    u32 more = ++growing < 4 ? 300 * growing : 1200;
    for (u32 i = 0; i < more; i++) rows[n++] = (MIB_TCPROW_OWNER_MODULE){2, 0, port((u16)(20000 + i)), 0, 0, holder(), CREATED, {0}};
  } else growing = 0;
  return n;
}

API u32 __stdcall GetExtendedTcpTable(void *table, u32 *size, int order, u32 family, int kind, u32 zero) {
  static MIB_TCPROW_OWNER_MODULE rows[2048];
  if (plays("tables-denied")) return ERROR_ACCESS_DENIED;
  if (kind == 8 && plays("no-modules")) return ERROR_NOT_SUPPORTED;
  if (family == AF_INET6) {
    MIB_TCP6ROW_OWNER_MODULE six[2] = {
        {{0xfe, 0x80, [15] = 1}, 7u << 24, port(5000), {0xfe, 0x80, [15] = 2}, 7u << 24, port(443), 5, holder(), CREATED, {0}},
        {{0}, 0, port(8080), {0}, 0, 0, 2, holder(), CREATED, {0}}};
    if (kind == 8) return give(table, size, six, 2, sizeof six[0], 8);
    MIB_TCP6ROW_OWNER_PID plain[2];
    for (int i = 0; i < 2; i++) memcpy(&plain[i], &six[i], sizeof plain[i]);
    return give(table, size, plain, 2, sizeof plain[0], 4);
  }
  u32 n = tcp4(rows);
  if (kind == 8) return give(table, size, rows, n, sizeof rows[0], 8);
  static MIB_TCPROW_OWNER_PID plain[2048];
  for (u32 i = 0; i < n; i++) memcpy(&plain[i], &rows[i], sizeof plain[i]);
  return give(table, size, plain, n, sizeof plain[0], 4);
}

API u32 __stdcall GetExtendedUdpTable(void *table, u32 *size, int order, u32 family, int kind, u32 zero) {
  if (kind != 2) return ERROR_INVALID_PARAMETER;
  MIB_UDPROW_OWNER_MODULE four = {ip(127, 0, 0, 1), port(53), holder(), CREATED, 0, {3}};
  MIB_UDP6ROW_OWNER_MODULE six = {{[15] = 1}, 0, port(53), holder(), CREATED, 0, {3}};
  if (family == AF_INET) return give(table, size, &four, 1, sizeof four, 8);
  return give(table, size, &six, 1, sizeof six, 8);
}

static u32 module_of(const void *row, void *buffer, u32 *size, const wchar_t *name) {
  u32 needed = (u32)(sizeof(TCPIP_OWNER_MODULE_BASIC_INFO) + 2 * (wcslen(name) + 1));
  if (buffer == NULL || *size < needed) {
    *size = needed;
    return ERROR_INSUFFICIENT_BUFFER;
  }
  TCPIP_OWNER_MODULE_BASIC_INFO *info = buffer;
  info->pModuleName = (u64)(uintptr_t)(info + 1);
  info->pModulePath = plays("wild") ? 0x1234 : 0;
  if (plays("wild")) info->pModuleName = 0x1234;
  wcscpy((wchar_t *)(info + 1), name);
  return NO_ERROR;
}
API u32 __stdcall GetOwnerModuleFromTcpEntry(void *row, int kind, void *buffer, u32 *size) { return module_of(row, buffer, size, L"Dienst \u4f60"); }
API u32 __stdcall GetOwnerModuleFromTcp6Entry(void *row, int kind, void *buffer, u32 *size) { return module_of(row, buffer, size, L"Six"); }
API u32 __stdcall GetOwnerModuleFromUdpEntry(void *row, int kind, void *buffer, u32 *size) { return module_of(row, buffer, size, L"Udp"); }
API u32 __stdcall GetOwnerModuleFromUdp6Entry(void *row, int kind, void *buffer, u32 *size) { return module_of(row, buffer, size, L"Udp6"); }

// Extended statistics: what is on, how often it was turned on, and counters that grow with each reading.
static u8 on[2][10];
static u32 reads, turned;
API u32 __stdcall look_alike_on(void) {
  u32 n = 0;
  for (int f = 0; f < 2; f++)
    for (int i = 0; i < 10; i++) n += on[f][i];
  return n;
}
API u32 __stdcall look_alike_turned(void) { return turned; }

static u32 get_estats(int six, int type, u8 *rw, void *rod, u32 rod_size) {
  *rw = on[six][type];
  memset(rod, 0xff, rod_size);
  if (!on[six][type]) return NO_ERROR; // What is not collected is garbage.
  u32 k = ++reads;
  TCP_ESTATS_DATA_ROD_v0 data = {1000 + k, 10, 2000 + k, 20, 30, 40, 0, 0, 1, 2, 3, 900, 4, 1900};
  TCP_ESTATS_PATH_ROD_v0 path = {.SmoothedRtt = 30, .RttVar = 4, .MinRtt = 20, .CurRto = 300, .CurMss = 1000, .PktsRetrans = 9, .BytesRetrans = 900};
  TCP_ESTATS_SND_CONG_ROD_v0 congestion = {.CurCwnd = 10500, .CurSsthresh = 0xffffffff, .SndLimTimeRwin = 3};
  TCP_ESTATS_SEND_BUFF_ROD_v0 send = {23, 0, 77, 0};
  TCP_ESTATS_REC_ROD_v0 receive = {.CurRwinSent = 1024, .CurAppRQueue = 55, .WinScaleSent = 8};
  TCP_ESTATS_OBS_REC_ROD_v0 observed = {2048, 0, 0, 7};
  TCP_ESTATS_FINE_RTT_ROD_v0 fine = {456, 0, 19999, 30123};
  const void *answers[10] = {[1] = &data, &congestion, &path, &send, &receive, &observed, [8] = &fine};
  u32 sizes[10] = {[1] = sizeof data, sizeof congestion, sizeof path, sizeof send, sizeof receive, sizeof observed, [8] = sizeof fine};
  if (type < 1 || type > 8 || answers[type] == NULL || rod_size != sizes[type]) return ERROR_INVALID_USER_BUFFER;
  memcpy(rod, answers[type], sizes[type]);
  return NO_ERROR;
}

static u32 set_estats(int six, int type, const u8 *rw) {
  if (plays("estats-denied")) return ERROR_ACCESS_DENIED;
  if (*rw) turned++;
  on[six][type] = *rw;
  return NO_ERROR;
}

#define GET void *row, int type, u8 *rw, u32 rw_version, u32 rw_size, void *ros, u32 ros_version, u32 ros_size, void *rod, u32 rod_version, u32 rod_size
#define SET void *row, int type, u8 *rw, u32 rw_version, u32 rw_size, u32 offset
API u32 __stdcall GetPerTcpConnectionEStats(GET) {
  MIB_TCPROW *r = row;
  if (rw_size != 1 || ros != NULL) return ERROR_INVALID_USER_BUFFER;
  // The row must name the connection, without garbage.
  if (r->dwLocalPort != (port(50000) & 0xffff) || r->dwLocalAddr != ip(10, 0, 0, 1)) return ERROR_NOT_FOUND;
  return get_estats(0, type, rw, rod, rod_size);
}
API u32 __stdcall GetPerTcp6ConnectionEStats(GET) {
  MIB_TCP6ROW *r = row;
  if (r->State != 5 || r->LocalAddr[0] != 0xfe || r->dwLocalScopeId != 7u << 24 || r->dwRemotePort != (port(443) & 0xffff)) return ERROR_NOT_FOUND;
  return get_estats(1, type, rw, rod, rod_size);
}
API u32 __stdcall SetPerTcpConnectionEStats(SET) { return set_estats(0, type, rw); }
API u32 __stdcall SetPerTcp6ConnectionEStats(SET) { return set_estats(1, type, rw); }

API u32 __stdcall SetTcpEntry(MIB_TCPROW *row) {
  if (plays("close-denied")) return 317;
  if (row->dwState != 12 || row->dwLocalPort != (port(50000) & 0xffff) || row->dwRemotePort != (port(443) & 0xffff)) return ERROR_INVALID_PARAMETER;
  closed = 1;
  return NO_ERROR;
}

int __stdcall look_alike_WSAIoctl(SOCKET s, DWORD code, void *in, DWORD in_size, void *out, DWORD out_size, DWORD *got, void *overlapped, void *done) {
  if (code != 0xd8000027) return WSAIoctl(s, code, in, in_size, out, out_size, got, overlapped, done);
  static const u32 sizes[] = {88, 136, 152};
  u32 newest = plays("info-v0") ? 0 : plays("info-v1") ? 1 : 2;
  u32 version = *(u32 *)in;
  if (in_size != 4 || version > newest) {
    SetLastError(version > newest && plays("inval") ? WSAEINVAL : WSAEOPNOTSUPP);
    return SOCKET_ERROR;
  }
  if (out_size < sizes[version]) {
    SetLastError(WSAEFAULT);
    return SOCKET_ERROR;
  }
  TCP_INFO_v2 info = {.State = 4, .Mss = 1460, .TimestampsEnabled = 1, .RttUs = 1500, .MinRttUs = 1000, .BytesInFlight = 1461, .Cwnd = 14600,
                      .SndWnd = 65535, .RcvWnd = 65536, .RcvBuf = 70000, .BytesOut = 1ull << 33, .BytesIn = 7, .BytesRetrans = 3,
                      .SndLimTimeRwin = 12, .OutOfOrderPktsIn = 5, .EcnNegotiated = 1};
  memcpy(out, &info, sizes[version]);
  *got = sizes[version];
  return 0;
}

// These have the names that look-alike.def gives them, because <windows.h> declares functions of those names already.
HANDLE __stdcall look_alike_OpenProcess(DWORD access, BOOL inherit, DWORD pid) {
  if (pid == pid_of("LOOK_ALIKE_PROTECTED")) {
    SetLastError(ERROR_ACCESS_DENIED);
    return NULL;
  }
  return OpenProcess(access, inherit, pid);
}

BOOL __stdcall look_alike_EnumServicesStatusExW(HANDLE manager, int level, DWORD type, DWORD state, u8 *buffer, DWORD size, DWORD *needed, DWORD *count, DWORD *resume, void *group) {
  // Two pages with one service each, both in the process that holds the sockets.
  struct { u64 name, display; u32 status[9]; } *entry = (void *)buffer;
  memset(buffer, 0, 200);
  const wchar_t *name = *resume == 0 ? L"Erster" : L"Zweiter \u4f60";
  entry->name = (u64)(uintptr_t)(buffer + 100);
  entry->status[7] = holder();
  wcscpy((wchar_t *)(buffer + 100), name);
  *count = 1;
  if (*resume != 0) {
    *resume = 0;
    return TRUE;
  }
  *resume = 1;
  SetLastError(ERROR_MORE_DATA);
  return FALSE;
}

API int __stdcall NtQueryInformationProcess(HANDLE process, int kind, u8 *buffer, u32 size, u32 *needed) {
  static const wchar_t line[] = L"\"C:\\n\u00f6de.exe\" --geheim \"a b\" \u4f60";
  UNICODE_STRING head = {sizeof line - 2, sizeof line, (u64)(uintptr_t)(buffer + sizeof head)};
  if (kind != 60 || size < sizeof head + sizeof line) return (int)0xc0000004;
  memcpy(buffer, &head, sizeof head);
  memcpy(buffer + sizeof head, line, sizeof line);
  return 0;
}

BOOL __stdcall look_alike_GetTokenInformation(HANDLE token, int kind, void *buffer, DWORD size, DWORD *needed) {
  if (kind != 20) return GetTokenInformation(token, kind, buffer, size, needed);
  *(u32 *)buffer = plays("elevated");
  return TRUE;
}
