// The size of a page of memory: the kernel counts in pages, and they are of 4, 16 or 64 KiB on arm64.

import { littleEndian } from '../../../bytes/struct.ts'
import { viewOf } from '../../../bytes/text.ts'
import type { ProcFs } from './proc-fs.ts'

/** AT_PAGESZ, include/uapi/linux/auxvec.h */
const AT_PAGESZ = 6n

/** The size of a page in bytes, from the numbers that the kernel gives each program; undefined where they cannot be read. */
export function pageBytes(proc: ProcFs): number | undefined {
  const bytes = proc.bytes('self/auxv')
  if (bytes === undefined) return undefined
  const view = viewOf(bytes)
  // Pairs of a type and a value, of 64 bits each; a 32-bit program has another layout, in which no type is found.
  for (let at = 0; at + 16 <= view.byteLength; at += 16)
    if (view.getBigUint64(at, littleEndian) === AT_PAGESZ) return Number(view.getBigUint64(at + 8, littleEndian))
  return undefined
}
