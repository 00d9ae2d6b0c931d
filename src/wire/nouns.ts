// The model on the wire: every noun once. The types of the model check these descriptions, member by member.

import type { Line, Lines } from '../fields/lines.ts'
import { memoryNumbers, optionFlags, optionNumbers, queueNumbers, timerNumbers, trafficNumbers } from '../fields/socket.ts'
import { ecnNumbers, negotiatedFlags, tcpFlags, tcpNumbers } from '../fields/tcp.ts'
import type { Accuracy } from '../model/accuracy.ts'
import type { StateChange } from '../model/frame.ts'
import type { FamilyCounts, SocketCounts, SystemCounters, TcpCounters, TcpExtendedCounters, UdpCounters } from '../model/counters.ts'
import type { Coverage, EventGap, SocketEvent, Tier } from '../model/event.ts'
import type { Flow, Flows, InterfaceFlow, Ledger, LedgerRow } from '../model/flow.ts'
import { gapCodes, type Gap, type GapCode } from '../model/gap.ts'
import type { HostIdentity } from '../model/host.ts'
import type { PortRange, SystemLimits, Usage } from '../model/limits.ts'
import type { Container, Process, ProcessUse } from '../model/process.ts'
import {
  families,
  protocols,
  states,
  type Cgroup,
  type Detail,
  type Endpoint,
  type InterfaceName,
  type Memory,
  type Namespace,
  type Options,
  type Owner,
  type Ownerless,
  type Queues,
  type Share,
  type Socket,
  type Timer,
  type Traffic,
  type UpperLayer,
} from '../model/socket.ts'
import type { AccurateEcn, CongestionDetail, Negotiated, Tcp } from '../model/tcp.ts'
import { documentLimits } from './document.ts'
import {
  constant,
  count,
  described,
  flag,
  growingWords,
  keyed,
  list,
  maybe,
  named,
  number,
  object,
  optional,
  reference,
  scalar,
  table,
  tagged,
  text,
  words,
  type Maybe,
  type Shape,
} from './shape.ts'

export const accuracy = words<Accuracy>(['exact', 'sampled', 'estimate'])
export const tier = words<Tier>(['bpf', 'destroy', 'snapshot'])
const scalars = table(scalar, documentLimits.few) as Shape<Readonly<Record<string, string | number | boolean>>>

/** The members of a group that `fields` has a table for, each with its description there. */
const ofLines = <K extends string, M>(lines: Lines<K>, member: (about: string) => M): Record<K, M> =>
  Object.fromEntries(Object.entries<Line>(lines).map(([name, [, , about]]) => [name, member(about)])) as Record<K, M>
const numbers = <K extends string>(lines: Lines<K>): Record<K, Shape<number>> => ofLines(lines, about => described(number, about))
export const maybeNumbers = <K extends string>(lines: Lines<K>): Record<K, Maybe<number>> =>
  ofLines(lines, about => maybe(described(number, about)))
const maybeFlags = <K extends string>(lines: Lines<K>): Record<K, Maybe<boolean>> => ofLines(lines, about => maybe(described(flag, about)))

export const gap = named(
  'gap',
  object<Gap>({
    code: growingWords(Object.keys(gapCodes) as GapCode[]),
    what: words<Gap['what']>(['sockets', 'owners', 'processes', 'statistics', 'events', 'bytes', 'namespaces', 'interfaces']),
    why: words<Gap['why']>(['permission', 'kernel', 'platform', 'interrupted', 'lost', 'limit', 'gone', 'recording', 'damaged']),
    text: text(),
    help: text(),
    count: maybe(count),
  }),
)
export const gaps = list(gap, documentLimits.gaps)

export const container = object<Container>({ runtime: text(), id: text(), name: maybe(text()), pod: maybe(text()) })

export const process = named(
  'process',
  object<Process>({
    key: text(),
    pid: count,
    name: text(),
    parentPid: maybe(count),
    uid: maybe(count),
    user: maybe(text()),
    startedAtMs: maybe(number),
    exe: maybe(text()),
    command: maybe(list(text(documentLimits.commandWord), documentLimits.commandWords)),
    script: maybe(text()),
    container: maybe(named('container', container)),
    unit: maybe(text()),
    securityContext: optional(text()),
  }),
)
export const processes = keyed(process, 'pid', documentLimits.processes)

export const processUse = named(
  'processUse',
  object<ProcessUse>({
    key: text(),
    state: maybe(text()),
    processorMs: maybe(number),
    residentBytes: maybe(number),
    virtualBytes: maybe(number),
  }),
)

export const endpoint = named(
  'endpoint',
  object<Endpoint>({
    address: optional(text()),
    port: optional(count),
    zone: optional(text()),
    path: optional(text()),
    inode: optional(number),
    id: optional(number),
  }),
)

const owner = named('owner', object<Owner>({ pid: count, fd: maybe(count) }))

export const ownerless = words<Ownerless>([
  'kernel',
  'time-wait',
  'orphan',
  'not-accepted',
  'in-flight',
  'permission',
  'other-pid-namespace',
  'exited',
  'unknown',
])

export const queues = object<Queues>(maybeNumbers(queueNumbers))

const timer = object<Timer>({
  kind: words<Timer['kind']>(['retransmit', 'keepalive', 'time-wait', 'zero-window-probe', 'delayed-ack']),
  ...numbers(timerNumbers),
})

const memory = object<Memory>(maybeNumbers(memoryNumbers))

const options = object<Options>({
  ...maybeNumbers(optionNumbers),
  ...maybeFlags(optionFlags),
  shutdown: maybe(words<NonNullable<Options['shutdown']>>(['none', 'receive', 'send', 'both'])),
  flags: maybe(list(text(), documentLimits.few)),
  upperLayer: maybe(object<UpperLayer>({ name: text(), fields: maybe(scalars) })),
})

const negotiated = object<Negotiated>({
  ...maybeFlags(negotiatedFlags),
  fastOpenFailure: maybe(words<NonNullable<Negotiated['fastOpenFailure']>>(['none', 'cookie', 'data-not-acked', 'syn-retransmitted'])),
})

const accurateEcn = object<AccurateEcn>(numbers(ecnNumbers))

type OfKind<K extends CongestionDetail['kind']> = Extract<CongestionDetail, { readonly kind: K }>
const congestionDetail = tagged<CongestionDetail>('kind', {
  vegas: object<OfKind<'vegas'>>({
    kind: constant('vegas'),
    enabled: flag,
    rttCount: number,
    rttMicros: maybe(number),
    minRttMicros: maybe(number),
  }),
  dctcp: object<OfKind<'dctcp'>>({
    kind: constant('dctcp'),
    enabled: flag,
    state: number,
    alpha: number,
    ecnBytes: number,
    totalBytes: number,
  }),
  bbr: object<OfKind<'bbr'>>({
    kind: constant('bbr'),
    bytesPerSecond: number,
    minRttMicros: maybe(number),
    pacingGain: number,
    windowGain: number,
  }),
})

export const tcp = named(
  'tcp',
  object<Tcp>({
    ...maybeNumbers(tcpNumbers),
    congestionControl: maybe(text()),
    congestionDetail: maybe(congestionDetail),
    congestionState: maybe(words<NonNullable<Tcp['congestionState']>>(['open', 'disorder', 'cwr', 'recovery', 'loss'])),
    ...maybeFlags(tcpFlags),
    negotiated: maybe(negotiated),
    accurateEcn: maybe(accurateEcn),
  }),
)

export const traffic = object<Traffic>({
  ...numbers(trafficNumbers),
  processes: list(object<Share>({ pid: count, inBytes: number, outBytes: number }), documentLimits.owners),
  accuracy: optional(accuracy),
})

const detail = object<Detail>({
  type: optional(words<NonNullable<Detail['type']>>(['stream', 'datagram', 'seqpacket', 'raw', 'rdm'])),
  protocolNumber: optional(number),
  protocolName: optional(text()),
  fields: optional(scalars as Shape<NonNullable<Detail['fields']>>),
})

export const socket = named(
  'socket',
  object<Socket>({
    key: text(),
    protocol: words(protocols),
    family: words(families),
    state: maybe(words(states)),
    local: endpoint,
    remote: maybe(endpoint),
    owners: list(owner, documentLimits.owners),
    ownerless: maybe(ownerless),
    uid: maybe(count),
    inode: maybe(number),
    queues: maybe(queues),
    timer: maybe(timer),
    interface: maybe(object<InterfaceName>({ index: count, name: maybe(text()) })),
    namespace: maybe(object<Namespace>({ inode: number, name: maybe(text()) })),
    mark: maybe(number),
    classId: maybe(number),
    cgroup: maybe(object<Cgroup>({ id: number, path: maybe(text()) })),
    memory: maybe(memory),
    options: maybe(options),
    tcp: maybe(tcp),
    traffic: optional(traffic),
    securityContext: optional(text()),
    detail: maybe(detail),
  }),
)
export const sockets = keyed(socket, 'key', documentLimits.sockets)

/** A socket of the same document by its key, or in full. */
export const socketReference = reference('socket', socket, text())
/** The same for a socket of the frame before. */
export const closedReference = reference('closed socket', socket, text())
const processReference = reference('process', process, count)

export const stateChange = object<StateChange>({ socket: socketReference, from: maybe(words(states)) })

export const socketEvent = named(
  'socketEvent',
  object<SocketEvent>({
    type: words<SocketEvent['type']>(['opened', 'closed']),
    sequence: count,
    atMs: number,
    durationMs: maybe(number),
    socket,
    processes: list(process, documentLimits.processes),
    inBytes: maybe(number),
    outBytes: maybe(number),
    accuracy: maybe(accuracy),
    tier: optional(tier),
  }),
)
const eventGap = object<EventGap>({ type: constant('gap'), atMs: number, gap })

export const event = named(
  'event',
  tagged<SocketEvent | EventGap>('type', {
    opened: socketEvent as Shape<SocketEvent | EventGap>,
    closed: socketEvent as Shape<SocketEvent | EventGap>,
    gap: eventGap as Shape<SocketEvent | EventGap>,
  }),
)

export const someProtocols = list(words(protocols), protocols.length)
export const coverage = object<Coverage>({ tier, opens: someProtocols, ends: someProtocols, lost: count })

export const flow = named(
  'flow',
  object<Flow>({
    key: text(),
    name: text(),
    inBytes: number,
    outBytes: number,
    inBytesPerSecond: number,
    outBytesPerSecond: number,
    inTotalBytes: number,
    outTotalBytes: number,
    inSegments: maybe(number),
    outSegments: maybe(number),
    retransmittedBytes: number,
    sockets: count,
    uncountedSockets: count,
    averageBytesPerSecond: number,
    accuracy,
    process: maybe(processReference),
    socket: maybe(socketReference),
  }),
)
export const flowRows = list(flow, documentLimits.rows)

export const flows = object<Flows>({
  intervalMs: number,
  total: flow,
  unattributed: flow,
  sockets: flowRows,
  processes: flowRows,
  users: flowRows,
  containers: flowRows,
  remotes: flowRows,
  protocols: flowRows,
})

const history = list(number, documentLimits.few)
export const interfaceFlows = list(
  named(
    'interfaceFlow',
    object<InterfaceFlow>({
      index: count,
      name: text(),
      up: flag,
      carrier: maybe(flag),
      loopback: flag,
      bitsPerSecond: maybe(number),
      inBytes: number,
      outBytes: number,
      inPackets: number,
      outPackets: number,
      inErrors: number,
      outErrors: number,
      inDrops: number,
      outDrops: number,
      inBytesPerSecond: maybe(number),
      outBytesPerSecond: maybe(number),
      inHistory: history,
      outHistory: history,
    }),
  ),
  documentLimits.rows,
)

const ledgerRow = object<LedgerRow>({
  code: words<LedgerRow['code']>(['processes', 'hidden', 'no-owner', 'kernel', 'retransmissions', 'headers', 'residual']),
  inBytes: number,
  outBytes: number,
  accuracy,
})
export const ledger = named(
  'ledger',
  object<Ledger>({
    inBytes: number,
    outBytes: number,
    rows: list(ledgerRow, documentLimits.few),
    residualPercent: maybe(number),
    unsureBytes: maybe(number),
  }),
)

export const hostIdentity = named('hostIdentity', object<HostIdentity>({ hostId: maybe(text()), bootId: maybe(text()) }))

const tcpCounters = named(
  'tcpCounters',
  object<TcpCounters>({
    opened: number,
    accepted: number,
    failed: number,
    reset: number,
    established: number,
    receivedSegments: number,
    sentSegments: number,
    retransmittedSegments: number,
    receiveErrors: number,
    sentResets: number,
  }),
)
const udpCounters = named(
  'udpCounters',
  object<UdpCounters>({
    receivedDatagrams: number,
    sentDatagrams: number,
    refusedDatagrams: number,
    receiveErrors: number,
    receiveBufferErrors: optional(number),
    sendBufferErrors: optional(number),
    checksumErrors: optional(number),
  }),
)
const tcpExtended = named(
  'tcpExtendedCounters',
  object<TcpExtendedCounters>({
    listenOverflows: maybe(number),
    listenDrops: maybe(number),
    requestDrops: maybe(number),
    synCookiesSent: maybe(number),
    synCookiesReceived: maybe(number),
    synCookiesFailed: maybe(number),
    timeouts: maybe(number),
    spuriousTimeouts: maybe(number),
    fastRetransmits: maybe(number),
    slowStartRetransmits: maybe(number),
    synRetransmits: maybe(number),
    lostRetransmits: maybe(number),
    failedRetransmits: maybe(number),
    tailLossProbes: maybe(number),
    tailLossProbeRecoveries: maybe(number),
    duplicateAckedSegments: maybe(number),
    outOfOrderSegments: maybe(number),
    outOfOrderDrops: maybe(number),
    backlogDrops: maybe(number),
    receiveQueueDrops: maybe(number),
    zeroWindowDrops: maybe(number),
    zeroWindows: maybe(number),
    zeroWindowProbes: maybe(number),
    keepAliveProbes: maybe(number),
    abortsOnData: maybe(number),
    abortsOnClose: maybe(number),
    abortsOnTimeout: maybe(number),
    abortsOnMemory: maybe(number),
    memoryPressures: maybe(number),
    prunes: maybe(number),
    timeWaits: maybe(number),
    timeWaitOverflows: maybe(number),
    challengeAcks: maybe(number),
    deliveredSegments: maybe(number),
    deliveredMarkedSegments: maybe(number),
  }),
)
const familyCounts = named('familyCounts', object<FamilyCounts>({ ipv4: maybe(number), ipv6: maybe(number) }))
const socketCounts = named(
  'socketCounts',
  object<SocketCounts>({
    used: maybe(number),
    tcp: familyCounts,
    udp: familyCounts,
    udplite: familyCounts,
    raw: familyCounts,
    tcpOrphans: maybe(number),
    tcpTimeWaits: maybe(number),
    tcpAllocated: maybe(number),
  }),
)
export const systemCounters = named(
  'systemCounters',
  object<SystemCounters>({
    tcp: object<SystemCounters['tcp']>({ ipv4: maybe(tcpCounters), ipv6: maybe(tcpCounters), combined: optional(tcpCounters) }),
    udp: object<SystemCounters['udp']>({ ipv4: maybe(udpCounters), ipv6: maybe(udpCounters) }),
    tcpExtended: optional(tcpExtended),
    sockets: optional(socketCounts),
    fields: optional(table(number, 4096) as Shape<Readonly<Record<string, number>>>),
  }),
)

const portRange = named('portRange', object<PortRange>({ first: count, last: count }))
const usage = named('usage', object<Usage>({ used: maybe(number), limit: maybe(number) }))
export const systemLimits = named(
  'systemLimits',
  object<SystemLimits>({
    ephemeralPorts: maybe(portRange),
    reservedPorts: list(portRange, documentLimits.few),
    excludedPorts: maybe(list(portRange, documentLimits.few)),
    privilegedBelow: maybe(count),
    descriptors: usage,
    openFiles: usage,
    tcpOrphans: usage,
    tcpTimeWaits: usage,
    tcpMemoryBytes: usage,
    udpMemoryBytes: usage,
  }),
)
