// Confirmation before an action that cannot be undone.

import { createInterface } from 'node:readline'
import { exitCodeAfter, offInterrupt, onInterrupt } from './interrupt.ts'
import { isTerminal, note } from './output.ts'
import { exits, UsageError } from './problem.ts'
import type { ParsedArguments } from './table.ts'

/**
 * Asks for confirmation: undefined when the user confirms, with --yes or on the terminal; otherwise the exit code, after a line that nothing was done.
 * Without a terminal nothing is assumed.
 */
export async function unconfirmed(args: ParsedArguments, question: string): Promise<number | undefined> {
  if (args.has('yes')) return undefined
  if (!isTerminal() || process.stdin.isTTY !== true)
    throw new UsageError('nothing was done: cannot ask for confirmation without a terminal; add --yes to proceed, or --dry-run to preview')
  const signal = onInterrupt()
  const answer = await answerTo(`${question} [y/N] `, signal)
  offInterrupt()
  if (answer !== undefined && /^y(es)?$/i.test(answer.trim())) return undefined
  note(`${answer === undefined ? '\n' : ''}sockscope: nothing was done`)
  return answer === undefined ? exitCodeAfter(signal, exits.interrupted) : exits.failed
}

/** The line that the user types; undefined for ^C, ^D, the end of the terminal and a signal. */
async function answerTo(question: string, signal: AbortSignal): Promise<string | undefined> {
  const lines = createInterface({ input: process.stdin, output: process.stdout })
  const answer = await new Promise<string | undefined>(resolve => {
    for (const end of ['close', 'error']) lines.on(end, () => resolve(undefined))
    signal.addEventListener('abort', () => resolve(undefined))
    lines.question(question, resolve)
  })
  lines.close()
  return answer
}
