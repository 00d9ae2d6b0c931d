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
export function table(heads: readonly TableColumn[], cells: readonly (readonly string[])[], options: TableOptions = {}): string[] {
  const rows = cells.map(row => row.map(safe))
  const needed = heads.map((head, i) => {
    let most = options.header === false ? 0 : head.title.length
    for (const row of rows) most = Math.max(most, width(row[i]!))
    return most
  })
  const { kept, widths } = fit(heads, needed, options.columns)
  const line = (row: readonly string[]): string =>
    kept
      .map(i => fill(clip(row[i]!, widths[i]!), widths[i]!, heads[i]!.align))
      .join(' '.repeat(GAP))
      .trimEnd()
  const lines = rows.map(line)
  if (options.header === false) return lines
  const head = line(heads.map(h => h.title))
  return [options.head ? options.head(head) : head, ...lines]
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
