// `sockscope completion SHELL`: the completion script of a shell.

import { completion, shells, type Shell } from '../completion.ts'
import { print } from '../output.ts'
import { exits, UsageError } from '../problem.ts'
import type { Command, ParsedArguments } from '../table.ts'

/** Runs the command. */
export async function run(args: ParsedArguments, commands: readonly Command[]): Promise<number> {
  const [shell, ...more] = args.words
  if (more.length > 0 || !shells.includes(shell as Shell))
    throw new UsageError(`which shell? write sockscope completion ${shells.join('|')}`)
  print(completion(shell as Shell, commands))
  return exits.found
}
