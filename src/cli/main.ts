// The command line: finds the command, runs it, and turns every error into a message and an exit code.

import { ArgumentError, DecodeError, FilterError, OsError } from '../model/errors.ts'
import { nearest } from '../model/nearest.ts'
import { safe } from '../render/text.ts'
import { commands } from './commands.ts'
import { commandHelp, programHelp } from './help.ts'
import { ClosedOutput, note, print } from './output.ts'
import { parse } from './parse.ts'
import { exits, isDenied, systemText, UsageError } from './problem.ts'
import { globalOptions, type Command, type ParsedArguments } from './table.ts'
import { version } from './version.ts'

async function main(argv: readonly string[]): Promise<number> {
  const [first] = argv
  if (first === '--version' || first === '-V' || first === '-v') {
    print(`sockscope ${version}\n`)
    return exits.found
  }
  if (argv.length === 1 && (first === '--help' || first === '-h')) {
    print(programHelp(commands))
    return exits.found
  }
  const { command, rest } = await choose(argv)
  const args = parse(command, rest)
  if (args.has('help')) {
    print(commandHelp(command))
    return exits.found
  }
  if (command.usage === '' && args.words.length > 0)
    throw new UsageError(`${command.name} takes no arguments, got ${JSON.stringify(args.words[0])}; see sockscope ${command.name} --help`)
  return command.run(args, commands).catch(noNamespace(args))
}

/** A network namespace that does not exist is a usage error. */
const noNamespace =
  (args: ParsedArguments) =>
  (error: unknown): never => {
    const word = args.value('net')
    const missing = error instanceof OsError && /^(setns|open)\b/.test(error.call) && /^(ENOENT|ESRCH|EINVAL|ENOTDIR)$/.test(error.code)
    if (missing && word !== undefined)
      throw new UsageError(`--net ${JSON.stringify(word)} is not a network namespace: ${error.help ?? systemText(error)}`)
    throw error
  }

/** Selects the command: by its name, also after global options, `:3000` for a port, and `list` for everything else. */
async function choose(args: readonly string[]): Promise<{ command: Command; rest: readonly string[] }> {
  const at = afterGlobalOptions(args)
  const first = args[at] ?? ''
  const named = commands.find(c => c.name === first)
  if (named) return { command: named, rest: args.toSpliced(at, 1) }
  const port = commands.find(c => c.name === 'port')
  if (port && /^:\d/.test(first)) return { command: port, rest: args }
  if (/^[\w.]/.test(first) && !(await canStartFilter(args.slice(at)))) {
    const isCondition = /^([=<>!]|(eq|ne|lt|le|gt|ge)$)/.test(args[at + 1] ?? '')
    const meant =
      /^[a-z][a-z-]+$/.test(first) && !isCondition
        ? nearest(
            first,
            commands.map(c => c.name),
          )
        : undefined
    if (meant !== undefined) throw new UsageError(`unknown command ${JSON.stringify(first)}; did you mean ${meant}?`)
    const isOnly = args.slice(at + 1).every(word => word.startsWith('-'))
    if (isOnly && (await isAddress(first))) throw new UsageError(`${JSON.stringify(first)} is not a filter; did you mean ip ${first}?`)
    if (isOnly && /^[\w.-]*\d$/.test(first)) throw new UsageError(`unknown word ${JSON.stringify(first)}; did you mean process:${first}?`)
  }
  return { command: commands[0]!, rest: args }
}

async function isAddress(word: string): Promise<boolean> {
  const { addressWords } = await import('../filter/language/address.ts')
  return addressWords(word) !== undefined
}

/** The place of the first word after the global options at the start. */
function afterGlobalOptions(args: readonly string[]): number {
  let at = 0
  for (;;) {
    const [name, value] = (args[at] ?? '').split('=', 2)
    const option = globalOptions.find(one => `--${one.name}` === name)
    if (option === undefined) return at
    at += option.value !== undefined && value === undefined ? 2 : 1
  }
}

/** Whether the first word can start a filter, as `listen`, `sport` and, before another word, `state` do; what follows may still be wrong. */
async function canStartFilter(args: readonly string[]): Promise<boolean> {
  if (args[0] === 'state' || args[0] === 'exclude' || args[0] === 'excl') return true
  const { parseFilter } = await import('../filter/language/parse.ts')
  try {
    parseFilter(args.filter(word => !word.startsWith('-')).join(' '))
    return true
  } catch (error) {
    return !(error instanceof FilterError && error.start === 0)
  }
}

/** Mistakes of the caller, in the command line, a filter or a file. */
const mistakes = [UsageError, ArgumentError, FilterError, DecodeError]

/** Prints an error, and returns its exit code. */
function fail(error: unknown): number {
  if (error instanceof ClosedOutput) return exits.found
  if (mistakes.some(kind => error instanceof kind)) {
    const [first, ...more] = (error as Error).message.split('\n').map(safe)
    note([`sockscope: ${first}`, ...more].join('\n'))
    return exits.usage
  }
  if (error instanceof OsError) {
    note(`sockscope: ${safe(systemText(error))}`)
    return isDenied(error) ? exits.permission : exits.failed
  }
  return bug(error)
}

function bug(error: unknown): number {
  note(
    `sockscope: internal error; please report this bug:\n${safe(String(error instanceof Error ? error.stack : error)).replaceAll('\\x0a', '\n')}`,
  )
  return exits.bug
}

main(process.argv.slice(2)).then(
  code => process.exit(code),
  (error: unknown) => process.exit(fail(error)),
)
