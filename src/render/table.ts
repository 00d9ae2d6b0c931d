// Human-readable tables: as wide as needed, and never wider than the terminal.

import { clip, fill, safe, width } from './text.ts'

/** A column of a table: its header, and how it adapts to a narrow terminal. */
export interface TableColumn {
  readonly title: string
  readonly align: 'left' | 'right'
  readonly dropPriority?: number | undefined
  readonly truncates?: boolean | undefined
}

/** Options of a table; without `columns` only cells of more than 1000 columns are truncated. */
export interface TableOptions {
  readonly columns?: number | undefined
  readonly header?: boolean | undefined
  /** Colours the header. */
  readonly head?: ((line: string) => string) | undefined
}

const GAP = 2
const MIN_WIDTH = 8
/** The maximum of a cell, also where nothing is truncated to a terminal: one command line of 64 KiB would otherwise widen every row by as much. */
const MAX_WIDTH = 1000

/** The lines of a table. Cells are made safe here, so that no caller can forget it. */
export const table = (heads: readonly TableColumn[], cells: readonly (readonly string[])[], options: TableOptions = {}): string[] =>
  tableOf(
    heads,
    cells.length,
    heads.map((_, column) => row => cells[row]![column]!),
    options,
  )

/** Returns the cell of a row. */
export type CellOf = (row: number) => string | number | boolean | undefined

/** The lines of a table whose cells are computed one by one, column by column. */
export function tableOf(heads: readonly TableColumn[], rows: number, cells: readonly CellOf[], options: TableOptions = {}): string[] {
  const header = options.header !== false
  const columns = heads.map((head, i): Column => ({
    cell: cells[i]!,
    texts: [],
    width: header ? head.title.length : 0,
    isPlain: true,
    from: undefined,
    to: '',
  }))
  // Row by row: the data of a row is read from memory once.
  for (let row = 0; row < rows; row++) for (let i = 0; i < columns.length; i++) addCell(columns[i]!, row)
  const { kept, widths } = fit(
    heads,
    columns.map(c => c.width),
    options.columns,
  )
  for (const i of kept) pad(columns[i]!, widths[i]!, heads[i]!.align, i === kept.at(-1))
  const shown = kept.map(i => columns[i]!.texts)
  const last = shown.at(-1)!
  const lines: string[] = header ? [headLine(heads, kept, widths, options.head)] : []
  const line: string[] = shown.map(() => '')
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < line.length; i++) line[i] = shown[i]![row]!
    const text = line.join(gap)
    lines.push(last[row] === '' || last[row]!.endsWith(' ') ? text.trimEnd() : text)
  }
  return lines
}

interface Column {
  readonly cell: CellOf
  readonly texts: string[]
  width: number
  /** Every text is printable ASCII, so its width is its length. */
  isPlain: boolean
  /** The last cell, and its text. Adjacent cells are often equal, and are then converted once. */
  from: ReturnType<CellOf>
  to: string
}

/** Adds the text of a cell, made safe. */
function addCell(column: Column, row: number): void {
  const value = column.cell(row)
  if (value !== column.from) {
    column.from = value
    let to = value === undefined ? '' : String(value)
    // The ellipsis is special, so what is cut is also clipped.
    if (to.length > MAX_WIDTH) to = `${to.slice(0, MAX_WIDTH)}…`
    if (typeof value === 'string' && special.test(to)) {
      to = clip(safe(to), MAX_WIDTH)
      column.isPlain = false
      column.width = Math.max(column.width, width(to))
    } else if (to.length > column.width) column.width = to.length
    column.to = to
  }
  column.texts.push(column.to)
}

/** What may need to be made safe, or may be wider or narrower than one column. */
const special = /[^\u0020-\u005b\u005d-\u007e]/

/** Pads the cells of a column to its width. Nothing follows the last column, so it is not padded. */
function pad({ texts, width: needed, isPlain }: Column, columns: number, align: TableColumn['align'], isLast: boolean): void {
  const isCut = needed > columns
  const isOpen = isLast && align === 'left'
  if (isOpen && !isCut) return
  let from: string | undefined
  let to = ''
  for (let row = 0; row < texts.length; row++) {
    const text = texts[row]!
    if (text !== from) {
      from = text
      if (isCut || !isPlain) to = isOpen ? clip(text, columns) : fill(clip(text, columns), columns, align)
      else to = align === 'left' ? text.padEnd(columns) : text.padStart(columns)
    }
    texts[row] = to
  }
}

const gap = ' '.repeat(GAP)

function headLine(heads: readonly TableColumn[], kept: readonly number[], widths: readonly number[], colour: TableOptions['head']): string {
  const cells = kept.map(i => fill(clip(heads[i]!.title, widths[i]!), widths[i]!, heads[i]!.align))
  const line = cells.join(gap).trimEnd()
  return colour ? colour(line) : line
}

/** First drops columns that may be dropped, then truncates those that may be truncated, the widest first. */
function fit(heads: readonly TableColumn[], needed: readonly number[], max: number | undefined): { kept: number[]; widths: number[] } {
  const widths = [...needed]
  let kept = heads.map((_, i) => i)
  const total = (): number => kept.reduce((sum, i) => sum + widths[i]! + GAP, -GAP)
  if (max === undefined) return { kept, widths }
  const leaving = heads
    .map((h, i) => ({ i, dropPriority: h.dropPriority ?? 0 }))
    .filter(c => c.dropPriority > 0)
    .sort((a, b) => b.dropPriority - a.dropPriority)
  for (const { i } of leaving) if (total() > max) kept = kept.filter(k => k !== i)
  for (let over = total() - max; over > 0; over = total() - max) {
    const widest = kept.filter(i => heads[i]!.truncates && widths[i]! > MIN_WIDTH).sort((a, b) => widths[b]! - widths[a]!)[0]
    if (widest === undefined) break
    widths[widest] = Math.max(MIN_WIDTH, widths[widest]! - Math.max(1, Math.floor(over / 4)))
  }
  while (total() > max && kept.length > 1) kept = kept.slice(0, -1)
  if (total() > max) widths[kept[0]!] = max
  return { kept, widths }
}
