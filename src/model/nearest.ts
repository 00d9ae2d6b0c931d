// The word that was probably meant: used by the filter language, and by the command line for its options.

import { ArgumentError } from './errors.ts'

/** The nearest of the words, or undefined when none is near: at most one wrong letter in three, two letters swapped count as one. */
export function nearest(word: string, words: Iterable<string>): string | undefined {
  if (typeof word !== 'string') throw new ArgumentError(`word: needs text, got ${String(word)}`)
  if (typeof words?.[Symbol.iterator] !== 'function') throw new ArgumentError('words: needs a list of words')
  if (word.length > 40) return undefined
  const from = word.toLowerCase()
  let best: string | undefined
  const max = Math.max(1, Math.floor(from.length / 3))
  let min = max + 0.001
  for (const candidate of words) {
    const to = candidate.toLowerCase()
    if (Math.abs(to.length - from.length) > max) continue
    // Of equally distant words, the one with the longer common prefix: `proces` is `process`, not `probes`.
    const cost = distance(from, to) - common(from, to) / 100
    if (cost >= min) continue
    min = cost
    best = candidate
  }
  return best
}

function common(a: string, b: string): number {
  let i = 0
  while (i < a.length && a[i] === b[i]) i++
  return i
}

// Letters to add, drop, change or swap (optimal string alignment), in three rows of the table.
function distance(a: string, b: string): number {
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, before[j - 2]! + 1)
      row.push(cost)
    }
    before = above
    above = row
  }
  return above[b.length]!
}
