// Every table of sockets of one network namespace: through netlink, where that is not there as text, and where neither is, a gap.

import { OsError } from '../../../model/errors.ts'
import type { Gap } from '../../../model/gap.ts'
import type { Cgroup, Family, Protocol } from '../../../model/socket.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import type { Tape } from '../../tape.ts'
import { keyInNamespace, type Draft } from '../decode/draft.ts'
import { inetProtocols } from '../decode/numbers.ts'
import { joinSctp } from '../decode/sctp.ts'
import { joinUnix } from '../decode/unix.ts'
import { gapOf } from '../../gap.ts'
import type { SnapshotGaps } from '../gaps.ts'
import { isRefusal } from '../kernel/files.ts'
import type { NetworkNamespace } from '../netns/network-namespace.ts'
import { dumpGaps, type Dump, type Dumper } from './dumper.ts'
import { readProtocols, readTextTable, textTables } from './procnet.ts'
import { isRefused, requestsFor, tableName, tcpOfBothFamilies, type Requested } from './requests.ts'

/** What a source needs from snapshot to snapshot to list tables. */
export interface TableContext {
  readonly tape: Tape
  readonly dumper: Dumper
  readonly cgroupOf: (id: number) => Cgroup
  /** Called when a table turns out to be long. */
  readonly onLong?: () => void
}

/** What a snapshot was asked for: gaps are about that, whatever else a tape holds. */
export type Scope = Pick<Requested, 'protocols' | 'families' | 'details'>

/** Lists all tables that are requested. What is missing of those in the scope is added to the gaps. */
export async function listTables(
  context: TableContext,
  netns: NetworkNamespace,
  requested: Requested,
  scope: Scope,
  gaps: SnapshotGaps,
): Promise<Draft[]> {
  const listings: Promise<ProtocolListing>[] = []
  for (const protocol of requested.protocols) {
    const listing = new ProtocolListing(context, netns, requested, protocol).list()
    // While the kernel walks a long table, others are asked for; but a tape keeps one question after the other.
    if (context.tape.recordsEverything) await listing
    listings.push(listing)
  }
  const found: Draft[] = []
  const texts: Protocol[] = []
  for (const listing of await Promise.all(listings)) {
    // One by one: a spread of 50,000 arguments is too long for the stack.
    for (const part of listing.parts) for (const socket of part) found.push(socket)
    await yieldToEventLoop()
    if (!scope.protocols.includes(listing.protocol)) continue
    for (const { subject, family, gap } of listing.gaps)
      if (scope.families.includes(family) && !isMereAbsence(gap, listing.protocol, scope)) gaps.add(gap, subject)
    if (listing.isText) texts.push(listing.protocol)
  }
  if (
    texts.some(protocol => protocol === 'tcp' || protocol === 'udp' || protocol === 'unix') ||
    (texts.length > 0 && scope.details.length > 0)
  )
    gaps.add(textGap(texts), texts.join(' '))
  if (netns.namespace) for (const socket of found) label(socket, netns)
  return found
}

/** Gives a socket its namespace, and where its key is not unique beside those of other namespaces, makes it so. */
function label(socket: Draft, { namespace, prefix, countsOwnCookies }: NetworkNamespace): void {
  socket.namespace = namespace
  if (prefix !== '') socket.key = keyInNamespace(socket.key, namespace!.inode, countsOwnCookies)
}

/** Something that is missing of one table. */
interface TableGap {
  readonly family: Family
  /** The table or file. */
  readonly subject: string
  readonly gap: Gap
}

const inetFamilies: readonly Family[] = ['ipv4', 'ipv6']
const familiesOf = (protocol: Protocol): readonly Family[] =>
  protocol in inetProtocols || protocol === 'icmp' ? inetFamilies : [protocol as Family]

/** The tables of one protocol in one network namespace, while they are listed. */
class ProtocolListing {
  readonly protocol: Protocol
  readonly parts: (readonly Draft[])[] = []
  readonly gaps: TableGap[] = []
  /** They could only be read as text. */
  isText = false
  readonly #context: TableContext
  readonly #netns: NetworkNamespace
  readonly #requested: Requested

  constructor(context: TableContext, netns: NetworkNamespace, requested: Requested, protocol: Protocol) {
    this.#context = context
    this.#netns = netns
    this.#requested = requested
    this.protocol = protocol
  }

  async list(): Promise<this> {
    if (this.protocol === 'tcp' && (await this.#listBothFamilies())) return this
    for (const family of familiesOf(this.protocol))
      if (this.#requested.families.includes(family)) this.parts.push(await this.#listTable(family))
    return this
  }

  /** TCP of both families in one walk of the kernel's table; false where that is not possible. A recording keeps the families apart. */
  async #listBothFamilies(): Promise<boolean> {
    const { tape, cgroupOf } = this.#context
    const request = tape.recordsEverything ? undefined : tcpOfBothFamilies(this.#requested, this.#netns, cgroupOf)
    if (request === undefined) return false
    const dump = await this.#dump(request)
    if (dump.failure && dump.sockets.length === 0) return false
    this.#addGaps('ipv4', request.table, dumpGaps(request.table, dump))
    const isFour = (socket: Draft): boolean => socket.family === 'ipv4'
    if (dump.sockets.every(isFour)) this.parts.push(dump.sockets)
    else
      this.parts.push(
        dump.sockets.filter(isFour),
        dump.sockets.filter(socket => !isFour(socket)),
      )
    return true
  }

  async #listTable(family: Family): Promise<readonly Draft[]> {
    const { protocol } = this
    if (protocol === 'icmp') return this.#listText(family, undefined)
    const dump = await this.#firstAnswer(family)
    if (dump === undefined) return []
    const { failure, sockets } = dump
    if (failure instanceof OsError && sockets.length === 0) {
      if (failure.call === 'recording') return sockets // The player reports what a recording does not hold.
      return this.#listText(family, failure)
    }
    const table = tableName(protocol, family)
    this.#addGaps(family, table, dumpGaps(table, dump))
    if (protocol === 'unix') joinUnix(sockets)
    if (protocol === 'sctp') return joinSctp(sockets)
    // A netlink socket that has joined a group is in two lists of the kernel, and comes twice.
    return protocol === 'netlink' ? [...new Map(sockets.map(socket => [socket.key, socket])).values()] : sockets
  }

  /** The answer to the first request that is not refused. */
  async #firstAnswer(family: Family): Promise<Dump | undefined> {
    let dump: Dump | undefined
    for (const request of requestsFor(this.#requested, this.#netns, this.protocol, family, this.#context.cgroupOf)) {
      dump = await this.#dump(request)
      if (!isRefused(dump, request)) break
    }
    return dump
  }

  #dump(request: Parameters<Dumper['dump']>[1]): Promise<Dump> {
    return this.#context.dumper.dump(this.#netns, request, this.#context.onLong)
  }

  /** Reads a table as text. */
  async #listText(family: Family, failure: OsError | undefined): Promise<readonly Draft[]> {
    const { protocol } = this
    const found: Draft[] = []
    let read = 0
    for (const [file, reader] of textTables(protocol, inetFamilies.includes(family) ? (family as 'ipv4' | 'ipv6') : undefined)) {
      const table = await readTextTable(this.#context.tape, this.#netns, file, reader)
      if (table.failure?.call === 'recording') return found
      if (table.failure === undefined) read++
      this.#addGaps(family, file, table.gaps)
      found.push(...table.sockets.filter(socket => protocol !== 'sctp' || this.#requested.families.includes(socket.family)))
    }
    if (read > 0) {
      if (failure) this.isText = true
    } else if (!(protocol === 'sctp' && family === 'ipv6')) await this.#addLack(family, failure)
    return found
  }

  /** A table that cannot be read at all. Where the kernel has no such sockets, nothing is missing and there is no gap. */
  async #addLack(family: Family, failure: OsError | undefined): Promise<void> {
    const { protocol } = this
    const counts = await readProtocols(this.#context.tape, this.#netns)
    const names = kernelNames[protocol]
    const own: readonly string[] = inetFamilies.includes(family) ? [names[family === 'ipv6' ? 1 : 0]!] : names
    if (counts && own.every(name => !counts.has(name))) return
    const count =
      counts && !uncounted.includes(protocol) ? own.reduce<number>((sum, name) => sum + Math.max(0, counts.get(name) ?? 0), 0) : undefined
    if (count === 0) return
    const module = modules[protocol]
    const isRefused = failure !== undefined && isRefusal(failure)
    const [code, why] = isRefused ? (['table-refused', 'permission'] as const) : (['table-missing', 'kernel'] as const)
    const table = tableName(protocol, family)
    const text = `the kernel does not list sockets of ${table}${failure ? `: ${failure.message}` : ''}`
    const help = isForbidden(failure) ? allowNetlink : module ? `where the kernel has it as a module: modprobe ${module}` : ''
    this.#addGaps(family, table, [gapOf(code, 'sockets', why, text, { help, count })])
  }

  #addGaps(family: Family, subject: string, gaps: readonly Gap[]): void {
    for (const gap of gaps) this.gaps.push({ family, subject, gap })
  }
}

/** The names of each protocol in /proc/net/protocols. */
const kernelNames: Readonly<Record<Protocol, readonly [string, string] | readonly [string]>> = {
  tcp: ['TCP', 'TCPv6'],
  udp: ['UDP', 'UDPv6'],
  udplite: ['UDP-Lite', 'UDPLITEv6'],
  icmp: ['PING', 'PINGv6'],
  raw: ['RAW', 'RAWv6'],
  unix: ['UNIX', 'UNIX-STREAM'],
  packet: ['PACKET'],
  netlink: ['NETLINK'],
  mptcp: ['MPTCP', 'MPTCPv6'],
  sctp: ['SCTP', 'SCTPv6'],
  dccp: ['DCCP', 'DCCPv6'],
  vsock: ['AF_VSOCK'],
  xdp: ['XDP'],
  tipc: ['TIPC'],
}
/** Protocols that do not count their sockets for /proc/net/protocols: 0 means nothing. */
const uncounted: readonly Protocol[] = ['vsock', 'tipc']
/** A query for all of these asks for every socket, and names none of them. */
const ofEveryKind: readonly Protocol[] = ['tcp', 'udp', 'unix', 'packet', 'netlink', 'vsock']
/**
 * To a query for every socket it is no gap when the kernel lacks the table of a protocol that it does not count either: no socket is known to be missing, and few
 * machines have any. `doctor` and a query that names the protocol report it.
 */
const isMereAbsence = ({ code }: Gap, protocol: Protocol, scope: Scope): boolean =>
  code === 'table-missing' && uncounted.includes(protocol) && ofEveryKind.every(other => scope.protocols.includes(other))
const modules: Readonly<Partial<Record<Protocol, string>>> = {
  raw: 'raw_diag',
  mptcp: 'mptcp_diag',
  sctp: 'sctp_diag',
  dccp: 'dccp_diag',
  vsock: 'vsock_diag',
  xdp: 'xdp_diag',
  tipc: 'tipc_diag',
}

const allowNetlink = 'allow netlink sock_diag; a seccomp profile may forbid it'
/** It is not this table that is lacking: the kernel may not be asked for any. */
const isForbidden = (failure: OsError | undefined): boolean => failure?.call.startsWith('socket(') === true

/** What the text leaves out. */
function textGap(texts: readonly Protocol[]): Gap {
  const missing = [
    ...(texts.includes('tcp') ? ['statistics'] : []),
    'memory',
    'options',
    'cgroups',
    ...(texts.includes('unix') ? ['the other end of UNIX sockets'] : []),
  ]
  const neededModules = texts.map(protocol => modules[protocol]).filter(module => module !== undefined)
  const text = `${texts.join(', ')} could only be read from /proc/net, which leaves out ${missing.join(', ')}`
  const help = neededModules.length > 0 ? `where the kernel has it as a module: modprobe ${neededModules.join(' ')}` : allowNetlink
  return gapOf('table-text-only', 'statistics', 'kernel', text, { help })
}
