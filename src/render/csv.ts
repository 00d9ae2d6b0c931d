// Rows for other programs: CSV as in RFC 4180, and tab-separated values. Cells are made safe here, one by one, so that no caller can forget it and a row is always one line.

import type { Cell } from '../fields/field.ts'
import { safe } from './text.ts'

/** Makes one line of cells, without its line break. */
export type LineOf = (cells: readonly Cell[]) => string

/** A line of CSV. */
export const csvLine: LineOf = cells => cells.map(cell => quoted(textOf(cell))).join(',')

/** A line of tab-separated values. A tab in a cell is an escape, so nothing is quoted. */
export const tsvLine: LineOf = cells => cells.map(textOf).join('\t')

/** Lines for spreadsheets, which run text that starts like a formula: an apostrophe before it makes it text (OWASP, "CSV Injection"). */
export const withoutFormulas =
  (line: LineOf): LineOf =>
  cells =>
    line(cells.map(cell => (typeof cell === 'string' && /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell)))

const textOf = (cell: Cell): string => (cell === undefined ? '' : typeof cell === 'string' ? safe(cell) : String(cell))

const quoted = (text: string): string => (/[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
