// Every command, in the order of the help. The code of a command is loaded when it runs.

import { explainBy } from '../report/explain.ts'
import { flowLists, flowOrders } from '../report/top.ts'
import { shells } from './completion.ts'
import { namespaceOptions, ssOptions, ssShowOptions, stateOptions } from './select.ts'
import { csvSafe, outputOptions, type Command, type Option } from './table.ts'
import { topicNames } from './topics.ts'

const actionOptions: readonly Option[] = [
  { name: 'yes', short: 'y', about: 'do not ask for confirmation' },
  { name: 'dry-run', about: 'only show what would be done' },
]
const json: Option = { name: 'json', about: 'JSON output' }
const every: Option = { name: 'every', aliases: ['interval', 'watch'], value: 'TIME', about: 'time between snapshots (default 1s)' }

/** Options of the commands that follow sockets: which, and how often. */
const followOptions: readonly Option[] = [...ssOptions, ...namespaceOptions, every]
const streamOptions = (what: string, followed = followOptions): readonly Option[] => [
  ...followed,
  { name: 'count', value: 'N', about: `stop after N ${what}` },
  { name: 'ndjson', about: 'one JSON object per line' },
]

/** Options of how sockets are shown. */
const listOptions: readonly Option[] = [
  { name: 'format', value: 'TEXT', about: "one line per socket, such as '{local.port} {process}'" },
  { name: 'columns', value: 'LIST', about: 'columns to show (see sockscope help columns)' },
  { name: 'sort', value: 'COL[:desc]', about: 'sort by columns', many: true },
  { name: 'limit', value: 'N', about: 'show at most N' },
  { name: 'group-by', value: 'WORD', about: 'count by process, user, remote, container, state, …' },
  { name: 'wide', about: 'do not truncate', compact: true },
]

/** The commands by table. */
export const commands: readonly Command[] = [
  {
    name: 'list',
    about: 'list sockets as a table, JSON, CSV or custom lines (default)',
    usage: '[-tuxw… as in ss] [FILTER]',
    options: [
      ...ssOptions,
      ...ssShowOptions,
      namespaceOptions[1]!,
      { name: 'no-owners', about: 'omit processes (faster)', compact: true },
      ...outputOptions,
      ...listOptions,
      { ...every, about: 'repeat at this interval' },
    ],
    examples: [
      ['sockscope -tulpn', 'listening sockets'],
      ["sockscope list 'dport = :443 and process nginx'", 'with a filter'],
    ],
    run: async args => (await import('./commands/list.ts')).run(args),
  },
  {
    name: 'ports',
    about: 'show what listens, from where it can be reached, and its connections',
    usage: '[FILTER]',
    options: [
      { name: 'tcp', short: 't', about: 'only TCP' },
      { name: 'udp', short: 'u', about: 'only UDP' },
      ...namespaceOptions,
      ...outputOptions,
      { name: 'no-header', short: 'H', about: 'no header line' },
    ],
    examples: [['sockscope ports user www-data', 'of one user']],
    run: async args => (await import('./commands/ports.ts')).run(args),
  },
  {
    name: 'port',
    about: 'show which process uses a port, what started it, and its connections',
    usage: 'PORT[,PORT|-PORT…]',
    options: [json],
    examples: [
      ['sockscope :3000', 'same as sockscope port 3000'],
      ['sockscope port 80,443,8000-8100', 'several ports'],
    ],
    run: async args => (await import('./commands/port.ts')).run(args),
  },
  {
    name: 'pid',
    about: 'list the sockets of a process and its children',
    usage: 'PID|NAME',
    options: [...outputOptions, ...listOptions],
    examples: [['sockscope pid nginx', 'by name']],
    run: async args => (await import('./commands/pid.ts')).run(args),
  },
  {
    name: 'free',
    about: 'find a free port',
    usage: '[PORT-PORT]',
    options: [
      { name: 'udp', short: 'u', about: 'a UDP port' },
      { name: 'host', value: 'ADDRESS', about: 'address to bind (default: all)' },
      { name: 'count', value: 'N', about: 'find N ports' },
      json,
    ],
    examples: [['sockscope free 3000-3100', 'the first free port of a range']],
    run: async args => (await import('./commands/free.ts')).run(args),
  },
  {
    name: 'stats',
    about: 'count sockets by protocol, state and process, and show system limits',
    usage: '',
    options: [...namespaceOptions, json],
    examples: [],
    run: async args => (await import('./commands/stats.ts')).run(args),
  },
  {
    name: 'explain',
    about: 'diagnose connections: what limits them, and what would help',
    usage: '[FILTER]',
    options: [
      { name: 'for', value: 'TIME', about: 'how long to measure (default 5s)' },
      { name: 'by', value: 'WORD', words: explainBy, about: 'group by connection, process or peer' },
      ...namespaceOptions,
      json,
    ],
    examples: [['sockscope explain dport = :5432 --by process', 'which process is slow']],
    run: async args => (await import('./commands/explain.ts')).run(args),
  },
  {
    name: 'watch',
    about: 'print sockets that open, close and change, one line each',
    usage: '[-tuxw… as in ss] [FILTER]',
    options: streamOptions('intervals'),
    examples: [['sockscope watch process node', 'of one program']],
    run: async args => (await import('./commands/watch.ts')).run(args),
  },
  {
    name: 'events',
    about: 'print sockets as they open and close, with their final byte counts',
    usage: '[-tuxw… as in ss] [FILTER]',
    // A socket that opens or closes passes through all states: nothing can be selected by its state.
    options: streamOptions(
      'events',
      followOptions.filter(option => !stateOptions.includes(option.name)),
    ),
    examples: [['sockscope events --ndjson dport = :443', 'for other programs']],
    run: async args => (await import('./commands/events.ts')).run(args),
  },
  {
    name: 'top',
    about: 'show traffic by process, socket, remote or container',
    usage: '[-tuxw… as in ss] [FILTER]',
    options: [
      ...followOptions,
      { name: 'by', value: 'WORD', words: flowLists, about: flowLists.join(', ') },
      { name: 'sort', value: 'ORDER', words: flowOrders, about: flowOrders.join(', ') },
      { name: 'count', value: 'N', about: 'stop after N intervals' },
      { name: 'limit', value: 'N', about: 'show at most N rows' },
      { name: 'json', about: 'one JSON document per interval' },
      { name: 'ndjson', about: 'one JSON object per row' },
      { name: 'csv', about: 'CSV, with time and frame in each row' },
      csvSafe,
    ],
    examples: [['sockscope top --by remotes', 'by remote address']],
    run: async args => (await import('./commands/top.ts')).run(args),
  },
  {
    name: 'kill',
    about: 'kill the process that holds a port, and wait until the port is free',
    usage: ':PORT[,PORT|-PORT…]',
    options: [
      ...actionOptions,
      { name: 'clients', about: 'also kill local processes connected to it' },
      { name: 'tree', about: 'also kill its child processes' },
      { name: 'grace', value: 'TIME', about: 'time between TERM and KILL (default 5s)' },
      json,
    ],
    examples: [['sockscope kill :3000 --dry-run', 'preview']],
    run: async args => (await import('./commands/kill.ts')).run(args),
  },
  {
    name: 'close',
    about: 'close connections, gracefully where possible, otherwise with a reset',
    usage: 'FILTER',
    options: [...actionOptions, { name: 'reset', about: 'always reset' }, json],
    examples: [['sockscope close dst 10.0.0.7 and dport = :5432', '']],
    run: async args => (await import('./commands/close.ts')).run(args),
  },
  {
    name: 'doctor',
    about: 'show what works on this machine, what does not, and how to fix it',
    usage: '',
    options: [json, { name: 'self-check', about: 'compare results with known facts (macOS)' }],
    examples: [],
    run: async args => (await import('./commands/doctor.ts')).run(args),
  },
  {
    name: 'completion',
    about: 'print the completion script for a shell',
    usage: shells.join('|'),
    options: [],
    words: shells,
    examples: [['source <(sockscope completion bash)', 'enable it in this shell']],
    run: async (args, all) => (await import('./commands/completion.ts')).run(args, all),
  },
  {
    name: 'help',
    about: 'show help on a command or topic',
    usage: '[TOPIC]',
    options: [],
    words: [...topicNames, 'man'],
    examples: [['sockscope help man | man -l -', 'the manual page']],
    run: async (args, all) => (await import('./commands/help.ts')).run(args, all),
  },
]
