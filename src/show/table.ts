// Rows and columns for people: as wide as they need to be, and never wider than the terminal.

import { clip, fill, safe, width } from './text.ts'

/** A column of a table: its head, and how it gives way. */
export interface TableColumn {
  readonly title: string
  readonly align: 'left' | 'right'
  readonly leaves?: number | undefined
  readonly clips?: boolean | undefined
}

/** How wide and whether with a head; no width means that nothing is cut. */
export interface TableOptions {
  readonly columns?: number | undefined
  readonly header?: boolean | undefined
  /** Wraps the head in colour. */
  readonly head?: ((line: string) => string) | undefined
}

const GAP = 2
const NARROWEST = 8

/** The lines of a table. Cells are made safe here, so no caller can forget it. */
export const table = (heads: readonly TableColumn[], cells: readonly (readonly string[])[], options: TableOptions = {}): string[] =>
  tableOf(heads, cells.length, (row, column) => cells[row]![column]!, options)

/** The lines of a table whose cells are asked for one by one, column after column. */
export function tableOf(
  heads: readonly TableColumn[],
  rows: number,
  cell: (row: number, column: number) => string,
  options: TableOptions = {},
): string[] {
  const header = options.header !== false
  const columns = heads.map((head, i) => columnOf(rows, row => cell(row, i), header ? head.title.length : 0))
  const { kept, widths } = fit(
    heads,
    columns.map(c => c.width),
    options.columns,
  )
  const shown = kept.map(i => padded(columns[i]!, widths[i]!, heads[i]!.align, i === kept.at(-1)))
  const lines: string[] = header ? [headLine(heads, kept, widths, options.head)] : []
  for (let row = 0; row < rows; row++) {
    let line = shown[0]!(row)
    let last = line
    for (let i = 1; i < shown.length; i++) {
      last = shown[i]!(row)
      line += gap + last
    }
    lines.push(last === '' || last.endsWith(' ') ? line.trimEnd() : line)
  }
  return lines
}

interface Column {
  readonly texts: readonly string[]
  readonly width: number
  /** Every text is of printable ASCII, so its width is its length. */
  readonly isPlain: boolean
}

/** The texts of a column, made safe. Neighbours are often the same, and are then looked at once. */
function columnOf(rows: number, cell: (row: number) => string, least: number): Column {
  const texts: string[] = []
  let most = least
  let isPlain = true
  let from: string | undefined
  let to = ''
  for (let row = 0; row < rows; row++) {
    const text = cell(row)
    if (text !== from) {
      from = text
      to = text
      if (special.test(text)) {
        to = safe(text)
        isPlain = false
        most = Math.max(most, width(to))
      } else if (text.length > most) most = text.length
    }
    texts.push(to)
  }
  return { texts, width: most, isPlain }
}

/** What may need to be made safe, or be wider or narrower than one column. */
const special = /[^\u0020-\u005b\u005d-\u007e]/

/** Gives the cell of a row, as wide as its column. Nothing follows the last column, so it is not filled up. */
function padded(column: Column, columns: number, align: TableColumn['align'], isLast: boolean): (row: number) => string {
  const { texts } = column
  const isCut = column.width > columns
  const make = (text: string): string => {
    const fitted = isCut ? clip(text, columns) : text
    if (isLast && align === 'left') return fitted
    if (!column.isPlain || isCut) return fill(fitted, columns, align)
    return align === 'left' ? text.padEnd(columns) : text.padStart(columns)
  }
  let from: string | undefined
  let to = ''
  return row => {
    const text = texts[row]!
    if (text !== from) to = make((from = text))
    return to
  }
}

const gap = ' '.repeat(GAP)

function headLine(heads: readonly TableColumn[], kept: readonly number[], widths: readonly number[], colour: TableOptions['head']): string {
  const cells = kept.map(i => fill(clip(heads[i]!.title, widths[i]!), widths[i]!, heads[i]!.align))
  const line = cells.join(gap).trimEnd()
  return colour ? colour(line) : line
}

/** First the columns that may leave go, then those that may be cut are cut, the widest first. */
function fit(heads: readonly TableColumn[], needed: readonly number[], most: number | undefined): { kept: number[]; widths: number[] } {
  const widths = [...needed]
  let kept = heads.map((_, i) => i)
  const total = (): number => kept.reduce((sum, i) => sum + widths[i]! + GAP, -GAP)
  if (most === undefined) return { kept, widths }
  const leaving = heads
    .map((h, i) => ({ i, leaves: h.leaves ?? 0 }))
    .filter(c => c.leaves > 0)
    .sort((a, b) => b.leaves - a.leaves)
  for (const { i } of leaving) if (total() > most) kept = kept.filter(k => k !== i)
  for (let over = total() - most; over > 0; over = total() - most) {
    const widest = kept.filter(i => heads[i]!.clips && widths[i]! > NARROWEST).sort((a, b) => widths[b]! - widths[a]!)[0]
    if (widest === undefined) break
    widths[widest] = Math.max(NARROWEST, widths[widest]! - Math.max(1, Math.floor(over / 4)))
  }
  while (total() > most && kept.length > 1) kept = kept.slice(0, -1)
  if (total() > most) widths[kept[0]!] = most
  return { kept, widths }
}
