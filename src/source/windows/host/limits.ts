// What Windows allows sockets. Most of it has no documented call, and stays unknown.

import { OsError } from '../../../model/errors.ts'
import type { SystemLimits, Usage } from '../../../model/limits.ts'
import type { Calls } from '../kernel/api.ts'

const unknown: Usage = { used: undefined, limit: undefined }

/** Reads the limits. */
export function readLimits(calls: Calls): SystemLimits {
  return {
    ephemeralPorts: undefined,
    reservedPorts: [],
    excludedPorts: undefined, // Most machines have some; only netsh shows them.
    privilegedBelow: undefined, // No port needs a privilege.
    descriptors: { used: handles(calls), limit: 2 ** 24 }, // The kernel's table of handles of one process ends there.
    openFiles: unknown,
    tcpOrphans: unknown,
    tcpTimeWaits: unknown,
    tcpMemoryBytes: unknown,
    udpMemoryBytes: unknown,
  }
}

function handles(calls: Calls): number | undefined {
  try {
    return calls.ownHandleCount() || undefined // Every process has some; Wine does not count them.
  } catch (error) {
    if (error instanceof OsError) return undefined
    throw error
  }
}
