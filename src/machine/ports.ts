// The search for a free port: one snapshot shows which are taken, the others are tried.

import { checkRanges, parseRanges } from '../filter/language/ports.ts'
import type { Query } from '../filter/plan.ts'
import { checkKeys } from '../model/arguments.ts'
import type { PortRange } from '../model/limits.ts'
import type { Snapshot } from '../model/snapshot.ts'
import { checkPortOptions, type PortOptions, type PortSearch, type SearchEnd } from '../ports/ports.ts'

/** Which port to find. */
export interface FreePortOptions extends PortOptions {
  /** Ports to choose from, in this order, such as `3000-3100` or `8080,3000-3010`. Default: any that the kernel chooses. */
  readonly from?: string | readonly PortRange[] | undefined
}

const freePortKeys = ['protocol', 'host', 'from'] satisfies (keyof FreePortOptions)[]

/** A search for free ports by checked options. */
export type FreePortsRequest = (
  search: PortSearch,
  takeSnapshot: (query: Query) => Promise<Snapshot>,
) => AsyncGenerator<number, SearchEnd, undefined>

/** The search for free ports, checked. It takes a snapshot only where there is a choice. */
export function freePortsRequest(options: FreePortOptions = {}): FreePortsRequest {
  checkKeys('options', options, freePortKeys)
  checkPortOptions(options)
  const { from, protocol = 'tcp' } = options
  const ranges = typeof from === 'string' ? parseRanges(from, 'options.from') : from && checkRanges('options.from', from)
  const query: Query = { protocols: [protocol], owners: false, ...(protocol === 'tcp' && { states: ['LISTEN', 'BOUND'] }) }
  return (search, takeSnapshot) => search.find(ranges, options, async () => takeSnapshot(query))
}

/** The first free port of a search; undefined when there is none. */
export async function firstOf(ports: AsyncGenerator<number, SearchEnd, undefined>): Promise<number | undefined> {
  for await (const port of ports) return port
  return undefined
}
