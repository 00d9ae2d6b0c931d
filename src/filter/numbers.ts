// The table of the numbers that a filter can ask for: add a line, and the language, its help and its printed form know it.

import type { Process } from '../model/process.ts'
import type { Memory, Queues, Socket } from '../model/socket.ts'
import type { Tcp } from '../model/tcp.ts'
import type { FilterContext, Need } from './query.ts'
import { remoteOrZero } from './host.ts'
import type { Unit } from './units.ts'

/** What a filter may look at beside the socket itself. */
export type Processes = ReadonlyMap<number, Process>
/** Says whether one value is what was asked for. */
export type NumberTest = (value: number) => boolean

/** One number: its names, its unit, and where it is found. */
export interface NumberField {
  /** The first is the one that is printed. */
  readonly names: readonly string[]
  readonly unit: Unit
  /** A number without a unit is multiplied by this when the field is called by one of its exact names; undefined: it needs a unit. */
  readonly exact: Readonly<Record<string, number>>
  /** For percentages: the field that is meant when there is no percent sign. */
  readonly plain?: string
  readonly needs?: Need
  readonly about: string
  /** Tries the values of a socket until one fits; it fits none when nothing is known. */
  readonly some: (test: NumberTest) => (socket: Socket, processes: Processes, context: FilterContext | undefined) => boolean
}

type NumberKey<T> = { [K in keyof T]-?: [T[K]] extends [number | undefined] ? K : never }[keyof T]
type Getter = (socket: Socket, context: FilterContext | undefined) => number | undefined

const one =
  (get: Getter): NumberField['some'] =>
  test =>
  (socket, _, context) => {
    const value = get(socket, context)
    return value !== undefined && test(value)
  }

// The unit is in the name of the model's field: its last word.
const suffixes: readonly (readonly [string, Unit, number])[] = [
  ['BytesPerSecond', 'rate', 1],
  ['Micros', 'time', 1],
  ['Ms', 'time', 1000],
  ['Bytes', 'bytes', 1],
]

function fromModel(path: string, names: readonly string[], about: string, get: Getter, needs?: Need): NumberField {
  const [, unit, factor] = suffixes.find(([end]) => path.endsWith(end)) ?? ['', 'count' as const, 1]
  const scaled: Getter =
    factor === 1
      ? get
      : socket => {
          const value = get(socket, undefined)
          return value === undefined ? undefined : value * factor
        }
  const all = [...names, path]
  return { names: all, unit, exact: { [path]: factor }, about, some: one(scaled), ...(needs === undefined ? {} : { needs }) }
}

// Every number of Tcp must be here: the compiler says when one is missing.
const tcp: Record<NumberKey<Tcp>, readonly [names: string, about: string]> = {
  rttMicros: ['rtt', 'smoothed round-trip time'],
  rttVarianceMicros: ['rttvar', 'how much the round-trip time varies'],
  minRttMicros: ['minrtt min_rtt', 'lowest round-trip time of the last minutes'],
  receiveRttMicros: ['rcvrtt rcv_rtt', 'round-trip time as the receiver estimates it'],
  retransmitTimeoutMicros: ['rto', 'retransmission timeout'],
  delayedAckTimeoutMicros: ['ato', 'timeout for delayed acknowledgements'],
  congestionWindowSegments: ['cwnd', 'congestion window in segments'],
  congestionWindowBytes: ['cwndBytes', 'congestion window in bytes'],
  slowStartThresholdSegments: ['ssthresh', 'slow-start threshold in segments'],
  slowStartThresholdBytes: ['ssthreshBytes', 'slow-start threshold in bytes'],
  sendMssBytes: ['mss', 'largest segment that is sent'],
  receiveMssBytes: ['rcvmss', 'largest segment that is received'],
  advertisedMssBytes: ['advmss', 'largest segment that was announced'],
  pathMtuBytes: ['pmtu mtu', 'largest packet on the path'],
  sendWindowBytes: ['sendWindow snd_wnd', 'how much the other end lets us send'],
  receiveWindowBytes: ['receiveWindow rcv_wnd', 'how much we let the other end send'],
  receiveThresholdBytes: ['rcv_ssthresh', 'limit of the receive window'],
  receiveSpaceBytes: ['rcv_space', 'space of the receive buffer tuning'],
  sendWindowScale: ['sendScale', 'window scale of sending'],
  receiveWindowScale: ['receiveScale', 'window scale of receiving'],
  unackedSegments: ['unacked', 'segments sent and not acknowledged'],
  selectivelyAckedSegments: ['sacked', 'segments acknowledged selectively'],
  lostSegments: ['lost', 'segments that count as lost now'],
  retransmitsInFlightSegments: ['retransmitsInFlight', 'retransmitted segments that are not acknowledged'],
  forwardAckedSegments: ['fackets', 'segments acknowledged forward'],
  reorderingSegments: ['reordering', 'tolerance for reordering'],
  reorderingSeen: ['reordSeen reord_seen', 'how often reordering was seen'],
  timeoutsInRow: ['timeoutsInRow', 'retransmission timeouts in a row, now'],
  probesUnanswered: ['probes', 'probes without an answer'],
  backoff: ['backoff', 'exponential backoff'],
  sentBytes: ['bytesSent', 'bytes sent, retransmissions included'],
  retransmittedBytes: ['bytesRetransmitted bytes_retrans', 'bytes sent again'],
  ackedBytes: ['bytesAcked', 'bytes acknowledged'],
  receivedBytes: ['bytesReceived', 'bytes received'],
  notSentBytes: ['notsent', 'bytes written and not yet sent'],
  sentSegments: ['segsOut segs_out', 'segments sent'],
  receivedSegments: ['segsIn segs_in', 'segments received'],
  sentDataSegments: ['dataSegsOut data_segs_out', 'segments with data sent'],
  receivedDataSegments: ['dataSegsIn data_segs_in', 'segments with data received'],
  retransmittedSegments: ['retransmitted retrans', 'segments sent again'],
  deliveredSegments: ['delivered', 'segments delivered'],
  deliveredMarkedSegments: ['deliveredMarked delivered_ce', 'segments delivered with a mark of congestion'],
  duplicateAckedSegments: ['dsackDups dsack_dups', 'retransmissions that were not needed'],
  outOfOrderSegments: ['outOfOrder rcv_ooopack', 'segments received out of order'],
  pacingBytesPerSecond: ['pacing pacing_rate', 'pacing rate'],
  maxPacingBytesPerSecond: ['maxPacing', 'limit of the pacing rate'],
  deliveryBytesPerSecond: ['delivery delivery_rate', 'delivery rate that was measured last'],
  busyMicros: ['busy', 'time with data to send'],
  receiverLimitedMicros: ['receiverLimitedTime rwnd_limited', 'time held back by the window of the receiver'],
  sendBufferLimitedMicros: ['sendBufferLimitedTime sndbuf_limited', 'time held back by the send buffer'],
  sinceSentMs: ['lastSent lastsnd', 'time since data was sent'],
  sinceAckSentMs: ['lastAckSent', 'time since an acknowledgement was sent'],
  sinceReceivedMs: ['lastReceived lastrcv', 'time since data was received'],
  sinceAckReceivedMs: ['lastAck', 'time since an acknowledgement was received'],
  rehashes: ['rehash rehashes', 'how often another path was tried'],
  timeouts: ['timeouts total_rto', 'retransmission timeouts'],
  timeoutRecoveries: ['timeoutRecoveries', 'recoveries from timeouts'],
  timeoutMs: ['timeoutTime', 'time spent in timeouts'],
}

const queues: Record<NumberKey<Queues>, readonly [names: string, about: string]> = {
  receivedBytes: ['recvQueue recvq recv-q receiveQueue', 'bytes that the application has not read'],
  sendBytes: ['sendQueue sendq send-q', 'bytes that the other end has not acknowledged'],
  backlog: ['backlog', 'listeners: connections that wait to be accepted'],
  backlogLimit: ['backlogLimit', 'listeners: how many may wait'],
}

const memory: Record<NumberKey<Memory>, readonly [names: string, about: string]> = {
  receiveAllocatedBytes: ['rmem', 'memory in use for receiving'],
  receiveBufferBytes: ['rcvbuf', 'limit of the receive buffer'],
  sendAllocatedBytes: ['wmem', 'memory in use for sending'],
  sendBufferBytes: ['sndbuf', 'limit of the send buffer'],
  forwardAllocatedBytes: ['fmem', 'memory set aside'],
  sendQueuedBytes: ['wmemQueued', 'memory of the send queue'],
  optionBytes: ['optmem', 'memory of options'],
  backlogBytes: ['backlogBytes', 'memory of packets that wait for the socket'],
  drops: ['drops', 'packets dropped for want of memory'],
}

const entries = <K extends string>(table: Record<K, readonly [string, string]>): (readonly [K, readonly string[], string])[] =>
  (Object.keys(table) as K[]).map(key => [key, table[key][0].split(' '), table[key][1]])

const ratio = (part: number | undefined, whole: number | undefined): number | undefined =>
  part === undefined || whole === undefined || whole === 0 ? undefined : (part / whole) * 100

// By bytes where they are known, else by segments.
const retransmits: Getter = ({ tcp: t }) =>
  ratio(t?.retransmittedBytes, t?.sentBytes) ?? ratio(t?.retransmittedSegments, t?.sentDataSegments ?? t?.sentSegments)

const bytesOut: Getter = ({ tcp: t, traffic }) =>
  t?.sentBytes === undefined || t.retransmittedBytes === undefined ? traffic?.outBytes : t.sentBytes - t.retransmittedBytes

const age: Getter = (socket, context) => {
  const value = context?.ageMs?.(socket)
  return value === undefined ? undefined : value * 1000
}

const rate =
  (get: (rate: { readonly in: number; readonly out: number }) => number): Getter =>
  (socket, context) => {
    const both = context?.rate?.(socket)
    return both === undefined ? undefined : get(both)
  }

const own = (names: string, unit: Unit, about: string, get: Getter, more: Partial<NumberField> = {}): NumberField => ({
  names: names.split(' '),
  unit,
  exact: {},
  about,
  some: one(get),
  ...more,
})

const owners =
  (get: (owner: Socket['owners'][number], processes: Processes) => number | undefined): NumberField['some'] =>
  test =>
  (socket, processes) =>
    socket.owners.some(owner => {
      const value = get(owner, processes)
      return value !== undefined && test(value)
    })

const either: NumberField['some'] = test => socket =>
  (socket.local.port !== undefined && test(socket.local.port)) || (socket.remote?.port !== undefined && test(socket.remote.port))

const makeFields = (): readonly NumberField[] => [
  own('port', 'port', 'the port of either end', () => undefined, { some: either }),
  own('sport lport local.port', 'port', 'the port of this end', s => s.local.port),
  own('dport', 'port', 'the port of the other end; 0 when there is none, as in ss', s => remoteOrZero(s)?.port),
  own('rport remote.port', 'port', 'the port of the other end', s => s.remote?.port),
  own('pid', 'count', 'a process that holds it', () => undefined, { some: owners(owner => owner.pid), needs: 'owners' }),
  own('ppid parentPid', 'count', 'the parent of a process that holds it', () => undefined, {
    some: owners((owner, processes) => processes.get(owner.pid)?.parentPid),
    needs: 'owners',
  }),
  own('fd', 'count', 'a descriptor of it', () => undefined, { some: owners(owner => owner.fd), needs: 'owners' }),
  own('owners', 'count', 'how many descriptors hold it', s => s.owners.length, { needs: 'owners' }),
  own('uid', 'count', 'the number of the user that made it', s => s.uid),
  own('inode ino', 'count', 'its inode', s => s.inode),
  own('mark', 'count', 'its firewall mark', s => s.mark),
  own('classId', 'count', 'its traffic class', s => s.classId),
  own('tos options.tos', 'count', 'IPv4 type of service', s => s.options?.tos, { needs: 'options' }),
  own('tclass options.trafficClass', 'count', 'IPv6 traffic class', s => s.options?.trafficClass, { needs: 'options' }),
  own('md5Keys options.md5Keys', 'count', 'TCP MD5 keys', s => s.options?.md5Keys, { needs: 'options' }),
  own('cgroupId cgroup.id', 'count', 'the id of its cgroup', s => s.cgroup?.id, { needs: 'cgroup' }),
  own('protocolNumber detail.protocolNumber', 'count', 'raw, packet, netlink: the protocol it hears', s => s.detail?.protocolNumber),
  fromModel('timer.expiresMs', ['timerExpires'], 'time until its timer', s => s.timer?.expiresMs),
  fromModel('timer.retransmits', ['timerRetransmits'], 'how often its timer expired', s => s.timer?.retransmits),
  own('retransmits', 'percent', 'how much of what was sent was sent again', retransmits, { plain: 'retransmitted', needs: 'tcp' }),
  own('receiverLimited', 'percent', 'busy time held back by the receiver', s => ratio(s.tcp?.receiverLimitedMicros, s.tcp?.busyMicros), {
    plain: 'receiverLimitedTime',
    needs: 'tcp',
  }),
  own(
    'sendBufferLimited',
    'percent',
    'busy time held back by the send buffer',
    s => ratio(s.tcp?.sendBufferLimitedMicros, s.tcp?.busyMicros),
    {
      plain: 'sendBufferLimitedTime',
      needs: 'tcp',
    },
  ),
  own('backlogUsed', 'percent', 'listeners: how full the backlog is', s => ratio(s.queues?.backlog, s.queues?.backlogLimit), {
    plain: 'backlog',
  }),
  own('bytesIn', 'bytes', 'payload received', s => s.tcp?.receivedBytes ?? s.traffic?.inBytes, { needs: 'tcp' }),
  own('bytesOut', 'bytes', 'payload sent, each byte once', bytesOut, { needs: 'tcp' }),
  own('age', 'time', 'time since it opened, where that is known', age, { needs: 'age' }),
  own(
    'rate',
    'rate',
    'traffic now, both ways',
    rate(both => both.in + both.out),
    { needs: 'rate' },
  ),
  own(
    'rateIn',
    'rate',
    'traffic now, received',
    rate(both => both.in),
    { needs: 'rate' },
  ),
  own(
    'rateOut',
    'rate',
    'traffic now, sent',
    rate(both => both.out),
    { needs: 'rate' },
  ),
  ...entries(queues).map(([key, names, about]) => fromModel(`queues.${key}`, names, about, s => s.queues?.[key])),
  ...entries(memory).map(([key, names, about]) => fromModel(`memory.${key}`, names, about, s => s.memory?.[key], 'memory')),
  ...entries(tcp).map(([key, names, about]) => fromModel(`tcp.${key}`, names, about, s => s.tcp?.[key], 'tcp')),
]

let fields: readonly NumberField[] | undefined

/** Every number that a filter can ask for. Made when it is first needed: most runs of the command line have no filter. */
export const numberFields = (): readonly NumberField[] => (fields ??= makeFields())
