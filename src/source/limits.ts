// The limits of a system that reports none: a platform sets those that it has.

import type { SystemLimits, Usage } from '../model/limits.ts'

const unknown: Usage = { used: undefined, limit: undefined }

export const unknownLimits: SystemLimits = {
  ephemeralPorts: undefined,
  reservedPorts: [],
  excludedPorts: undefined,
  privilegedBelow: undefined,
  descriptors: unknown,
  openFiles: unknown,
  tcpOrphans: unknown,
  tcpTimeWaits: unknown,
  tcpMemoryBytes: unknown,
  udpMemoryBytes: unknown,
}
