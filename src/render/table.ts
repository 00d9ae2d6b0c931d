// Human-readable tables: as wide as needed, and never wider than the terminal.

import { clip, clipMiddle, fill, safe, width } from './text.ts'

/** A column of a table: its header, and how it adapts to a narrow terminal. */
export interface TableColumn {
  readonly title: string
  readonly align: 'left' | 'right'
  /** Where the terminal is too narrow, the column with the highest number is dropped first; those with 1 only when truncating is not enough. */
  readonly dropPriority?: number | undefined
  /** Cells may be truncated: at their end, or in the middle, so that the port of an address or the inode after a path stays. */
  readonly truncates?: boolean | 'middle' | undefined
}

/** Options of a table; without `columns` only cells of more than 1000 columns are truncated. */
export interface TableOptions {
  readonly columns?: number | undefined
  readonly header?: boolean | undefined
  /** Colours the header. */
  readonly head?: ((line: string) => string) | undefined
  /** Where this is given, a terminal leaves out droppable columns without any value. It has the titles that earlier tables on the same screen had: they stay. */
  readonly shown?: Set<string> | undefined
}

const GAP = 2
const MIN_WIDTH = 8
/** Room for an ellipsis and the longest inode. */
const MIN_MIDDLE_WIDTH = 12
/** Room for both ends of an address and its port. Columns of the last priority are dropped before a cell gets narrower. */
const READABLE_MIDDLE_WIDTH = 18
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
    isUniform: true,
    from: undefined,
    to: '',
  }))
  // Row by row: the data of a row is read from memory once.
  for (let row = 0; row < rows; row++) for (let i = 0; i < columns.length; i++) addCell(columns[i]!, row)
  const { kept, widths } = fit(heads, columns, options)
  for (const i of kept) pad(columns[i]!, widths[i]!, heads[i]!, i === kept.at(-1))
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
  /** Every text is the same. */
  isUniform: boolean
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
    if (to !== column.to && column.texts.length > 0) column.isUniform = false
    column.to = to
  }
  column.texts.push(column.to)
}

/** What may need to be made safe, or may be wider or narrower than one column. */
const special = /[^\u0020-\u005b\u005d-\u007e]/

/** Pads the cells of a column to its width. Nothing follows the last column, so it is not padded. */
function pad({ texts, width: needed, isPlain }: Column, columns: number, { align, truncates }: TableColumn, isLast: boolean): void {
  const isCut = needed > columns
  const cut = truncates === 'middle' ? clipMiddle : clip
  const isOpen = isLast && align === 'left'
  if (isOpen && !isCut) return
  let from: string | undefined
  let to = ''
  for (let row = 0; row < texts.length; row++) {
    const text = texts[row]!
    if (text !== from) {
      from = text
      if (isCut || !isPlain) to = isOpen ? cut(text, columns) : fill(cut(text, columns), columns, align)
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

/**
 * First leaves out columns without any value, then drops columns that may be dropped, those that are the same in all rows first, and then truncates those that
 * may be truncated, the widest first. Without a terminal the columns are always the same.
 */
function fit(
  heads: readonly TableColumn[],
  columns: readonly Column[],
  { columns: max, shown }: TableOptions,
): { kept: number[]; widths: number[] } {
  const widths = columns.map(c => c.width)
  let kept = heads.map((_, i) => i)
  if (max === undefined) return { kept, widths }
  const total = (): number => kept.reduce((sum, i) => sum + widths[i]! + GAP, -GAP)
  const drop = (i: number): void => void (kept = kept.filter(k => k !== i))
  const truncate = (middle: number): void => {
    const min = (i: number): number => minWidth(heads[i]!, middle)
    for (let over = total() - max; over > 0; over = total() - max) {
      const widest = kept.filter(i => widths[i]! > min(i)).sort((a, b) => widths[b]! - widths[a]!)[0]
      if (widest === undefined) break
      widths[widest] = Math.max(min(widest), widths[widest]! - Math.max(1, Math.floor(over / 4)))
    }
  }
  const priority = (i: number): number => heads[i]!.dropPriority ?? 0
  const droppable = kept.filter(i => priority(i) > 0).sort((a, b) => priority(b) - priority(a))
  if (shown) for (const i of droppable) if (isEmpty(columns[i]!) && !shown.has(heads[i]!.title)) drop(i)
  const early = droppable.filter(i => priority(i) > 1)
  const uniform = early.filter(i => columns[i]!.isUniform && columns[i]!.texts.length > 1)
  for (const i of [...uniform, ...early]) if (total() > max) drop(i)
  truncate(READABLE_MIDDLE_WIDTH)
  for (const i of droppable) if (total() > max) drop(i)
  for (const i of kept) widths[i] = columns[i]!.width
  truncate(READABLE_MIDDLE_WIDTH)
  truncate(MIN_MIDDLE_WIDTH)
  while (total() > max && kept.length > 1) kept = kept.slice(0, -1)
  if (total() > max) widths[kept[0]!] = max
  for (const i of kept) shown?.add(heads[i]!.title)
  return { kept, widths }
}

const isEmpty = ({ isUniform, texts }: Column): boolean => isUniform && texts[0] === ''

const minWidth = ({ truncates }: TableColumn, middle: number): number =>
  truncates === 'middle' ? middle : truncates === true ? MIN_WIDTH : Infinity
