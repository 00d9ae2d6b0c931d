// The search for a free port: one snapshot shows which are taken, the others are tried.

import { parsePorts } from '../filter/language/ports.ts'
import type { Query } from '../filter/plan.ts'
import { checkKeys } from '../model/arguments.ts'
import { ArgumentError } from '../model/errors.ts'
import type { PortRange } from '../model/limits.ts'
import type { Snapshot } from '../model/snapshot.ts'
import { anyFreePort, checkPortOptions, firstFreePort, isPortRange, type PortOptions } from '../ports/ports.ts'

/** Which port to find. */
export interface FreePortOptions extends PortOptions {
  /** Ports to choose from, in order, such as `3000-3100`. Default: any that the kernel chooses. */
  readonly from?: string | readonly PortRange[] | undefined
}

const freePortKeys = ['protocol', 'host', 'from'] satisfies (keyof FreePortOptions)[]

/** The search for a free port, checked. It takes a snapshot only where there is a choice. */
export function freePortRequest(
  options: FreePortOptions = {},
): (takeSnapshot: (query: Query) => Promise<Snapshot>) => Promise<number | undefined> {
  checkKeys('options', options, freePortKeys)
  checkPortOptions(options)
  const { from, protocol = 'tcp' } = options
  if (from === undefined) return async () => anyFreePort(options)
  const ranges = typeof from === 'string' ? parsePorts(from, 'options.from') : from
  if (!Array.isArray(ranges) || !ranges.every(isPortRange))
    throw new ArgumentError('options.from: needs ports such as 3000-3100, or a list of { first, last }')
  const query: Query = { protocols: [protocol], owners: false, ...(protocol === 'tcp' && { states: ['LISTEN', 'BOUND'] }) }
  return async takeSnapshot => firstFreePort(ranges, options, async () => takeSnapshot(query))
}
