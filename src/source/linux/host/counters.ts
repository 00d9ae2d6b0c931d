// What Linux counts of TCP and UDP as a whole, from /proc/net. A file or a counter that is not there leaves its value unknown.

import type { FamilyCounts, SocketCounts, SystemCounters, TcpCounters, TcpExtendedCounters, UdpCounters } from '../../../model/counters.ts'
import { ProcFs } from '../kernel/proc-fs.ts'

/** The groups that are about sockets; others are about IP and ICMP. */
const groups = new Set(['Tcp', 'TcpExt', 'MPTcpExt', 'Udp', 'UdpLite', 'Udp6', 'UdpLite6'])

/** Reads the counters. */
export function readCounters(proc = new ProcFs()): SystemCounters {
  const counters = new KernelCounters([
    ...tables(proc.text('net/snmp')),
    ...tables(proc.text('net/netstat')),
    ...ipv6Counters(proc.text('net/snmp6')),
  ])
  // Linux counts TCP over both families in one; UDP it counts apart.
  const tcp = { ipv4: undefined, ipv6: undefined, combined: tcpCounters(counters) }
  const udp = { ipv4: udpCounters(counters, 'Udp'), ipv6: udpCounters(counters, 'Udp6') }
  return { tcp, udp, tcpExtended: tcpExtended(counters), sockets: socketCounts(proc), fields: counters.rest() }
}

type Entry = readonly [name: string, value: number]

/** The kernel's counters by their names, and which of them were read. */
class KernelCounters {
  readonly #values: ReadonlyMap<string, number>
  readonly #read = new Set<string>()

  constructor(entries: readonly Entry[]) {
    this.#values = new Map(entries.filter(([name]) => groups.has(name.slice(0, name.indexOf('.')))))
  }

  has(group: string): boolean {
    for (const name of this.#values.keys()) if (name.startsWith(`${group}.`)) return true
    return false
  }

  get(name: string): number | undefined {
    this.#read.add(name)
    return this.#values.get(name)
  }

  /** Those that nobody has read. */
  rest(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#values].filter(([name]) => !this.#read.has(name)))
  }
}

/** A decimal number; undefined when it is anything else. */
function numberOf(text: string | undefined): number | undefined {
  const value = text !== undefined && /^-?\d{1,20}$/.test(text) ? Number(text) : undefined
  return value !== undefined && Number.isFinite(value) ? value : undefined
}

/** `snmp` and `netstat`: of each group a line with the names, and a line with the values. */
function tables(text = ''): Entry[] {
  const entries: Entry[] = []
  const lines = text.split('\n')
  for (let i = 0; i + 1 < lines.length; i++) {
    const [group, ...names] = lines[i]!.split(' ')
    const [same, ...values] = lines[i + 1]!.split(' ')
    if (group === undefined || !/^\w+:$/.test(group) || same !== group) continue
    for (const [at, name] of names.entries()) {
      const value = numberOf(values[at])
      if (value !== undefined && /^\w+$/.test(name)) entries.push([`${group.slice(0, -1)}.${name}`, value])
    }
    i++
  }
  return entries
}

/** `snmp6`: a line for each counter, `Udp6InDatagrams    400`. */
const ipv6Counters = (text = ''): Entry[] =>
  [...text.matchAll(/^(Udp6|UdpLite6)(\w+)\s+(\d{1,20})$/gm)].map(([, group, name, value]): Entry => [`${group}.${name}`, Number(value)])

function tcpCounters(counters: KernelCounters): TcpCounters | undefined {
  if (!counters.has('Tcp')) return undefined
  const read = (name: string): number => counters.get(`Tcp.${name}`) ?? 0 // All of them are there since Linux 2.4.
  return {
    opened: read('ActiveOpens'),
    accepted: read('PassiveOpens'),
    failed: read('AttemptFails'),
    reset: read('EstabResets'),
    established: read('CurrEstab'),
    receivedSegments: read('InSegs'),
    sentSegments: read('OutSegs'),
    retransmittedSegments: read('RetransSegs'),
    receiveErrors: read('InErrs'),
    sentResets: read('OutRsts'),
  }
}

function udpCounters(counters: KernelCounters, group: 'Udp' | 'Udp6'): UdpCounters | undefined {
  if (!counters.has(group)) return undefined
  const read = (name: string): number | undefined => counters.get(`${group}.${name}`)
  return {
    receivedDatagrams: read('InDatagrams') ?? 0,
    sentDatagrams: read('OutDatagrams') ?? 0,
    refusedDatagrams: read('NoPorts') ?? 0,
    receiveErrors: read('InErrors') ?? 0,
    receiveBufferErrors: read('RcvbufErrors'),
    sendBufferErrors: read('SndbufErrors'),
    checksumErrors: read('InCsumErrors'),
  }
}

/** The kernel's names in the group TcpExt (net/ipv4/proc.c), which only grows. */
const extendedNames: Readonly<Record<keyof TcpExtendedCounters, string>> = {
  listenOverflows: 'ListenOverflows',
  listenDrops: 'ListenDrops',
  requestDrops: 'TCPReqQFullDrop',
  synCookiesSent: 'SyncookiesSent',
  synCookiesReceived: 'SyncookiesRecv',
  synCookiesFailed: 'SyncookiesFailed',
  timeouts: 'TCPTimeouts',
  spuriousTimeouts: 'TCPSpuriousRTOs',
  fastRetransmits: 'TCPFastRetrans',
  slowStartRetransmits: 'TCPSlowStartRetrans',
  synRetransmits: 'TCPSynRetrans',
  lostRetransmits: 'TCPLostRetransmit',
  failedRetransmits: 'TCPRetransFail',
  tailLossProbes: 'TCPLossProbes',
  tailLossProbeRecoveries: 'TCPLossProbeRecovery',
  duplicateAckedSegments: 'TCPDSACKRecvSegs',
  outOfOrderSegments: 'TCPOFOQueue',
  outOfOrderDrops: 'TCPOFODrop',
  backlogDrops: 'TCPBacklogDrop',
  receiveQueueDrops: 'TCPRcvQDrop',
  zeroWindowDrops: 'TCPZeroWindowDrop',
  zeroWindows: 'TCPToZeroWindowAdv',
  zeroWindowProbes: 'TCPWinProbe',
  keepAliveProbes: 'TCPKeepAlive',
  abortsOnData: 'TCPAbortOnData',
  abortsOnClose: 'TCPAbortOnClose',
  abortsOnTimeout: 'TCPAbortOnTimeout',
  abortsOnMemory: 'TCPAbortOnMemory',
  memoryPressures: 'TCPMemoryPressures',
  prunes: 'PruneCalled',
  timeWaits: 'TW',
  timeWaitOverflows: 'TCPTimeWaitOverflow',
  challengeAcks: 'TCPChallengeACK',
  deliveredSegments: 'TCPDelivered',
  deliveredMarkedSegments: 'TCPDeliveredCE',
}

function tcpExtended(counters: KernelCounters): TcpExtendedCounters | undefined {
  if (!counters.has('TcpExt')) return undefined
  const entries = Object.entries(extendedNames).map(([field, name]) => [field, counters.get(`TcpExt.${name}`)] as const)
  return Object.fromEntries(entries) as Record<keyof TcpExtendedCounters, number | undefined>
}

/** `sockstat` and `sockstat6`: `TCP: inuse 5 orphan 0` as `TCP inuse` → 5, `TCP orphan` → 0. */
export function readSockstat(text = ''): ReadonlyMap<string, number> {
  const found = new Map<string, number>()
  for (const line of text.split('\n')) {
    const [head, ...words] = line.split(/[:\s]+/)
    for (let i = 0; i + 1 < words.length; i += 2) {
      const value = numberOf(words[i + 1])
      if (value !== undefined) found.set(`${head} ${words[i]}`, value)
    }
  }
  return found
}

function socketCounts(proc: ProcFs): SocketCounts | undefined {
  const [four, six] = [readSockstat(proc.text('net/sockstat')), readSockstat(proc.text('net/sockstat6'))]
  if (four.size === 0 && six.size === 0) return undefined
  const inUse = (name: string): FamilyCounts => ({ ipv4: four.get(`${name} inuse`), ipv6: six.get(`${name}6 inuse`) })
  return {
    used: four.get('sockets used'),
    tcp: inUse('TCP'),
    udp: inUse('UDP'),
    udplite: inUse('UDPLITE'),
    raw: inUse('RAW'),
    tcpOrphans: four.get('TCP orphan'),
    tcpTimeWaits: four.get('TCP tw'),
    tcpAllocated: four.get('TCP alloc'),
  }
}
