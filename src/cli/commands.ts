// Every command, in the order of help. The code of a command is loaded when it runs.

import { groupWords } from '../show/group.ts'
import { ssOptions, ssShowOptions } from './select.ts'
import { outputOptions, type Command, type Option } from './table.ts'

const json: Option = { name: 'json', about: 'as JSON' }

/** The commands by table. */
export const commands: readonly Command[] = [
  {
    name: 'list',
    about: 'the sockets, as a table, JSON, CSV or lines of your own (the default command)',
    usage: '[-tuxw… as in ss] [FILTER]',
    options: [
      ...ssOptions,
      ...ssShowOptions,
      { name: 'namespace', value: 'NAME', about: 'the same as -N', hidden: true },
      { name: 'all-namespaces', about: 'in every network namespace at once' },
      { name: 'no-owners', about: 'faster, without processes' },
      ...outputOptions,
      { name: 'format', value: 'TEXT', about: "a line for each, such as '{local.port} {process}'" },
      { name: 'columns', value: 'LIST', about: 'which columns (sockscope help columns)' },
      { name: 'sort', value: 'COL[:desc]', about: 'in which order', many: true },
      { name: 'limit', value: 'N', about: 'at most so many' },
      { name: 'group-by', value: 'WORD', words: groupWords, about: groupWords.join(', ') },
      { name: 'wide', about: 'cut nothing, with exe and command line' },
      { name: 'watch', value: 'TIME', about: 'again and again' },
      { name: 'every', value: 'TIME', about: 'the same as --watch', hidden: true },
    ],
    examples: [
      ['sockscope -tulpn', 'what listens, as ss says it'],
      ["sockscope list 'dport = :443 and process nginx'", 'a filter'],
      ['sockscope list --json', 'for programs'],
    ],
    run: async given => (await import('./commands/list.ts')).run(given),
  },
  {
    name: 'doctor',
    about: 'what works on this machine, what does not, and what would help',
    usage: '',
    options: [json],
    examples: [],
    run: async given => (await import('./commands/doctor.ts')).run(given),
  },
]
