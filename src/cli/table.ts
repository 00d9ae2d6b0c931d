// The definition of a command, as data: parsing, --help, completion and the manual page are generated from it.

/** One option. */
export interface Option {
  readonly name: string
  readonly short?: string
  /** The placeholder of its value in help; absent when it has none. */
  readonly value?: string
  /** Its possible values, for completion. */
  readonly words?: readonly string[]
  readonly about: string
  /** It may be given more than once. */
  readonly many?: boolean
  /** Other names that are accepted, and not shown. */
  readonly aliases?: readonly string[]
  /** Accepted, but not shown in help. */
  readonly hidden?: boolean
  /** Shown in help on a line with others. */
  readonly compact?: boolean
}

/** An option as it is typed: `--tcp`, and `-t` where it has a letter. */
export const flagsOf = ({ name, short }: Option): readonly string[] => [`--${name}`, ...(short ? [`-${short}`] : [])]

/** The parsed options and words. */
export interface ParsedArguments {
  has(name: string): boolean
  value(name: string): string | undefined
  values(name: string): readonly string[]
  /** Every option in the order of the command line: the order matters for options of ss. */
  readonly sequence: readonly { readonly name: string; readonly value: string; readonly raw: string }[]
  /** The words that are not options. */
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
  /** Loads the code and runs it, with the table of all commands; returns the exit code. */
  readonly run: (args: ParsedArguments, commands: readonly Command[]) => Promise<number>
}

/** Options that every command takes. */
export const globalOptions: readonly Option[] = [
  { name: 'help', short: 'h', about: 'help' },
  { name: 'version', short: 'V', about: 'version' },
  { name: 'record', value: 'FILE', about: 'record to a file' },
  { name: 'record-arguments', about: 'record command lines too' },
  { name: 'replay', value: 'FILE', about: 'use a recording' },
  { name: 'strict', about: 'exit with 3 if anything was hidden' },
]

/** For files that a spreadsheet opens. */
export const csvSafe: Option = { name: 'csv-safe', about: 'no formulas in CSV', compact: true }

/** Options of the commands that print sockets. */
export const outputOptions: readonly Option[] = [
  { name: 'json', about: 'one document', compact: true },
  { name: 'ndjson', about: 'one object per line', compact: true },
  { name: 'csv', about: 'comma-separated', compact: true },
  { name: 'tsv', about: 'tab-separated', compact: true },
  csvSafe,
]
