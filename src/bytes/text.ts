// Bytes to text.

const utf8 = new TextDecoder('utf-8')

/** Text up to the first NUL, or all of it. Bytes that are not UTF-8 become U+FFFD. */
export function cString(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return utf8.decode(end < 0 ? bytes : bytes.subarray(0, end))
}

/** A DataView over the same bytes. */
export const viewOf = (b: Uint8Array): DataView => new DataView(b.buffer, b.byteOffset, b.byteLength)

/**
 * What follows `start` on the first line that begins with it; undefined where no line does. Only a line feed ends a line: `^` and `$` of a multi-line regular
 * expression also match at \r, U+2028 and U+2029, which a process can put into its name.
 */
export function restOfLine(text: string, start: string): string | undefined {
  const at = text.startsWith(start) ? 0 : text.indexOf(`\n${start}`) + 1
  if (at === 0 && !text.startsWith(start)) return undefined
  const end = text.indexOf('\n', at)
  return text.slice(at + start.length, end < 0 ? undefined : end)
}

const utf16 = new TextDecoder('utf-16le')

/** UTF-16 text up to the first NUL, or all of it. Unpaired surrogates become U+FFFD. */
export function wideString(bytes: Uint8Array): string {
  let end = 0
  while (end + 1 < bytes.length && (bytes[end] !== 0 || bytes[end + 1] !== 0)) end += 2
  return utf16.decode(bytes.subarray(0, end))
}

const whole = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * Text of all bytes, NULs included. A byte that is not UTF-8 becomes a character of its own from U+DC80 to U+DCFF, as in Python: different bytes are
 * different texts.
 */
export function utf8Text(bytes: Uint8Array): string {
  const text = whole.decode(bytes)
  if (!text.includes('\uFFFD')) return text
  let all = ''
  for (let at = 0; at < bytes.length;) {
    const byte = bytes[at]!
    const length = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4
    const character = whole.decode(bytes.subarray(at, at + length))
    const isValid = !character.includes('\uFFFD') || isReplacement(bytes, at)
    all += isValid ? character : String.fromCharCode(0xdc00 + byte)
    at += isValid ? length : 1
  }
  return all
}

/** The bytes of U+FFFD itself are valid. */
const isReplacement = (bytes: Uint8Array, at: number): boolean => bytes[at] === 0xef && bytes[at + 1] === 0xbf && bytes[at + 2] === 0xbd
