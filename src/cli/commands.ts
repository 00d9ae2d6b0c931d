// Every command, in the order of help. The code of a command is loaded when it runs.

import { flowLists, flowOrders } from '../render/flows.ts'
import { shells } from './completion.ts'
import { ssOptions, ssShowOptions } from './select.ts'
import { outputOptions, type Command, type Option } from './table.ts'

const namespaceOptions: readonly Option[] = [
  { name: 'net', short: 'N', value: 'NAME', about: 'network namespace: name, pid or path', compact: true },
  { name: 'all-namespaces', about: 'all of them', compact: true },
]
const actionOptions: readonly Option[] = [
  { name: 'yes', short: 'y', about: 'do not ask' },
  { name: 'dry-run', about: 'only show what would be done' },
]
const every: Option = { name: 'every', value: 'TIME', about: 'time between snapshots (default 1s)' }
const json: Option = { name: 'json', about: 'as JSON' }

/** How sockets are shown. */
const listOptions: readonly Option[] = [
  { name: 'format', value: 'TEXT', about: "a line for each, such as '{local.port} {process}'" },
  { name: 'columns', value: 'LIST', about: 'which columns (sockscope help columns)' },
  { name: 'sort', value: 'COL[:desc]', about: 'in which order', many: true },
  { name: 'limit', value: 'N', about: 'at most so many' },
  { name: 'group-by', value: 'WORD', about: 'process, user, remote, container, state, …' },
  { name: 'wide', about: 'cut nothing', compact: true },
]

/** The commands by table. */
export const commands: readonly Command[] = [
  {
    name: 'list',
    about: 'the sockets, as a table, JSON, CSV or lines of your own (default)',
    usage: '[-tuxw… as in ss] [FILTER]',
    options: [
      ...ssOptions,
      ...ssShowOptions,
      { name: 'namespace', value: 'NAME', about: 'the same as -N', hidden: true },
      { name: 'all-namespaces', about: 'all of them', compact: true },
      { name: 'no-owners', about: 'faster', compact: true },
      ...outputOptions,
      ...listOptions,
      { name: 'watch', value: 'TIME', about: 'again and again' },
      { name: 'every', value: 'TIME', about: 'the same as --watch', hidden: true },
    ],
    examples: [
      ['sockscope -tulpn', 'what listens'],
      ["sockscope list 'dport = :443 and process nginx'", 'a filter'],
    ],
    run: async args => (await import('./commands/list.ts')).run(args),
  },
  {
    name: 'ports',
    about: 'what listens: who, reachable from where, how many are connected',
    usage: '[FILTER]',
    options: [
      { name: 'tcp', short: 't', about: 'only TCP' },
      { name: 'udp', short: 'u', about: 'only UDP' },
      ...namespaceOptions,
      ...outputOptions,
      { name: 'no-header', short: 'H', about: 'without the head' },
    ],
    examples: [['sockscope ports user www-data', 'of one user']],
    run: async args => (await import('./commands/ports.ts')).run(args),
  },
  {
    name: 'port',
    about: 'who has a port, how it came to be there, and who is connected',
    usage: 'PORT[,PORT|-PORT…]',
    options: [json],
    examples: [
      ['sockscope :3000', 'the same as port 3000'],
      ['sockscope port 80,443,8000-8100', 'several'],
    ],
    run: async args => (await import('./commands/port.ts')).run(args),
  },
  {
    name: 'pid',
    about: 'all sockets of a process and its children',
    usage: 'PID|NAME',
    options: [...outputOptions, ...listOptions],
    examples: [['sockscope pid nginx', 'by name']],
    run: async args => (await import('./commands/pid.ts')).run(args),
  },
  {
    name: 'free',
    about: 'a port that nobody has',
    usage: '[PORT-PORT]',
    options: [
      { name: 'udp', short: 'u', about: 'for UDP' },
      { name: 'host', value: 'ADDRESS', about: 'on one address (default: all of them)' },
      { name: 'count', value: 'N', about: 'so many' },
      json,
    ],
    examples: [['sockscope free 3000-3100', 'the first in a range']],
    run: async args => (await import('./commands/free.ts')).run(args),
  },
  {
    name: 'stats',
    about: 'counts by protocol, state, process, and how near limits are',
    usage: '',
    options: [...namespaceOptions, json],
    examples: [],
    run: async args => (await import('./commands/stats.ts')).run(args),
  },
  {
    name: 'explain',
    about: 'how healthy connections are, what limits them, what would help',
    usage: '[FILTER]',
    options: [
      { name: 'for', value: 'TIME', about: 'how long to watch (default 5s)' },
      { name: 'by', value: 'WORD', words: ['connection', 'process', 'peer'], about: 'connection, process or peer' },
      ...namespaceOptions,
      json,
    ],
    examples: [['sockscope explain dport = :5432 --by process', 'which are slow']],
    run: async args => (await import('./commands/explain.ts')).run(args),
  },
  {
    name: 'watch',
    about: 'what opened, closed and changed, one line each',
    usage: '[-tuxw… as in ss] [FILTER]',
    options: [
      ...ssOptions,
      ...namespaceOptions,
      every,
      { name: 'interval', value: 'TIME', about: 'the same as --every', hidden: true },
      { name: 'count', value: 'N', about: 'end after so many intervals' },
      { name: 'ndjson', about: 'one JSON object a line' },
    ],
    examples: [['sockscope watch process node', 'of one program']],
    run: async args => (await import('./commands/watch.ts')).run(args),
  },
  {
    name: 'events',
    about: 'each socket that opens or closes, with its final bytes',
    usage: '[-tuxw… as in ss] [FILTER]',
    options: [
      ...ssOptions,
      ...namespaceOptions,
      every,
      { name: 'interval', value: 'TIME', about: 'the same as --every', hidden: true },
      { name: 'count', value: 'N', about: 'end after so many events' },
      { name: 'ndjson', about: 'one JSON object a line' },
    ],
    examples: [['sockscope events --ndjson dport = :443', 'for programs']],
    run: async args => (await import('./commands/events.ts')).run(args),
  },
  {
    name: 'top',
    about: 'who moves how many bytes: processes, sockets, remotes, containers',
    usage: '[-tuxw… as in ss] [FILTER]',
    options: [
      ...ssOptions,
      ...namespaceOptions,
      { name: 'by', value: 'WORD', words: flowLists, about: flowLists.join(', ') },
      { name: 'sort', value: 'ORDER', words: flowOrders, about: flowOrders.join(', ') },
      { name: 'interval', value: 'TIME', about: 'time between snapshots (default 1s)' },
      { name: 'every', value: 'TIME', about: 'the same as --interval', hidden: true },
      { name: 'count', value: 'N', about: 'end after so many intervals' },
      { name: 'limit', value: 'N', about: 'at most so many rows' },
      { name: 'json', about: 'one JSON object for each interval' },
    ],
    examples: [['sockscope top --by remotes', 'by the other end']],
    run: async args => (await import('./commands/top.ts')).run(args),
  },
  {
    name: 'kill',
    about: 'end what listens on a port, and wait until the port is free',
    usage: ':PORT[,PORT|-PORT…]',
    options: [
      ...actionOptions,
      { name: 'clients', about: 'also the processes here that are connected to it' },
      { name: 'tree', about: 'also everything that the process started' },
      { name: 'grace', value: 'TIME', about: 'time between TERM and KILL (default 5s)' },
      json,
    ],
    examples: [['sockscope kill :3000 --dry-run', 'look first']],
    run: async args => (await import('./commands/kill.ts')).run(args),
  },
  {
    name: 'close',
    about: 'close connections: in order where possible, else by a reset',
    usage: 'FILTER',
    options: [...actionOptions, { name: 'reset', about: 'always by a reset' }, json],
    examples: [['sockscope close dst 10.0.0.7 and dport = :5432', '']],
    run: async args => (await import('./commands/close.ts')).run(args),
  },
  {
    name: 'doctor',
    about: 'what works on this machine, what does not, and what would help',
    usage: '',
    options: [json, { name: 'self-check', about: 'compare its answers with what is true (macOS)' }],
    examples: [],
    run: async args => (await import('./commands/doctor.ts')).run(args),
  },
  {
    name: 'completion',
    about: 'the completion script of a shell',
    usage: shells.join('|'),
    options: [],
    words: shells,
    examples: [['source <(sockscope completion bash)', 'for this shell']],
    run: async args => (await import('./commands/completion.ts')).run(args),
  },
  {
    name: 'help',
    about: 'help on a command, filters, columns, fields, exit, ss, man',
    usage: '[TOPIC]',
    options: [],
    words: ['filters', 'columns', 'fields', 'exit', 'ss', 'man'],
    examples: [['sockscope help man | man -l -', 'the manual page']],
    run: async args => (await import('./commands/help.ts')).run(args),
  },
]
