// Confirmation before an action that cannot be undone.

import { createInterface } from 'node:readline/promises'
import { isTerminal } from './output.ts'
import { UsageError } from './problem.ts'
import type { ParsedArguments } from './table.ts'

/** True when the user confirms, with --yes or on the terminal. Without a terminal nothing is assumed. */
export async function confirmed(args: ParsedArguments, question: string): Promise<boolean> {
  if (args.has('yes')) return true
  if (!isTerminal() || process.stdin.isTTY !== true)
    throw new UsageError('nothing was done: cannot ask for confirmation without a terminal; add --yes to proceed, or --dry-run to preview')
  const lines = createInterface({ input: process.stdin, output: process.stdout })
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim())
  } finally {
    lines.close()
  }
}
