// Parses the command line, by the table of options.

import { parseArgs } from 'node:util'
import { nearest } from '../model/nearest.ts'
import { parsePorts, parseRanges } from '../filter/language/ports.ts'
import type { PortRange } from '../model/limits.ts'
import { csvLine, tsvLine, withoutFormulas, type LineOf } from '../render/csv.ts'
import { UsageError } from './problem.ts'
import { flagsOf, globalOptions, type Command, type ParsedArguments, type Option } from './table.ts'

/** Reads the words after the name of the command. An unknown option is a UsageError with the nearest valid one. */
export function parse(command: Command, args: readonly string[]): ParsedArguments {
  const options = [...command.options, ...globalOptions]
  const config = Object.fromEntries(
    options.flatMap(({ name, aliases = [], short, value }) => {
      const type = value === undefined ? ('boolean' as const) : ('string' as const)
      return [
        [name, { type, multiple: true, ...(short && { short }) }],
        ...aliases.map(alias => [alias, { type, multiple: true }]),
      ] as const
    }),
  )
  const { tokens } = parseArgs({ args: [...args], options: config, strict: false, allowPositionals: true, tokens: true })
  const found = new Map<string, string[]>()
  const words: string[] = []
  const sequence: { name: string; value: string; raw: string }[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value)
    if (token.kind !== 'option') continue
    const option = options.find(o => o.name === token.name || o.aliases?.includes(token.name))
    if (option === undefined) throw unknown(token.rawName, command, options)
    const value = check(option, token.rawName, token.value)
    sequence.push({ name: option.name, value, raw: token.rawName })
    const before = found.get(option.name)
    if (before === undefined) found.set(option.name, [value])
    else if (option.value !== undefined && !option.many) throw new UsageError(`${token.rawName} was given twice`)
    else before.push(value)
  }
  return {
    has: name => found.has(name),
    value: name => found.get(name)?.at(-1),
    values: name => found.get(name) ?? [],
    sequence,
    words,
  }
}

function check(option: Option, raw: string, value: string | undefined): string {
  if (option.value === undefined) {
    if (value !== undefined) throw new UsageError(`${raw} takes no value`)
    return ''
  }
  if (value === undefined || value === '') throw new UsageError(`${raw} needs a value: ${raw} ${option.value}`)
  if (option.words && !option.words.includes(value)) {
    const hint = nearest(value, option.words)
    throw new UsageError(
      `${raw} ${JSON.stringify(value)}: ${hint ? `did you mean ${hint}?` : `expected one of ${option.words.join(', ')}`}`,
    )
  }
  return value
}

function unknown(raw: string, command: Command, options: readonly Option[]): UsageError {
  const names = options.filter(o => !o.hidden).flatMap(flagsOf)
  const hint = raw.startsWith('--') ? nearest(raw, names) : undefined
  return new UsageError(`unknown option ${JSON.stringify(raw)}; ${hint ? `did you mean ${hint}?` : `see sockscope ${command.name} --help`}`)
}

/** The requested form of output; only one of these may be given. */
export function onlyOneForm(args: ParsedArguments, names: readonly string[]): string | undefined {
  const forms = names.filter(name => args.has(name))
  if (forms.length > 1) throw new UsageError(`--${forms[0]} and --${forms[1]} cannot be used together`)
  return forms[0]
}

/** What makes the lines of `--csv` and `--tsv`; undefined when neither is requested. */
export function cellLineOf(args: ParsedArguments): LineOf | undefined {
  const line = args.has('csv') ? csvLine : args.has('tsv') ? tsvLine : undefined
  if (!args.has('csv-safe')) return line
  if (line === undefined) throw new UsageError('--csv-safe changes only --csv and --tsv; add one of them')
  return withoutFormulas(line)
}

/** The value of an option that takes a time such as `500ms`, `2s`, `1m`, or a bare number of seconds, in milliseconds. */
export function duration(args: ParsedArguments, name: string): number | undefined {
  const typed = args.sequence.findLast(option => option.name === name)
  if (typed === undefined) return undefined
  const { raw, value: text } = typed
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text)
  const ms = match ? Number(match[1]) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[(match[2] ?? 's') as 'ms'] : NaN
  if (!(ms > 0 && ms <= 2 ** 31 - 1))
    throw new UsageError(`${raw} ${JSON.stringify(text)}: expected a time above 0, such as 500ms, 2s or 1m`)
  return ms
}

/** The value of an option that takes a whole number from 1. */
export function count(args: ParsedArguments, name: string): number | undefined {
  const typed = args.sequence.findLast(option => option.name === name)
  if (typed === undefined) return undefined
  const { raw, value: text } = typed
  const value = /^\d+$/.test(text) ? Number(text) : NaN
  if (!(Number.isSafeInteger(value) && value > 0)) throw new UsageError(`${raw} ${JSON.stringify(text)}: expected a whole number above 0`)
  return value
}

const portList = (words: readonly string[]): string => words.map(word => word.replace(/^:/, '')).join(',')

/** The ports that the words name, with or without a leading colon. */
export const portsOf = (words: readonly string[]): readonly PortRange[] => parsePorts(portList(words), 'PORT')

/** The same, in the order in which they are written. */
export const rangesOf = (words: readonly string[]): readonly PortRange[] => parseRanges(portList(words), 'PORT')

/** `port 3000`, `ports 80,443`. */
export function portsText(words: readonly string[]): string {
  const ports = portList(words)
  return `${/[,-]/.test(ports) ? 'ports' : 'port'} ${ports}`
}
