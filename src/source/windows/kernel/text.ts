// Text as Windows keeps it: UTF-16 behind pointers, SIDs, and command lines that are one string. Pure.

import { viewOf, wideString } from '../../../bytes/text.ts'
import { DecodeError } from '../../../model/errors.ts'

/** A buffer, and the address that its pointers count from. */
export interface Located {
  readonly bytes: Uint8Array
  readonly address: bigint
}

/** The bytes from where a pointer shows to the end of the buffer; undefined for NULL. A pointer that leaves the buffer is refused. */
export function pointed(from: Located, pointer: bigint): Uint8Array | undefined {
  if (pointer === 0n) return undefined
  const at = pointer - from.address
  if (at < 0n || at >= BigInt(from.bytes.length)) throw new DecodeError('pointer', Number(at < 0n ? 0n : at), from.bytes.length)
  return from.bytes.subarray(Number(at))
}

/** The UTF-16 text that a pointer shows at. */
export function pointedText(from: Located, pointer: bigint): string | undefined {
  const bytes = pointed(from, pointer)
  return bytes && wideString(bytes)
}

/** The length of a SID, from its own count of parts. */
const sidLength = (b: Uint8Array): number => 8 + 4 * (b[1] ?? 0)

/** A SID without what follows it. */
export function sidBytes(b: Uint8Array): Uint8Array {
  if (b.length < 8 || b.length < sidLength(b)) throw new DecodeError('SID', Math.max(8, sidLength(b)), b.length)
  return b.subarray(0, sidLength(b))
}

/** A SID as Windows writes it: `S-1-5-18`. */
export function sidText(sid: Uint8Array): string {
  const view = viewOf(sidBytes(sid))
  const authority = view.getUint16(2) * 2 ** 32 + view.getUint32(4)
  const parts = Array.from({ length: view.getUint8(1) }, (_, i) => view.getUint32(8 + i * 4, true))
  return ['S', view.getUint8(0), authority, ...parts].join('-')
}

/** The bytes of a SID from its text. */
export function sidOfText(text: string): Uint8Array {
  const [revision = 1, authority = 0, ...parts] = text.split('-').slice(1).map(Number)
  const bytes = new Uint8Array(8 + parts.length * 4)
  const view = viewOf(bytes)
  view.setUint8(0, revision)
  view.setUint8(1, parts.length)
  view.setUint16(2, Math.floor(authority / 2 ** 32))
  view.setUint32(4, authority % 2 ** 32)
  for (const [i, part] of parts.entries()) view.setUint32(8 + i * 4, part, true)
  return bytes
}

/**
 * The words of a command line, as the C runtime of Microsoft splits them: backslashes count only before a quote, two of them make one,
 * an odd one makes the quote plain, and two quotes inside quotes make one. In the first word, the program, there are no escapes.
 */
export function splitCommandLine(line: string): string[] {
  const words: string[] = []
  const program = /^\s*(?:"([^"]*)"?|(\S+))/.exec(line)
  if (program === null) return words
  words.push(program[1] ?? program[2]!)
  for (let at = program[0].length; ;) {
    while (line[at] === ' ' || line[at] === '\t') at++
    if (at >= line.length) return words
    const word = nextWord(line, at)
    words.push(word.text)
    at = word.end
  }
}

function nextWord(line: string, start: number): { text: string; end: number } {
  let text = ''
  let quoted = false
  let at = start
  while (at < line.length && (quoted || (line[at] !== ' ' && line[at] !== '\t'))) {
    let slashes = 0
    while (line[at + slashes] === '\\') slashes++
    if (line[at + slashes] !== '"') {
      text += slashes > 0 ? '\\'.repeat(slashes) : line[at]
      at += Math.max(1, slashes)
      continue
    }
    text += '\\'.repeat(slashes >> 1)
    at += slashes + 1
    if (slashes % 2 === 1) text += '"'
    else if (quoted && line[at] === '"') {
      text += '"'
      at++
    } else quoted = !quoted
  }
  return { text, end: at }
}
