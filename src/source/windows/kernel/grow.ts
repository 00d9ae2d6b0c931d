// Answers whose size is asked first, and can grow before they are read.

import { OsError } from '../../../model/errors.ts'
import { codeName } from './codes.ts'

const ERROR_INSUFFICIENT_BUFFER = 122
const tries = 8
/** No answer is longer; a size above it is not believed. */
export const largestBuffer = 256 * 2 ** 20

/** Calls until the buffer is large enough: what is asked for can grow between two calls, so each try adds room, and tries are bounded. */
export function grow(name: string, ask: (buffer: Uint8Array | null, size: Uint32Array) => number, slack = 4096): Uint8Array {
  const size = new Uint32Array(1)
  let buffer: Uint8Array | null = null
  for (let attempt = 1; attempt <= tries; attempt++) {
    const code = ask(buffer, size)
    if (code === 0 && buffer !== null) return buffer
    if (code !== 0 && code !== ERROR_INSUFFICIENT_BUFFER) throw new OsError(name, codeName(code))
    const requested = size[0]!
    if (requested > largestBuffer) throw new OsError(name, 'ERROR_NOT_ENOUGH_MEMORY', { help: `it asked for ${requested} bytes` })
    size[0] = requested + Math.ceil(requested / 8) + slack * attempt
    buffer = new Uint8Array(size[0])
  }
  throw new OsError(name, codeName(ERROR_INSUFFICIENT_BUFFER), { help: `what it tells grew at each of ${tries} tries` })
}
