// What a command is, as data: parsing, --help, completion and the manual page are all made from it.

/** One option. */
export interface Option {
  readonly name: string
  readonly short?: string
  /** The word for its value in help; absent when it has none. */
  readonly value?: string
  /** The words that it takes, for completion. */
  readonly words?: readonly string[]
  readonly about: string
  /** It may be given more than once. */
  readonly many?: boolean
  /** Taken, and not shown in help: another name that people type. */
  readonly hidden?: boolean
  /** Shown in help on a line with others. */
  readonly compact?: boolean
}

/** The values that were given, by the name of the option. */
export interface ParsedArguments {
  has(name: string): boolean
  value(name: string): string | undefined
  values(name: string): readonly string[]
  /** Every option in the order that they were typed: in lines of ss the order matters. */
  readonly sequence: readonly { readonly name: string; readonly value: string; readonly raw: string }[]
  /** What is no option. */
  readonly words: readonly string[]
}

/** One command. */
export interface Command {
  readonly name: string
  readonly about: string
  /** What may follow the name, for help. */
  readonly usage: string
  readonly options: readonly Option[]
  /** The words that may follow it, for completion. */
  readonly words?: readonly string[]
  readonly examples: readonly (readonly [line: string, about: string])[]
  /** Loads the code and runs it; gives the exit code. */
  readonly run: (args: ParsedArguments) => Promise<number>
}

/** Options that every command takes. */
export const globalOptions: readonly Option[] = [
  { name: 'help', short: 'h', about: 'show this help' },
  { name: 'version', short: 'V', about: 'show the version' },
  { name: 'record', value: 'FILE', about: 'keep what the kernel said' },
  { name: 'record-arguments', about: 'command lines too' },
  { name: 'replay', value: 'FILE', about: 'look at a recording' },
  { name: 'strict', about: 'exit 3 when something was hidden' },
]

/** Options of the commands that print sockets. */
export const outputOptions: readonly Option[] = [
  { name: 'json', about: 'one document', compact: true },
  { name: 'ndjson', about: 'one object a line', compact: true },
  { name: 'csv', about: 'by commas', compact: true },
  { name: 'tsv', about: 'by tabs', compact: true },
]
