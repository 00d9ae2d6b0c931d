// Help, generated from the table of commands.

import { globalOptions, type Command, type Option } from './table.ts'
import { topicNames } from './topics.ts'

const optionLine = (o: Option): string => {
  const name = `${o.short ? `-${o.short}, ` : '    '}--${o.name}${o.value ? ` ${o.value}` : ''}`
  return `  ${name.padEnd(24)} ${o.about}`
}

/** A screen has 80 columns and 24 lines. */
const screenColumns = 80

/** `-t TCP · -u UDP`, as many on a line as fit. */
function compactLines(options: readonly Option[]): string[] {
  const lines: string[] = []
  for (const o of options) {
    const item = `${o.short ? `-${o.short}` : `--${o.name}`}${o.value ? ` ${o.value}` : ''} ${o.about}`
    const last = lines.at(-1)
    if (last !== undefined && last.length + item.length + 3 <= screenColumns) lines[lines.length - 1] = `${last} · ${item}`
    else lines.push(`  ${item}`)
  }
  return lines
}

/** The help of one command: it fits on a screen. */
export function commandHelp(command: Command): string {
  const shown = command.options.filter(o => !o.hidden && !o.compact)
  const letters = compactLines(command.options.filter(o => o.compact && !o.hidden))
  const examples = command.examples.map(([line, about]) => `  ${line.padEnd(42)} ${about}`.trimEnd())
  return [
    `sockscope ${command.name} ${command.usage}`.trimEnd(),
    `  ${command.about}`,
    ...(letters.length > 0 ? ['', ...letters] : []),
    ...(shown.length > 0 ? ['', ...shown.map(optionLine)] : []),
    ...(examples.length > 0 ? ['', ...examples] : []),
    `Global options: ${globalOptions.map(o => `--${o.name}`).join(' ')}`,
    '',
  ].join('\n')
}

/** The help of the whole program. */
export function programHelp(commands: readonly Command[]): string {
  return [
    'sockscope: every socket on this machine, who owns it, and how healthy it is',
    '  sockscope [list] [-tuxw… as in ss] [FILTER]',
    '  sockscope :3000',
    '',
    ...commands.map(c => `  ${c.name.padEnd(12)} ${c.about}`),
    '',
    ...compactLines(globalOptions),
    `More: COMMAND --help; help ${topicNames.join('|')}`,
    '',
  ].join('\n')
}
