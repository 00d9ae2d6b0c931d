// Answers whose size is read first, and can grow before they are read themselves.

import { OsError } from '../../../model/errors.ts'
import { codeName } from './codes.ts'

const ERROR_INSUFFICIENT_BUFFER = 122
const MAX_TRIES = 8
/** No answer is longer; a larger size is refused. */
export const maxBufferBytes = 256 * 2 ** 20

/** Calls until the buffer is large enough: the answer can grow between two calls, so each try adds room, and the number of tries is limited. */
export function grow(name: string, once: (buffer: Uint8Array | null, size: Uint32Array) => number, slack = 4096): Uint8Array {
  const size = new Uint32Array(1)
  let buffer: Uint8Array | null = null
  for (let attempt = 1; attempt <= MAX_TRIES; attempt++) {
    const code = once(buffer, size)
    if (code === 0 && buffer !== null) return buffer
    if (code !== 0 && code !== ERROR_INSUFFICIENT_BUFFER) throw new OsError(name, codeName(code))
    const requested = size[0]!
    if (requested > maxBufferBytes) throw new OsError(name, 'ERROR_NOT_ENOUGH_MEMORY', { help: `it requested ${requested} bytes` })
    size[0] = requested + Math.ceil(requested / 8) + slack * attempt
    buffer = new Uint8Array(size[0])
  }
  throw new OsError(name, codeName(ERROR_INSUFFICIENT_BUFFER), { help: `the answer grew at each of ${MAX_TRIES} tries` })
}
