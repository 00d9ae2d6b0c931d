// Every column that a table, CSV, template or sort order can have: one list for all outputs.

import type { Process } from '../model/process.ts'
import type { Owner, Socket } from '../model/socket.ts'
import { endpointText, type Names } from './endpoint.ts'
import { bytesText, microsText, percentText, rateText } from './units.ts'

/** What a column may look at beside the socket. */
export interface Surroundings {
  readonly processes: ReadonlyMap<number, Process>
  readonly names?: Names | undefined
}

/** A value as a machine wants it. */
export type Cell = string | number | boolean | undefined

/** One column. */
export interface Column {
  readonly id: string
  readonly title: string
  readonly align: 'left' | 'right'
  /** What it shows, for help. */
  readonly about: string
  /** For CSV, templates and sorting. */
  readonly value: (socket: Socket, around: Surroundings) => Cell
  /** For people; the value as it is, when absent. */
  readonly text?: (socket: Socket, around: Surroundings) => string
  /** Leaves a narrow terminal first when it is high; 0 never leaves. */
  readonly dropPriority?: number
  /** Its cells may be cut when the terminal is too narrow. */
  readonly truncates?: boolean
}

const first = (socket: Socket, { processes }: Surroundings): Process | undefined => {
  const owner = socket.owners[0]
  return owner === undefined ? undefined : processes.get(owner.pid)
}
// A socket without a process still has a user; another process of that user may tell the name.
const userNames = new WeakMap<ReadonlyMap<number, Process>, ReadonlyMap<number | undefined, string | undefined>>()
function userName(uid: number | undefined, { processes }: Surroundings): string | undefined {
  let names = userNames.get(processes)
  if (names === undefined) {
    names = new Map([...processes.values()].map(p => [p.uid, p.user]))
    userNames.set(processes, names)
  }
  return uid === undefined ? undefined : (names.get(uid) ?? (uid === 0 ? 'root' : undefined))
}
/** The owners, each process once. */
const pids = (owners: readonly Owner[]): number[] => [...new Set(owners.map(o => o.pid))]
const more = (socket: Socket): string => {
  if (socket.owners.length < 2) return ''
  const others = pids(socket.owners).length - 1
  return others > 0 ? `+${others}` : ''
}
const micros = (value: number | undefined): string => (value === undefined ? '' : microsText(value))
const size = (value: number | undefined): string => (value === undefined ? '' : bytesText(value))

/** The share of the bytes sent that were sent again. */
const retransmitted = (s: Socket): number | undefined =>
  s.tcp?.retransmittedBytes === undefined || !s.tcp.sentBytes ? undefined : s.tcp.retransmittedBytes / s.tcp.sentBytes

const column = (
  id: string,
  title: string,
  align: Column['align'],
  about: string,
  value: Column['value'],
  rest: Pick<Column, 'text' | 'dropPriority' | 'truncates'> = {},
): Column => ({ id, title, align, about, value, ...rest })

/** Every column by name. */
export const columns: readonly Column[] = [
  column('proto', 'PROTO', 'left', 'the protocol', s => s.protocol),
  column('family', 'FAMILY', 'left', 'the address family', s => s.family),
  column('state', 'STATE', 'left', 'the state of the connection', s => s.state),
  column('local', 'LOCAL', 'left', 'address and port of this end', (s, a) => endpointText(s.local, s, a.names), { truncates: true }),
  column('remote', 'REMOTE', 'left', 'address and port of the other end', (s, a) => endpointText(s.remote, s, a.names), {
    truncates: true,
  }),
  column('pid', 'PID', 'right', 'the process that holds it', s => s.owners[0]?.pid),
  column('fd', 'FD', 'right', 'its descriptor in that process', s => s.owners[0]?.fd, { dropPriority: 8 }),
  column('process', 'PROCESS', 'left', 'the name of that process, and how many others hold it', (s, a) => first(s, a)?.name, {
    text: (s, a) => (s.owners.length === 0 ? whyText(s) : `${first(s, a)?.name ?? '?'}${more(s)}`),
    truncates: true,
  }),
  column('user', 'USER', 'left', 'the user that owns it', (s, a) => first(s, a)?.user ?? userName(s.uid, a) ?? s.uid, {
    dropPriority: 3,
    truncates: true,
  }),
  column('owners', 'OWNERS', 'left', 'every holder as name/pid/fd', (s, a) =>
    s.owners.map(o => `${a.processes.get(o.pid)?.name ?? '?'}/${o.pid}/${o.fd ?? '?'}`).join(' '),
  ),
  column('exe', 'EXE', 'left', 'the file that runs', (s, a) => first(s, a)?.exe, { truncates: true }),
  column('command', 'COMMAND', 'left', 'the command line', (s, a) => first(s, a)?.command?.join(' '), { truncates: true }),
  column('script', 'SCRIPT', 'left', 'the script that an interpreter runs', (s, a) => first(s, a)?.script, { truncates: true }),
  column('container', 'CONTAINER', 'left', 'the container', (s, a) => containerText(first(s, a)), { truncates: true }),
  column('unit', 'UNIT', 'left', 'the systemd unit or service', (s, a) => first(s, a)?.unit, { truncates: true }),
  column(
    'recvq',
    'RECV-Q',
    'right',
    'bytes not read yet; of a listener, connections not accepted yet',
    s => s.queues?.backlog ?? s.queues?.receivedBytes,
    {
      dropPriority: 5,
    },
  ),
  column(
    'sendq',
    'SEND-Q',
    'right',
    'bytes not acknowledged yet; of a listener, how many may wait',
    s => s.queues?.backlogLimit ?? s.queues?.sendBytes,
    {
      dropPriority: 5,
    },
  ),
  column('uid', 'UID', 'right', 'the number of the user that made it', s => s.uid),
  column('inode', 'INODE', 'right', 'the inode', s => s.inode),
  column('key', 'KEY', 'left', 'the key that no other socket ever has', s => s.key),
  column(
    'interface',
    'INTERFACE',
    'left',
    'the interface that it is bound to',
    s => s.interface && (s.interface.name ?? s.interface.index),
  ),
  column('namespace', 'NAMESPACE', 'left', 'the network namespace', s => s.namespace && (s.namespace.name ?? s.namespace.inode), {
    truncates: true,
  }),
  column('cgroup', 'CGROUP', 'left', 'the cgroup', s => s.cgroup && (s.cgroup.path ?? s.cgroup.id), { truncates: true }),
  column('context', 'CONTEXT', 'left', 'the security context of the process', (s, a) => first(s, a)?.securityContext, { truncates: true }),
  column('socketcontext', 'SOCKET-CONTEXT', 'left', 'the security context of the socket', s => s.securityContext, { truncates: true }),
  column('mark', 'MARK', 'right', 'the firewall mark', s => s.mark),
  column('tos', 'TOS', 'right', 'type of service or traffic class', s => s.options?.tos ?? s.options?.trafficClass),
  column(
    'timer',
    'TIMER',
    'left',
    'the timer that runs',
    s => s.timer && `${s.timer.kind} ${microsText(s.timer.expiresMs * 1000)} ${s.timer.retransmits}`,
  ),
  column('rtt', 'RTT', 'right', 'smoothed round-trip time', s => s.tcp?.rttMicros, { text: s => micros(s.tcp?.rttMicros) }),
  column('minrtt', 'MIN-RTT', 'right', 'the lowest round-trip time', s => s.tcp?.minRttMicros, { text: s => micros(s.tcp?.minRttMicros) }),
  column('retransmits', 'RETRANS', 'right', 'share of the bytes that were sent again', retransmitted, {
    text: s => (retransmitted(s) === undefined ? '' : percentText(retransmitted(s)!)),
  }),
  column('cwnd', 'CWND', 'right', 'congestion window in segments', s => s.tcp?.congestionWindowSegments),
  column('cc', 'CC', 'left', 'congestion control', s => s.tcp?.congestionControl),
  column('mss', 'MSS', 'right', 'bytes in a full segment', s => s.tcp?.sendMssBytes),
  column('in', 'IN', 'right', 'bytes received', s => s.tcp?.receivedBytes, { text: s => size(s.tcp?.receivedBytes) }),
  column('out', 'OUT', 'right', 'bytes sent, without those that were sent again', sentOnce, { text: s => size(sentOnce(s)) }),
  column('rate', 'RATE', 'right', 'delivery rate', s => s.tcp?.deliveryBytesPerSecond, {
    text: s => (s.tcp?.deliveryBytesPerSecond === undefined ? '' : rateText(s.tcp.deliveryBytesPerSecond)),
  }),
]

function sentOnce(s: Socket): number | undefined {
  const sent = s.tcp?.sentBytes
  return sent === undefined ? undefined : sent - (s.tcp?.retransmittedBytes ?? 0)
}

/** Why a socket has no process, in brackets. */
const whyText = (s: Socket): string => (s.ownerless === undefined ? '' : `(${s.ownerless === 'permission' ? 'hidden' : s.ownerless})`)

const containerText = (p: Process | undefined): string | undefined =>
  p?.container && (p.container.name ?? `${p.container.runtime}:${p.container.id.slice(0, 12)}`)

const byId = new Map(columns.map(c => [c.id, c]))

/** The columns of the model by their own path, such as `local.port` or `tcp.rttMicros`. */
function path(id: string): Column | undefined {
  const steps = id.split('.')
  if (!/^[a-zA-Z]\w*(\.\w+)*$/.test(id) || !modelFields.has(steps[0]!)) return undefined
  const value = (s: Socket): Cell => {
    let at: unknown = s
    for (const step of steps) {
      if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined
      at = (at as Record<string, unknown>)[step]
    }
    return typeof at === 'object' && at !== null ? JSON.stringify(at) : (at as Cell)
  }
  return column(id, id, 'left', 'a field of the model', value)
}

const modelFields = new Set(
  'key protocol family state local remote owners ownerless uid inode queues timer interface namespace mark classId cgroup memory options tcp securityContext detail'.split(
    ' ',
  ),
)

/** The column of that name or model path; undefined when there is none. */
export const findColumn = (id: string): Column | undefined => byId.get(id) ?? path(id)

/** The columns of `list` when nothing else is said. */
export const usualColumns = ['proto', 'state', 'recvq', 'sendq', 'local', 'remote', 'pid', 'process', 'user'] as const
