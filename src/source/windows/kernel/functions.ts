// The functions of Windows that are called, as C declares them, by the DLL that has them. Only text: calls.ts binds and calls them.

const table = 'void *table, uint32_t *size, int order, uint32_t family, int kind, uint32_t zero'
const module_ = 'void *row, int kind, void *buffer, uint32_t *size'
const getEstats =
  'void *row, int type, void *rw, uint32_t rwVersion, uint32_t rwSize, void *ros, uint32_t rosVersion, uint32_t rosSize, void *rod, uint32_t rodVersion, uint32_t rodSize'
const setEstats = 'void *row, int type, void *rw, uint32_t rwVersion, uint32_t rwSize, uint32_t offset'

/** The declarations, by DLL. */
export const declarations = {
  'iphlpapi.dll': [
    `uint32_t __stdcall GetExtendedTcpTable(${table})`,
    `uint32_t __stdcall GetExtendedUdpTable(${table})`,
    `uint32_t __stdcall GetOwnerModuleFromTcpEntry(${module_})`,
    `uint32_t __stdcall GetOwnerModuleFromTcp6Entry(${module_})`,
    `uint32_t __stdcall GetOwnerModuleFromUdpEntry(${module_})`,
    `uint32_t __stdcall GetOwnerModuleFromUdp6Entry(${module_})`,
    'uint32_t __stdcall GetIfTable2(_Out_ void **table)',
    'void __stdcall FreeMibTable(void *table)',
    'uint32_t __stdcall GetTcpStatisticsEx(void *statistics, uint32_t family)',
    'uint32_t __stdcall GetTcpStatisticsEx2(void *statistics, uint32_t family)',
    'uint32_t __stdcall GetUdpStatisticsEx(void *statistics, uint32_t family)',
    'uint32_t __stdcall GetUdpStatisticsEx2(void *statistics, uint32_t family)',
    `uint32_t __stdcall GetPerTcpConnectionEStats(${getEstats})`,
    `uint32_t __stdcall GetPerTcp6ConnectionEStats(${getEstats})`,
    `uint32_t __stdcall SetPerTcpConnectionEStats(${setEstats})`,
    `uint32_t __stdcall SetPerTcp6ConnectionEStats(${setEstats})`,
    'uint32_t __stdcall SetTcpEntry(void *row)',
  ],
  'kernel32.dll': [
    'intptr_t __stdcall CreateToolhelp32Snapshot(uint32_t flags, uint32_t pid)',
    'int __stdcall Process32FirstW(intptr_t snapshot, void *entry)',
    'int __stdcall Process32NextW(intptr_t snapshot, void *entry)',
    'intptr_t __stdcall OpenProcess(uint32_t access, int inherit, uint32_t pid)',
    'intptr_t __stdcall GetCurrentProcess()',
    'int __stdcall CloseHandle(intptr_t handle)',
    'uint32_t __stdcall GetLastError()',
    'int __stdcall QueryFullProcessImageNameW(intptr_t process, uint32_t flags, void *name, uint32_t *size)',
    'int __stdcall GetProcessTimes(intptr_t process, void *created, void *exited, void *kernel, void *user)',
    'int __stdcall GetExitCodeProcess(intptr_t process, uint32_t *code)',
    'int __stdcall TerminateProcess(intptr_t process, uint32_t code)',
    'int __stdcall GetProcessHandleCount(intptr_t process, uint32_t *count)',
    'intptr_t __stdcall GetStdHandle(uint32_t which)',
  ],
  'kernelbase.dll': ['int __stdcall CompareObjectHandles(intptr_t a, intptr_t b)'],
  'ntdll.dll': ['int32_t __stdcall NtQueryInformationProcess(intptr_t process, int kind, void *buffer, uint32_t size, uint32_t *needed)'],
  'advapi32.dll': [
    'int __stdcall OpenProcessToken(intptr_t process, uint32_t access, _Out_ intptr_t *token)',
    'int __stdcall GetTokenInformation(intptr_t token, int kind, void *buffer, uint32_t size, uint32_t *needed)',
    'int __stdcall LookupAccountSidW(void *system, void *sid, void *name, uint32_t *nameSize, void *domain, uint32_t *domainSize, uint32_t *use)',
    'intptr_t __stdcall OpenSCManagerW(void *machine, void *database, uint32_t access)',
    'int __stdcall EnumServicesStatusExW(intptr_t manager, int level, uint32_t type, uint32_t state, void *buffer, uint32_t size, uint32_t *needed, uint32_t *count, uint32_t *resume, void *group)',
    'int __stdcall CloseServiceHandle(intptr_t manager)',
  ],
  'ws2_32.dll': [
    'int __stdcall getsockname(uintptr_t socket, void *name, int32_t *size)',
    'int __stdcall getpeername(uintptr_t socket, void *name, int32_t *size)',
    'int __stdcall getsockopt(uintptr_t socket, int level, int option, void *value, int32_t *size)',
    'int __stdcall WSAIoctl(uintptr_t socket, uint32_t code, void *in, uint32_t inSize, void *out, uint32_t outSize, uint32_t *got, void *overlapped, void *done)',
  ],
} as const satisfies Readonly<Record<string, readonly string[]>>
