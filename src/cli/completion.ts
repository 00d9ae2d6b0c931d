// Completion scripts for four shells, generated from the table of commands.

import type { FieldRegistry } from '../fields/registry.ts'
import { standardFields } from '../fields/standard.ts'
import { usualNames } from '../render/columns.ts'
import { groupNames } from '../report/group.ts'
import { flagsOf, globalOptions, type Command, type Option } from './table.ts'

/** The supported shells. */
export const shells = ['bash', 'zsh', 'fish', 'powershell'] as const
/** The name of a shell. */
export type Shell = (typeof shells)[number]

const visible = (command: Command): readonly Option[] => [...command.options, ...globalOptions].filter(o => !o.hidden)
const flags = (command: Command): string[] => visible(command).flatMap(flagsOf)
const isFile = (o: Option): boolean => o.value === 'FILE'
/** In single quotes for a POSIX shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

/** The script for a shell. */
export function completion(shell: Shell, commands: readonly Command[], fields: FieldRegistry = standardFields): string {
  return { bash, zsh, fish, powershell }[shell](commands.map(command => ({ ...command, options: withFields(command.options, fields) })))
}

/** Options that take the names of fields, with the usual ones. */
const withFields = (options: readonly Option[], fields: FieldRegistry): readonly Option[] =>
  options.map(option => {
    const names = option.name === 'columns' || option.name === 'sort' ? usualNames : option.name === 'group-by' ? groupNames : undefined
    return option.words === undefined && names !== undefined ? { ...option, words: names(fields) } : option
  })

/** The words that can follow a command. */
const wordsOf = (command: Command, commands: readonly Command[]): readonly string[] | undefined =>
  command.name === 'help' ? [...commands.map(c => c.name), ...(command.words ?? [])] : command.words

/** For bash: the words with the `command/--flag` that they follow. The same flag has other words with another command. */
function choices(commands: readonly Command[]): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const command of commands) {
    for (const o of visible(command)) {
      const words = o.words?.join(' ')
      if (words === undefined) continue
      const places = found.get(words) ?? []
      found.set(words, places)
      places.push(...flagsOf(o).map(flag => `${command.name}/${flag}`))
    }
  }
  return found
}

function bash(commands: readonly Command[]): string {
  const names = commands.map(c => c.name).join(' ')
  const files = new Set(
    commands
      .flatMap(visible)
      .filter(isFile)
      .map(o => `*/--${o.name}`),
  )
  return `# sockscope completion for bash: source <(sockscope completion bash)
_sockscope() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} command=list word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case " ${names} " in *" $word "*) command=$word; break ;; esac
  done
  case $command/$prev in
${[...choices(commands)].map(([words, places]) => `    ${places.join('|')}) COMPREPLY=($(compgen -W ${quoted(words)} -- "$cur")); return ;;`).join('\n')}
    ${[...files].join('|')}) COMPREPLY=($(compgen -f -- "$cur")); return ;;
  esac
  case $command in
${commands.map(c => `    ${c.name}) word=${quoted([...flags(c), ...(wordsOf(c, commands) ?? [])].join(' '))} ;;`).join('\n')}
  esac
  [ "$COMP_CWORD" = 1 ] && word="$word ${names}"
  COMPREPLY=($(compgen -W "$word" -- "$cur"))
}
complete -F _sockscope sockscope
`
}

function zsh(commands: readonly Command[]): string {
  const describe = (name: string, about: string): string => quoted(`${name}:${about.replaceAll(':', ' ')}`)
  const spec = (o: Option): string[] => {
    const about = o.about.replaceAll(/[[\]:]/g, ' ')
    const action =
      o.value === undefined ? '' : o.words ? `:${o.value}:(${o.words.join(' ')})` : isFile(o) ? `:${o.value}:_files` : `:${o.value}: `
    return flagsOf(o).map(flag => quoted(`${o.many ? '*' : ''}${flag}[${about}]${action}`))
  }
  return `#compdef sockscope
# sockscope completion for zsh: sockscope completion zsh > "\${fpath[1]}/_sockscope"
_sockscope() {
  local -a commands=(
${commands.map(c => `    ${describe(c.name, c.about)}`).join('\n')}
  )
  local command=\${words[2]}
  if (( CURRENT == 2 )) && [[ $command != -* ]]; then
    _describe command commands
    return
  fi
  # _arguments takes the first word for the program: without this, the command is a word that no option may follow.
  if (( \${commands[(I)$command:*]} )); then
    shift words
    (( CURRENT-- ))
  fi
  case $command in
${commands.map(c => `    ${c.name}) _arguments -s ${[...visible(c).flatMap(spec), ...(c.words ? [quoted(`*:word:(${wordsOf(c, commands)!.join(' ')})`)] : [])].join(' ')} ;;`).join('\n')}
    *) _arguments -s ${visible(commands[0]!).flatMap(spec).join(' ')} ;;
  esac
}
# In a file of fpath this is the body of the function; sourced, it defines it.
if [[ $funcstack[1] == _sockscope ]]; then
  _sockscope "$@"
else
  compdef _sockscope sockscope
fi
`
}

function fish(commands: readonly Command[]): string {
  const line = (condition: string, o: Option): string =>
    [
      `complete -c sockscope -n ${quoted(condition)} -l ${o.name}`,
      ...(o.short ? [`-s ${o.short}`] : []),
      ...(o.value === undefined ? [] : [isFile(o) ? '-r -F' : '-x']),
      ...(o.words ? [`-a ${quoted(o.words.join(' '))}`] : []),
      `-d ${quoted(o.about)}`,
    ].join(' ')
  return [
    '# sockscope completion for fish: sockscope completion fish > ~/.config/fish/completions/sockscope.fish',
    'complete -c sockscope -f',
    ...commands.map(c => `complete -c sockscope -n __fish_use_subcommand -a ${c.name} -d ${quoted(c.about)}`),
    ...commands.flatMap(c => c.options.filter(o => !o.hidden).map(o => line(`__fish_seen_subcommand_from ${c.name}`, o))),
    ...commands[0]!.options.filter(o => !o.hidden).map(o => line('__fish_use_subcommand', o)),
    ...commands
      .filter(c => c.words)
      .map(
        c => `complete -c sockscope -n ${quoted(`__fish_seen_subcommand_from ${c.name}`)} -a ${quoted(wordsOf(c, commands)!.join(' '))}`,
      ),
    ...globalOptions.map(o => line('true', o)),
    '',
  ].join('\n')
}

function powershell(commands: readonly Command[]): string {
  const list = (words: readonly string[]): string => `@(${words.map(w => `'${w.replaceAll("'", "''")}'`).join(', ')})`
  return `# sockscope completion for PowerShell: sockscope completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName sockscope -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $names = ${list(commands.map(c => c.name))}
  $options = @{
${commands.map(c => `    '${c.name}' = ${list([...flags(c), ...(wordsOf(c, commands) ?? [])])}`).join('\n')}
  }
  $words = @($commandAst.CommandElements | ForEach-Object { $_.ToString() })
  $command = 'list'
  foreach ($word in $words[1..$words.Count]) { if ($names -contains $word) { $command = $word; break } }
  $found = @($options[$command])
  if ($words.Count -le 2) { $found += $names }
  $found | Where-Object { $_ -like "$wordToComplete*" } | Sort-Object -Unique | ForEach-Object { [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_) }
}
`
}
