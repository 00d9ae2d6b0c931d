// Text: its order, the characters that could affect a terminal, and JSON without them. Everything that prints foreign text needs these two.

/** The order of two texts by their code units: the same in every locale. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/**
 * Whatever moves a cursor, changes a colour or the direction of writing, is invisible, or looks like a space: controls, format and bidi controls, line and paragraph
 * separators, ignorable code points (fillers, joiners, variation selectors, tags), noncharacters, lone surrogates, the blank of Braille, and every space but U+0020.
 */
export const unsafe =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\u2800]|(?! )\p{Zs}/gu

/** JSON in which nothing can affect a terminal; it parses to the same value. */
export function safeJson(value: unknown): string {
  const text = JSON.stringify(value)
  if (!/[^\u0020-\u007e]/.test(text)) return text
  return text.replace(unsafe, c => Array.from({ length: c.length }, (_, i) => escape16(c.charCodeAt(i))).join(''))
}

const escape16 = (unit: number): string => `\\u${unit.toString(16).padStart(4, '0')}`
