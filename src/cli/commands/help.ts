// `sockscope help [TOPIC]`: commands, topics and the manual page.

import { nearest } from '../../model/nearest.ts'
import { commandHelp, programHelp } from '../help.ts'
import { manual } from '../manual.ts'
import { print } from '../output.ts'
import { exits, UsageError } from '../problem.ts'
import { topicNames, topics } from '../topics.ts'
import type { Command, ParsedArguments } from '../table.ts'
import { version } from '../version.ts'

/** Runs the command. */
export async function run(args: ParsedArguments, commands: readonly Command[]): Promise<number> {
  const [word, ...more] = args.words
  if (more.length > 0) throw new UsageError('help takes one topic')
  print(text(word, commands))
  return exits.found
}

function text(word: string | undefined, commands: readonly Command[]): string {
  if (word === undefined) return programHelp(commands)
  if (word === 'man') return manual(commands, version)
  const command = commands.find(c => c.name === word)
  if (command) return commandHelp(command)
  const topic = topicNames.find(name => name === word)
  if (topic) return `${topics()[topic].join('\n')}\n`
  const words = [...commands.map(c => c.name), ...topicNames, 'man']
  const hint = nearest(word, words)
  throw new UsageError(`no help on ${JSON.stringify(word)}; ${hint ? `did you mean ${hint}?` : `topics are ${words.join(', ')}`}`)
}
