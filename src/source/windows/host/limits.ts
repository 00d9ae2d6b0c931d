// What Windows allows sockets. Most of it has no documented call, and stays unknown: most machines have excluded ports, which only netsh shows.

import type { SystemLimits } from '../../../model/limits.ts'
import { attempt } from '../../attempt.ts'
import { unknownLimits } from '../../limits.ts'
import type { Calls } from '../kernel/api.ts'

/** Reads the limits. */
export function readLimits(calls: Calls): SystemLimits {
  const used = attempt(() => calls.ownHandleCount()) || undefined // Every process has some; Wine does not count them.
  return { ...unknownLimits, descriptors: { used, limit: 2 ** 24 } } // The kernel's table of handles of one process ends there.
}
