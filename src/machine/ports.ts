// Free ports and limits of this machine, for those who want just that.

import { parsePorts } from '../filter/language/ports.ts'
import { planQuery, type Query } from '../filter/plan.ts'
import { aSource, checkIs, checkKeys } from '../model/arguments.ts'
import { ArgumentError } from '../model/errors.ts'
import type { PortRange, Usage } from '../model/limits.ts'
import * as ports from '../ports/ports.ts'
import { openLocal } from '../source/open.ts'
import type { Source } from '../source/source.ts'
import { sockets } from './functions.ts'

export { isPortAvailable, type PortOptions } from '../ports/ports.ts'

/** Which port is wanted. */
export interface FreePortOptions extends ports.PortOptions {
  /** Ports to choose from, in order, such as `3000-3100`. Default: any that the kernel gives. */
  readonly from?: string | readonly PortRange[]
}

const freePortKeys = ['protocol', 'host', 'from'] satisfies (keyof FreePortOptions)[]

/** A port that is free; undefined when there is none in the range. The source is the one to ask for listeners; default: this machine. */
export async function freePort(options: FreePortOptions = {}, source?: Source): Promise<number | undefined> {
  checkKeys('options', options, freePortKeys)
  ports.checkPortOptions(options)
  if (source !== undefined) checkIs('source', source, aSource)
  const { from, protocol = 'tcp' } = options
  if (from === undefined) return ports.anyFreePort(options)
  const ranges = typeof from === 'string' ? parsePorts(from) : from
  if (!Array.isArray(ranges) || !ranges.every(ports.isPortRange))
    throw new ArgumentError('options.from: needs ports such as 3000-3100, or a list of { first, last }')
  const query: Query = { protocols: [protocol], owners: false, ...(protocol === 'tcp' && { states: ['LISTEN', 'BOUND'] }) }
  return ports.firstFreePort(ranges, options, async () => (source ? source.takeSnapshot(planQuery(query)) : sockets(query)))
}

/** The ports that the system gives to connections that do not ask for one; undefined where it does not report them. */
export const ephemeralPortRange = (): Promise<PortRange | undefined> => opened(ports.ephemeralPortRange)

/** How many descriptors, and so sockets, this process has and may have. */
export const socketLimit = (): Promise<Usage> => opened(ports.socketLimit)

async function opened<T>(use: (source: Source) => Promise<T>): Promise<T> {
  const source = await openLocal()
  try {
    return await use(source)
  } finally {
    source.close()
  }
}
