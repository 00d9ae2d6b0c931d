// Foreign text made safe for a terminal, and its display width.

import { unsafe } from '../model/text.ts'

export { safeJson } from '../model/text.ts'

/** What `safe` writes, or text that looks like it. */
const escaped = /\\x[0-9a-f]{2}|\\u\{/

/**
 * The text with everything that could affect a terminal written as `\x1b` or `\u{202e}`. Backslashes are doubled only in a text that has such a character or
 * looks like an escape: no two texts become the same, and Windows paths stay as they are.
 */
export function safe(text: string): string {
  if (!/[^\u0020-\u005b\u005d-\u007e]/.test(text)) return text
  if (text.search(unsafe) < 0 && !escaped.test(text)) return text
  return text.replaceAll('\\', '\\\\').replace(unsafe, c => {
    const code = c.codePointAt(0)!
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
  })
}

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}]/u

/** The number of terminal columns that the text occupies. */
export function width(text: string): number {
  if (!/[^\u0020-\u007e]/.test(text)) return text.length
  let columns = 0
  for (const c of text) columns += /\p{M}/u.test(c) ? 0 : wide.test(c) ? 2 : 1
  return columns
}

/** The text in at most `columns`; a truncated text ends with `…`. */
export function clip(text: string, columns: number): string {
  if (width(text) <= columns) return text
  if (columns <= 0) return ''
  let end = 0
  let used = 0
  for (const c of text) {
    used += width(c)
    if (used > columns - 1) break
    end += c.length
  }
  return `${text.slice(0, end)}…`
}

/** A port or an inode at the end of a text, with the bracket of its address. */
const lastPart = /\]?[: ][\w*-]{1,15}$/

/** The text in at most `columns`, with `…` in its middle: what follows the last colon or space stays, such as the port of an address. */
export function clipMiddle(text: string, columns: number): string {
  if (width(text) <= columns) return text
  const end = lastPart.exec(text)?.[0] ?? ''
  const rest = columns - 1 - end.length
  if (rest < 0) return clip(text, columns)
  const characters = Array.from(text.slice(0, text.length - end.length))
  // The start of an address is its network, the end of a path its name: both get half.
  let tail = ''
  for (let c = characters.pop(); c !== undefined && width(c + tail) <= Math.floor(rest / 2); c = characters.pop()) tail = c + tail
  const head = clip(text, rest - width(tail) + 1)
  return `${head.slice(0, -1)}…${tail}${end}`
}

/** The colours of a terminal that output uses. */
export type Colour = 'bold' | 'dim' | 'red' | 'green' | 'yellow'
/** Colours text, or returns it unchanged where colour is off. */
export type Paint = (colour: Colour, text: string) => string

/** The text padded with spaces. */
export function fill(text: string, columns: number, align: 'left' | 'right'): string {
  const space = ' '.repeat(Math.max(0, columns - width(text)))
  return align === 'right' ? space + text : text + space
}
