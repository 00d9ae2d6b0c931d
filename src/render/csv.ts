// Rows for other programs: CSV as in RFC 4180, and tab-separated values.

import type { Cell } from '../fields/field.ts'

/** One line of CSV, without its line break. */
export const csvLine = (cells: readonly Cell[]): string =>
  cells
    .map(c => (c === undefined ? '' : typeof c === 'string' && /[",\r\n]/.test(c) ? `"${c.replaceAll('"', '""')}"` : String(c)))
    .join(',')

/** One line of tab-separated values: tabs, line ends and backslashes in a cell are written `\t`, `\n`, `\r`, `\\`. */
export const tsvLine = (cells: readonly Cell[]): string =>
  cells.map(c => (c === undefined ? '' : String(c).replace(/[\\\t\n\r]/g, tsvEscape))).join('\t')

const tsvEscape = (c: string): string => ({ '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' })[c]!
