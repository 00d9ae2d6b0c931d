// Which sockets the letters of ss select, exactly as ss does; without such letters: TCP and UDP in every state.

import type { FilterNeeds } from '../filter/needs.ts'
import type { Query } from '../filter/plan.ts'
import { families as everyFamily, type Family, type Protocol, type Socket, type State } from '../model/socket.ts'
import { UsageError } from './problem.ts'
import type { ParsedArguments, Option } from './table.ts'

// ss: every state but those that are not connections.
const CONNECTED: readonly State[] = [
  'ESTABLISHED',
  'SYN_SENT',
  'FIN_WAIT_1',
  'FIN_WAIT_2',
  'CLOSE_WAIT',
  'LAST_ACK',
  'CLOSING',
  'CONNECTING',
  'DISCONNECTING',
]
const IDLE: readonly State[] = ['CLOSED', 'UNCONNECTED']

/** A table of ss: a protocol, for UNIX and VSOCK only one type of socket. ss shows packet sockets of both types when one is selected. */
interface Table {
  readonly protocol: Protocol
  readonly families: readonly Family[]
  readonly type?: NonNullable<Socket['detail']>['type']
  readonly states: readonly State[]
}

const inet: readonly Family[] = ['ipv4', 'ipv6']
const tables: Readonly<Record<string, Table>> = {
  tcp: { protocol: 'tcp', families: inet, states: CONNECTED },
  udp: { protocol: 'udp', families: inet, states: ['ESTABLISHED'] },
  raw: { protocol: 'raw', families: inet, states: ['ESTABLISHED'] },
  dccp: { protocol: 'dccp', families: inet, states: CONNECTED },
  sctp: { protocol: 'sctp', families: inet, states: CONNECTED },
  mptcp: { protocol: 'mptcp', families: inet, states: CONNECTED },
  unix_stream: { protocol: 'unix', families: ['unix'], type: 'stream', states: CONNECTED },
  unix_dgram: { protocol: 'unix', families: ['unix'], type: 'datagram', states: IDLE },
  unix_seqpacket: { protocol: 'unix', families: ['unix'], type: 'seqpacket', states: CONNECTED },
  packet_raw: { protocol: 'packet', families: ['packet'], states: IDLE },
  packet_dgram: { protocol: 'packet', families: ['packet'], states: IDLE },
  netlink: { protocol: 'netlink', families: ['netlink'], states: IDLE },
  vsock_stream: { protocol: 'vsock', families: ['vsock'], type: 'stream', states: CONNECTED },
  vsock_dgram: { protocol: 'vsock', families: ['vsock'], type: 'datagram', states: CONNECTED },
  tipc: { protocol: 'tipc', families: ['tipc'], states: ['ESTABLISHED', 'LISTEN', ...IDLE] },
  xdp: { protocol: 'xdp', families: ['xdp'], states: IDLE },
}

const tablesOfFamily = (family: Family): readonly string[] => Object.keys(tables).filter(name => tables[name]!.families.includes(family))

/** The values of `-A`: groups of tables under the names and short names of ss. */
const groups: Readonly<Record<string, readonly string[]>> = {
  // ss omits TIPC.
  all: Object.keys(tables).filter(name => name !== 'tipc'),
  inet: tablesOfFamily('ipv4'),
  unix: tablesOfFamily('unix'),
  packet: tablesOfFamily('packet'),
  vsock: tablesOfFamily('vsock'),
  u_str: ['unix_stream'],
  u_dgr: ['unix_dgram'],
  u_seq: ['unix_seqpacket'],
  p_raw: ['packet_raw'],
  p_dgr: ['packet_dgram'],
  v_str: ['vsock_stream'],
  v_dgr: ['vsock_dgram'],
}

const stateLetters: Readonly<Record<string, readonly State[]>> = {
  all: [...CONNECTED, ...IDLE, 'LISTEN', 'TIME_WAIT', 'SYN_RECEIVED', 'DELETE_TCB'],
  listening: ['LISTEN', ...IDLE],
  'bound-inactive': ['BOUND'],
}

/** The options that select states. */
export const stateOptions: readonly string[] = Object.keys(stateLetters)

/** The values of `-f`. */
const familyWords: Readonly<Record<string, Family>> = {
  inet: 'ipv4',
  inet6: 'ipv6',
  link: 'packet',
  unix: 'unix',
  netlink: 'netlink',
  vsock: 'vsock',
  tipc: 'tipc',
  xdp: 'xdp',
}

/** Options that share lines in help. */
const compact = (options: readonly Option[]): readonly Option[] => options.map(option => ({ ...option, compact: true }))
/** Options that are not shown in help. */
const hidden = (options: readonly Option[]): readonly Option[] => options.map(option => ({ ...option, hidden: true }))

/** The letters and words of ss, with the same meaning. */
export const ssOptions: readonly Option[] = [
  ...compact([
    { name: 'tcp', short: 't', about: 'TCP' },
    { name: 'udp', short: 'u', about: 'UDP' },
    { name: 'unix', short: 'x', about: 'UNIX' },
    { name: 'raw', short: 'w', about: 'RAW' },
    { name: 'packet', short: '0', about: 'PACKET' },
    { name: 'mptcp', short: 'M', about: 'MPTCP' },
    { name: 'ipv4', short: '4', about: 'only IPv4' },
    { name: 'ipv6', short: '6', about: 'only IPv6' },
    {
      name: 'family',
      short: 'f',
      value: 'FAMILY',
      words: Object.keys(familyWords),
      about: 'inet, inet6, unix, link, netlink, …',
      many: true,
    },
    { name: 'query', short: 'A', aliases: ['socket'], value: 'TABLES', about: 'inet, tcp, udp, unix, u_str, !tcp, …', many: true },
    { name: 'all', short: 'a', about: 'all states' },
    { name: 'listening', short: 'l', about: 'listening' },
  ]),
  ...hidden([
    { name: 'sctp', short: 'S', about: 'SCTP' },
    { name: 'dccp', short: 'd', about: 'DCCP' },
    { name: 'tipc', about: 'TIPC' },
    { name: 'vsock', about: 'VSOCK' },
    { name: 'xdp', about: 'XDP' },
    { name: 'bound-inactive', short: 'B', about: 'only sockets that are bound, neither listening nor connected' },
  ]),
]

/** The network namespaces to list. */
export const namespaceOptions = compact([
  { name: 'net', short: 'N', aliases: ['namespace'], value: 'NAME', about: 'network namespace: name, pid or path' },
  { name: 'all-namespaces', about: 'all namespaces' },
])

/** Options of ss that do not select sockets. */
export const ssShowOptions: readonly Option[] = [
  ...compact([
    { name: 'processes', short: 'p', about: 'processes (always shown)' },
    { name: 'numeric', short: 'n', about: 'numeric (default)' },
    { name: 'resolve', short: 'r', about: 'resolve names' },
    { name: 'info', short: 'i', about: 'TCP statistics' },
    { name: 'memory', short: 'm', about: 'socket memory' },
    { name: 'extended', short: 'e', about: 'uid, inode, key, …' },
    { name: 'options', short: 'o', about: 'timers' },
    { name: 'context', short: 'Z', about: 'process security context' },
    { name: 'contexts', short: 'z', about: 'socket context too' },
    { name: 'oneline', short: 'O', about: 'one line per socket' },
    { name: 'no-header', short: 'H', about: 'no header' },
    { name: 'summary', short: 's', about: 'summary' },
  ]),
  ...hidden([
    { name: 'tos', about: 'type of service and class' },
    { name: 'cgroup', about: 'the cgroup' },
    { name: 'inet-sockopt', about: 'socket options' },
    { name: 'threads', short: 'T', about: 'threads (shown as their process)' },
    { name: 'no-queues', short: 'Q', about: 'no queues' },
    { name: 'filter', short: 'F', value: 'FILE', about: 'read the filter from a file' },
    { name: 'events', short: 'E', about: 'sockets as they are closed' },
    { name: 'kill', short: 'K', about: 'close the sockets' },
    { name: 'diag', short: 'D', value: 'FILE', about: 'record the answers of the kernel' },
    { name: 'bpf', short: 'b', about: 'socket filters' },
  ]),
  namespaceOptions[0]!,
]

/** What a command line selects, besides its filter text. */
export interface Selection {
  readonly protocols: readonly Protocol[]
  readonly families: readonly Family[] | undefined
  readonly states: readonly State[] | undefined
  /** For tables that are only a part of a protocol. */
  readonly test: ((socket: Socket) => boolean) | undefined
}

/** Without letters: TCP and UDP, and what the filter names. */
function usual(filter: FilterNeeds | undefined): readonly Protocol[] {
  const tablesNamed = (filter?.families ?? []).filter(family => !inet.includes(family)).flatMap(tablesOfFamily)
  return [...new Set<Protocol>(['tcp', 'udp', ...(filter?.protocols ?? []), ...tablesNamed.map(name => tables[name]!.protocol)])]
}

/** The family of addresses in the filter that name none, as ss derives it from its letters. */
export function addressFamily(args: ParsedArguments): Family | undefined {
  const families = [...new Set(args.sequence.flatMap(typed => familyOf(typed) ?? []))].filter(family => !inet.includes(family))
  return families.length === 1 ? families[0] : undefined
}

/** The sum of the letters. */
interface Line {
  readonly names: Set<string>
  readonly families: Set<Family>
  /** The default states of tables and families, used when no letter selects states. */
  readonly usual: Set<State>
  chosen: readonly State[] | undefined
  /** The family that was named last. */
  last: Family | undefined
  queried: boolean
}

/** Reads the letters. `states` are those at the start of the filter, which override the letters; so does a filter that restricts states. */
export function select(args: ParsedArguments, states: readonly State[] | undefined, filter?: FilterNeeds): Selection {
  if (!args.sequence.some(typed => ssOptions.some(known => known.name === typed.name)))
    return { protocols: usual(filter), families: undefined, states, test: undefined }
  const line = lineOf(args)
  const { names, families } = line
  if (names.size === 0 && families.size === 0) {
    if (line.queried) throw new UsageError('--query: leaves no table to show')
    line.chosen ??= CONNECTED
    for (const name of groups.all!) names.add(name)
  }
  merge(names, families)
  if (line.last === 'ipv4') families.delete('ipv6')
  if (line.last === 'ipv6') families.delete('ipv4')
  return {
    protocols: [...new Set([...names].map(name => tables[name]!.protocol))],
    families: [...families],
    states: states ?? (filter?.states === true ? undefined : (line.chosen ?? [...line.usual])),
    test: typeTest(names),
  }
}

/** As in ss, one after the other: the last of -a, -l and -B wins, so does the last of -4 and -6, and -A clears the tables before it. */
function lineOf(args: ParsedArguments): Line {
  const line: Line = { names: new Set(), families: new Set(), usual: new Set(), chosen: undefined, last: undefined, queried: false }
  for (const typed of args.sequence) {
    const family = familyOf(typed)
    if (family !== undefined) {
      line.families.add(family)
      // For UNIX and VSOCK those of stream sockets, as in ss.
      for (const state of tables[tablesOfFamily(family)[0]!]!.states) line.usual.add(state)
      line.last = family
    } else if (typed.name === 'query') query(line, typed.value)
    else if (Object.hasOwn(stateLetters, typed.name)) line.chosen = stateLetters[typed.name]!
    else if (Object.hasOwn(tables, typed.name)) add(line, typed.name)
  }
  return line
}

function add(line: Line, name: string): void {
  line.names.add(name)
  for (const state of tables[name]!.states) line.usual.add(state)
}

/** A list of tables; those with a leading ! are removed. */
function query(line: Line, list: string): void {
  if (!line.queried) {
    line.names.clear()
    line.chosen ??= CONNECTED
    line.queried = true
  }
  for (const word of list.split(',')) {
    const names = tablesOf(word.replace(/^!/, ''))
    for (const name of names) {
      if (word.startsWith('!')) line.names.delete(name)
      else add(line, name)
    }
  }
}

function tablesOf(word: string): readonly string[] {
  const found = Object.hasOwn(groups, word) ? groups[word] : Object.hasOwn(tables, word) ? [word] : undefined
  if (found === undefined)
    throw new UsageError(`--query ${JSON.stringify(word)}: expected one of ${[...Object.keys(groups), ...Object.keys(tables)].join(', ')}`)
  return found
}

/** The family that an option names. */
const familyOf = ({ name, value }: ParsedArguments['sequence'][number]): Family | undefined =>
  name === 'family' ? familyWords[value] : everyFamily.find(family => family === name)

/** As in ss: a table without one of its families adds them, a family without one of its tables adds those. */
function merge(names: Set<string>, families: Set<Family>): void {
  for (const name of names) {
    const own = tables[name]!.families
    if (!own.some(f => families.has(f))) for (const f of own) families.add(f)
  }
  for (const family of families) {
    const own = tablesOfFamily(family)
    if (!own.some(name => names.has(name))) for (const name of own) names.add(name)
  }
}

/** For protocols of which only some tables are selected. */
function typeTest(names: ReadonlySet<string>): ((socket: Socket) => boolean) | undefined {
  const rows = Object.entries(tables).filter(([, { type }]) => type !== undefined)
  const shown = rows.filter(([name]) => names.has(name)).map(([, row]) => row)
  const partial = new Set(
    rows.filter(([name, { protocol }]) => !names.has(name) && shown.some(row => row.protocol === protocol)).map(([, row]) => row.protocol),
  )
  if (partial.size === 0) return undefined
  return ({ protocol, detail }) => !partial.has(protocol) || shown.some(row => row.protocol === protocol && row.type === detail?.type)
}

/** The namespaces that a command line selects. 1234/fd/5 is how a list shows one that only a descriptor keeps alive. */
export function namespacesOf(args: ParsedArguments): NonNullable<Query['namespaces']> {
  const word = args.value('net')
  if (args.has('all-namespaces')) return 'all'
  if (word === undefined) return 'own'
  if (/^\d+$/.test(word)) return { pid: Number(word) }
  return word.includes('/') && !/^\d+\/fd\/\d+$/.test(word) ? { path: word } : { name: word }
}
