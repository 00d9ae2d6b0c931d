// Every table of sockets of one network namespace: through netlink, where that is not there as text, and where neither is, a gap.

import { OsError } from '../../../model/errors.ts'
import type { Gap } from '../../../model/gap.ts'
import type { Cgroup, Family, Protocol } from '../../../model/socket.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import type { Tape } from '../../tape.ts'
import { bothFamilies } from './both-families.ts'
import type { Draft } from '../decode/draft.ts'
import { answerGaps, isRefusal, type Answer, type Dumper } from './dumper.ts'
import { inetProtocols } from '../decode/inet.ts'
import type { Place } from '../netns/network-namespace.ts'
import { readProtocols, readTextTable, textTables } from './procnet.ts'
import { isRefused, requestsFor, tableName, type Requested } from './requests.ts'
import { joinSctp } from '../decode/sctp.ts'
import { joinUnix } from '../decode/unix.ts'

/** What a source keeps from snapshot to snapshot to list tables. */
export interface Lister {
  readonly tape: Tape
  readonly ask: Dumper
  readonly cgroupOf: (id: number) => Cgroup
}

/** Takes the gaps of a protocol. */
type Report = (protocol: Protocol, gap: Gap) => void

/** Lists all tables that are wanted. */
export async function listTables(lister: Lister, place: Place, requested: Requested, report: Report): Promise<Draft[]> {
  const listings: Promise<Listed>[] = []
  for (const protocol of requested.protocols) {
    const listing = listProtocol(lister, place, requested, protocol)
    // While the kernel walks a long table, others are asked for; but a tape keeps one question after the other.
    if (lister.tape.recordsEverything) await listing
    listings.push(listing)
  }
  const found: Draft[] = []
  const texts: Protocol[] = []
  for (const [i, { parts, gaps, isText }] of (await Promise.all(listings)).entries()) {
    const protocol = requested.protocols[i]!
    // One by one: a spread of 50,000 arguments is too long for the stack.
    for (const part of parts) for (const socket of part) found.push(socket)
    await yieldToEventLoop()
    for (const gap of gaps) report(protocol, gap)
    if (isText) texts.push(protocol)
  }
  if (
    texts.some(protocol => protocol === 'tcp' || protocol === 'udp' || protocol === 'unix') ||
    (texts.length > 0 && requested.details.length > 0)
  )
    report(texts[0]!, textGap(texts))
  if (place.namespace) for (const socket of found) socket.namespace = place.namespace
  return found
}

/** The sockets of a protocol. */
interface Listed {
  readonly parts: (readonly Draft[])[]
  readonly gaps: Gap[]
  /** They could only be read as text. */
  isText: boolean
}

interface Listing extends Listed {
  readonly lister: Lister
  readonly place: Place
  readonly requested: Requested
}

async function listProtocol(lister: Lister, place: Place, requested: Requested, protocol: Protocol): Promise<Listed> {
  const listing: Listing = { lister, place, requested, parts: [], gaps: [], isText: false }
  if (protocol === 'tcp' && (await listBoth(listing))) return listing
  for (const family of familiesOf(protocol))
    if (requested.families.includes(family)) listing.parts.push(await listTable(listing, protocol, family))
  return listing
}

const inetFamilies: readonly Family[] = ['ipv4', 'ipv6']
const familiesOf = (protocol: Protocol): readonly Family[] =>
  protocol in inetProtocols || protocol === 'icmp' ? inetFamilies : [protocol as Family]

/** TCP of both families in one walk of the kernel's table; false where that is not possible. A recording keeps the families apart. */
async function listBoth({ lister, place, requested, parts, gaps }: Listing): Promise<boolean> {
  const question = lister.tape.recordsEverything ? undefined : bothFamilies(requested, place, lister.cgroupOf)
  if (question === undefined) return false
  const answer = await lister.ask(place, question)
  if (answer.failure && answer.sockets.length === 0) return false
  gaps.push(...answerGaps(question.table, answer))
  const isFour = (socket: Draft): boolean => socket.family === 'ipv4'
  if (answer.sockets.every(isFour)) parts.push(answer.sockets)
  else
    parts.push(
      answer.sockets.filter(isFour),
      answer.sockets.filter(socket => !isFour(socket)),
    )
  return true
}

async function listTable(listing: Listing, protocol: Protocol, family: Family): Promise<readonly Draft[]> {
  if (protocol === 'icmp') return listText(listing, protocol, family, undefined)
  const answer = await askTable(listing, protocol, family)
  if (answer === undefined) return []
  const { failure, sockets } = answer
  if (failure instanceof OsError && sockets.length === 0) {
    if (failure.call === 'recording') return sockets // The player says what a recording does not hold.
    return listText(listing, protocol, family, failure)
  }
  listing.gaps.push(...answerGaps(tableName(protocol, family), answer))
  if (protocol === 'unix') joinUnix(sockets)
  if (protocol === 'sctp') return joinSctp(sockets)
  // A netlink socket that hears a group is in two lists of the kernel, and comes twice.
  return protocol === 'netlink' ? [...new Map(sockets.map(socket => [socket.key, socket])).values()] : sockets
}

/** The answer to the first question that is not refused. */
async function askTable({ lister, place, requested }: Listing, protocol: Protocol, family: Family): Promise<Answer | undefined> {
  let answer: Answer | undefined
  for (const question of requestsFor(requested, place, protocol, family, lister.cgroupOf)) {
    answer = await lister.ask(place, question)
    if (!isRefused(answer, question)) break
  }
  return answer
}

/** Reads a table as text. */
async function listText(listing: Listing, protocol: Protocol, family: Family, failure: OsError | undefined): Promise<readonly Draft[]> {
  const { lister, place, gaps } = listing
  const found: Draft[] = []
  let read = 0
  for (const [file, reader] of textTables(protocol, inetFamilies.includes(family) ? (family as 'ipv4' | 'ipv6') : undefined)) {
    const table = await readTextTable(lister.tape, place, file, reader)
    if (table.failure?.call === 'recording') return found
    if (table.failure === undefined) read++
    gaps.push(...table.gaps)
    found.push(...table.sockets.filter(socket => protocol !== 'sctp' || listing.requested.families.includes(socket.family)))
  }
  if (read > 0) {
    if (failure) listing.isText = true
  } else if (!(protocol === 'sctp' && family === 'ipv6')) await reportLack(listing, protocol, family, failure)
  return found
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
/** Not this table is lacking: nobody may ask the kernel for any. */
const isForbidden = (failure: OsError | undefined): boolean => failure?.call.startsWith('socket(') === true

/** A table that can be read in no way. Where the kernel has no such sockets, nothing is missing and there is nothing to say. */
async function reportLack(
  { lister, place, gaps }: Listing,
  protocol: Protocol,
  family: Family,
  failure: OsError | undefined,
): Promise<void> {
  const counts = await readProtocols(lister.tape, place)
  const names = kernelNames[protocol]
  const own: readonly string[] = inetFamilies.includes(family) ? [names[family === 'ipv6' ? 1 : 0]!] : names
  if (counts && own.every(name => !counts.has(name))) return
  const count =
    counts && !uncounted.includes(protocol) ? own.reduce<number>((sum, name) => sum + Math.max(0, counts.get(name) ?? 0), 0) : undefined
  if (count === 0) return
  const module = modules[protocol]
  gaps.push({
    what: 'sockets',
    why: failure && isRefusal(failure) ? 'permission' : 'kernel',
    text: `the kernel does not list sockets of ${tableName(protocol, family)}${failure ? `: ${failure.message}` : ''}`,
    help: isForbidden(failure) ? allowNetlink : module ? `where the kernel has it as a module: modprobe ${module}` : '',
    count,
  })
}

/** What the text leaves out. */
function textGap(texts: readonly Protocol[]): Gap {
  const missing = [
    ...(texts.includes('tcp') ? ['statistics'] : []),
    'memory',
    'options',
    'cgroups',
    ...(texts.includes('unix') ? ['the other end of UNIX sockets'] : []),
  ]
  const requested = texts.map(protocol => modules[protocol]).filter(module => module !== undefined)
  return {
    what: 'statistics',
    why: 'kernel',
    text: `${texts.join(', ')} could only be read from /proc/net, which does not tell ${missing.join(', ')}`,
    help: requested.length > 0 ? `where the kernel has it as a module: modprobe ${requested.join(' ')}` : allowNetlink,
    count: undefined,
  }
}
