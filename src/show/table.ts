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
  const needed: number[] = []
  const columns = heads.map((head, i) => {
    let most = header ? head.title.length : 0
    const texts = filled(
      rows,
      row => cell(row, i),
      text => {
        const made = safe(text)
        most = Math.max(most, width(made))
        return made
      },
    )
    needed.push(most)
    return texts
  })
  const { kept, widths } = fit(heads, needed, options.columns)
  for (const i of kept) {
    const texts = columns[i]!
    const isLast = i === kept.at(-1) && heads[i]!.align === 'left'
    const fitted = (text: string): string => (needed[i]! > widths[i]! ? clip(text, widths[i]!) : text)
    columns[i] = filled(rows, row => texts[row]!, isLast ? fitted : text => fill(fitted(text), widths[i]!, heads[i]!.align))
  }
  const shown = kept.map(i => columns[i]!)
  const lines: string[] = header ? [headLine(heads, kept, widths, options.head)] : []
  for (let row = 0; row < rows; row++) {
    let line = ''
    let last = ''
    for (let i = 0; i < shown.length; i++) line += i === 0 ? (last = shown[i]![row]!) : gap + (last = shown[i]![row]!)
    lines.push(last === '' || last.endsWith(' ') ? line.trimEnd() : line)
  }
  return lines
}

const gap = ' '.repeat(GAP)

function headLine(heads: readonly TableColumn[], kept: readonly number[], widths: readonly number[], colour: TableOptions['head']): string {
  const cells = kept.map(i => fill(clip(heads[i]!.title, widths[i]!), widths[i]!, heads[i]!.align))
  const line = cells.join(gap).trimEnd()
  return colour ? colour(line) : line
}

/** A text for each row. Neighbours are often the same, and are then made once. */
function filled(rows: number, cell: (row: number) => string, make: (text: string) => string): string[] {
  const made: string[] = []
  let from: string | undefined
  let to = ''
  for (let row = 0; row < rows; row++) {
    const text = cell(row)
    if (text !== from) to = make((from = text))
    made.push(to)
  }
  return made
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
