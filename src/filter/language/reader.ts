// What the parser carries while it reads, and what a text may be at most.

import type { Family } from '../../model/socket.ts'
import type { Scanner } from './scan.ts'

/** What the text may be at most. It keeps hostile text from taking time, memory or the stack. */
export const filterLimits = { characters: 200_000, conditions: 2000, values: 5000, depth: 100 } as const

/** A scanner that also knows how names are to be understood, and counts what is limited. */
export interface Reader extends Scanner {
  readonly family: Family | undefined
  readonly port: (name: string) => number | undefined
  conditions: number
  values: number
  nested: number
}
