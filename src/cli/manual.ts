// The manual page, generated from the table of commands.

import { flagsOf, globalOptions, type Command, type Option } from './table.ts'
import { topics } from './topics.ts'

/** Text that troff prints unchanged: characters outside ASCII by number, because only groff reads Latin-1. */
const roff = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/gm, '\\&$1')
    // oxlint-disable-next-line no-control-regex -- all of ASCII
    .replace(/[^\0-\x7f]/gu, char => `\\[u${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}]`)

const optionLines = (o: Option): string[] => {
  const names = flagsOf(o)
    .toReversed()
    .map(flag => `\\fB${roff(flag)}\\fR`)
    .join(', ')
  return ['.TP', `${names}${o.value ? ` \\fI${roff(o.value)}\\fR` : ''}`, roff(o.about)]
}

/** The page in troff. */
export function manual(commands: readonly Command[], version: string): string {
  return [
    `.TH SOCKSCOPE 1 "" "sockscope ${version}" "User Commands"`,
    '.SH NAME',
    'sockscope \\- see every socket on this machine: who owns it, how healthy it is, how many bytes it moves',
    '.SH SYNOPSIS',
    ...commands.flatMap(c => ['.br', roff(`sockscope ${c.name} ${c.usage}`.trimEnd())]),
    '.SH COMMANDS',
    ...commands.flatMap(c => [
      `.SS "${roff(c.name)}"`,
      roff(c.about),
      ...c.options.filter(o => !o.hidden).flatMap(optionLines),
      ...c.examples.flatMap(([line, about]) => ['.TP', `\\fB${roff(line)}\\fR`, roff(about)]),
    ]),
    '.SH GLOBAL OPTIONS',
    ...globalOptions.flatMap(optionLines),
    ...Object.entries(topics()).flatMap(([name, lines]) => [`.SH "${name.toUpperCase()}"`, '.nf', ...lines.map(roff), '.fi']),
    '',
  ].join('\n')
}
