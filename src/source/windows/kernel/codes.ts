// The error numbers of Windows by name.

/** winerror.h: those that the calls here are known to return. */
const names: Readonly<Record<number, string>> = {
  2: 'ERROR_FILE_NOT_FOUND',
  5: 'ERROR_ACCESS_DENIED',
  6: 'ERROR_INVALID_HANDLE',
  8: 'ERROR_NOT_ENOUGH_MEMORY',
  18: 'ERROR_NO_MORE_FILES',
  24: 'ERROR_BAD_LENGTH',
  31: 'ERROR_GEN_FAILURE',
  50: 'ERROR_NOT_SUPPORTED',
  87: 'ERROR_INVALID_PARAMETER',
  120: 'ERROR_CALL_NOT_IMPLEMENTED',
  122: 'ERROR_INSUFFICIENT_BUFFER',
  127: 'ERROR_PROC_NOT_FOUND',
  232: 'ERROR_NO_DATA',
  234: 'ERROR_MORE_DATA',
  299: 'ERROR_PARTIAL_COPY',
  317: 'ERROR_MR_MID_NOT_FOUND',
  1168: 'ERROR_NOT_FOUND',
  1332: 'ERROR_NONE_MAPPED',
  10014: 'WSAEFAULT',
  10022: 'WSAEINVAL',
  10038: 'WSAENOTSOCK',
  10045: 'WSAEOPNOTSUPP',
  10057: 'WSAENOTCONN',
}

/** The name of an error, such as `ERROR_ACCESS_DENIED`. */
export const codeName = (code: number): string => names[code] ?? `error ${code}`

/** This Windows does not have the call, or does not have it for this. */
export const isUnsupported = (code: string): boolean =>
  ['ERROR_NOT_SUPPORTED', 'ERROR_CALL_NOT_IMPLEMENTED', 'ERROR_PROC_NOT_FOUND', 'WSAEOPNOTSUPP'].includes(code)

/** What helps against a refusal. */
export const elevate = 'run it elevated (as administrator)'
