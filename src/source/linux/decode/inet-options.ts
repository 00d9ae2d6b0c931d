// Options of internet sockets. Sockets with the same options share one object: there are few different ones. Pure.

import type { Options } from '../../../model/socket.ts'
import { optionsOf, shutdownOf } from './draft.ts'
import { inetDiagSockopt } from '../kernel/structs.ts'

/** What is not known, in place of a number of 8 or 16 bits. */
export const UNKNOWN = -1

const max = 1000
const kept = new Map<number, Options>()

/** Options from the plain attributes: each the kernel's number, or UNKNOWN. */
export function plainOptions(v6only: number, shutdown: number, flags: number, tos: number, trafficClass: number): Options | undefined {
  // 2 + 3 + 17 + 9 + 9 bits: the number stays exact.
  const number = ((((v6only + 1) * 8 + (shutdown + 1)) * 0x20000 + (flags + 1)) * 512 + (tos + 1)) * 512 + (trafficClass + 1)
  if (number === lastNumber) return last
  lastNumber = number
  last = kept.get(number)
  if (last !== undefined || number === 0) return last
  const known = (value: number): number | undefined => (value === UNKNOWN ? undefined : value)
  last = optionsOf({
    v6only: v6only === UNKNOWN ? undefined : v6only !== 0,
    shutdown: shutdownOf(known(shutdown)),
    flags: flags === UNKNOWN ? undefined : flagNames(flags),
    tos: known(tos),
    trafficClass: known(trafficClass),
  })
  if (kept.size >= max) kept.clear()
  kept.set(number, last)
  return last
}

let lastNumber = 0
let last: Options | undefined

/** The names of the options that are on, as the kernel calls them. */
function flagNames(flags: number): string[] {
  const set = inetDiagSockopt.read(new DataView(new Uint8Array([flags & 255, flags >>> 8]).buffer))
  return Object.entries(set)
    .filter(([, on]) => on === 1)
    .map(([name]) => name)
}
