// What a snapshot needs of the kernel's records, beside what is always read.

import type { Zones } from './address.ts'

/** What a snapshot needs of the kernel's records. */
export interface Requested {
  readonly tcp: boolean
  readonly memory: boolean
  readonly options: boolean
  /** Count bytes. */
  readonly traffic: boolean
  /** Darwin's major version: 24 is macOS 15. Undefined when it is not known. */
  readonly major: number | undefined
  readonly zones: Zones
}

/** Nothing but what is always read. */
export const nothingRequested: Requested = {
  tcp: false,
  memory: false,
  options: false,
  traffic: false,
  major: undefined,
  zones: new Map(),
}
