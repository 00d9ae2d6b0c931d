// The table of the numbers that a filter can ask for: add a line, and the language, its help and its printed form know it.

import type { Process } from '../model/process.ts'
import type { Socket } from '../model/socket.ts'
import { accurateEcn, memory, queues, tcp, traffic } from './number-names.ts'
import type { FilterContext, Need } from './predicate.ts'
import { remoteOrZero } from './language/host.ts'
import type { Unit } from './language/units.ts'

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

const entries = <K extends string>(table: Readonly<Record<K, readonly [string, string]>>): (readonly [K, readonly string[], string])[] =>
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
  ...entries(accurateEcn).map(([key, names, about]) =>
    fromModel(`tcp.accurateEcn.${key}`, names, about, s => s.tcp?.accurateEcn?.[key], 'tcp'),
  ),
  ...entries(traffic).map(([key, names, about]) => fromModel(`traffic.${key}`, names, about, s => s.traffic?.[key])),
]

let fields: readonly NumberField[] | undefined

/** Every number that a filter can ask for. Made when it is first needed: most runs of the command line have no filter. */
export const numberFields = (): readonly NumberField[] => (fields ??= makeFields())
