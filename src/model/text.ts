// Text: its order, the characters that could affect a terminal, and JSON without them. Everything that prints foreign text needs these two.

/** The order of two texts by their code units: the same in every locale. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** Whatever moves a cursor, changes a colour, changes the direction of writing or is invisible: C0, DEL, C1, bidi controls, separators, lone surrogates. */
export const unsafe =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|\p{Surrogate}|[\u{e0000}-\u{e007f}]/gu

/** JSON in which nothing can affect a terminal; it parses to the same value. */
export function safeJson(value: unknown): string {
  const text = JSON.stringify(value)
  if (!/[^\u0020-\u007e]/.test(text)) return text
  return text.replace(unsafe, c => Array.from({ length: c.length }, (_, i) => escape16(c.charCodeAt(i))).join(''))
}

const escape16 = (unit: number): string => `\\u${unit.toString(16).padStart(4, '0')}`
