// The fields of a socket: its own, those of the processes that hold it, and those computed from several.

import { ownerlessText } from '../model/ownerless.ts'
import {
  families,
  protocols,
  type Endpoint,
  type Memory,
  type Options,
  type Queues,
  type Socket,
  type Timer,
  type Traffic,
} from '../model/socket.ts'
import type { Process } from '../model/process.ts'
import { endpointText, remoteOrZero } from './endpoint.ts'
import { declare, platforms, type Cell, type Declaration, type Field, type FieldContext } from './field.ts'
import { firstHolder, holderFields } from './process.ts'
import { lineFields, type BooleanLines, type NumberLines } from './lines.ts'
import { microsText } from './units.ts'

const linux = ['linux'] as const
const unix = ['linux', 'darwin'] as const

/** The plain record and the holders: what the usual columns need. */
export const recordFields = (): readonly Field[] => [...declared(identity), ...holderFields(holders), ...declared(origin)]

/** Computed values, what the kernel reports besides the record, and the groups of details. */
export const detailFields = (): readonly Field[] => [
  ...declared(computed),
  ...lineFields('socket', 'number', 'queues.', queueNumbers),
  ...declared(kernel),
  ...lineFields('socket', 'number', 'timer.', timerNumbers),
  ...lineFields('socket', 'number', 'options.', optionNumbers, ['options']),
  ...lineFields('socket', 'boolean', 'options.', optionFlags, ['options']),
  ...lineFields('socket', 'number', 'memory.', memoryNumbers, ['memory']),
  ...lineFields('socket', 'number', 'traffic.', trafficNumbers),
]

const declared = (list: readonly Declaration[]): Field[] => list.map(one => declare('socket', one))

const ratio = (part: number | undefined, whole: number | undefined): number | undefined =>
  part === undefined || whole === undefined || whole === 0 ? undefined : part / whole

/** The port of either end, the path of either end and so on. */
const ofEnds =
  <T>(get: (end: Endpoint) => T | undefined) =>
  ({ local, remote }: Socket, _: FieldContext, test: (value: T) => boolean): boolean => {
    const here = get(local)
    if (here !== undefined && test(here)) return true
    const there = remote === undefined ? undefined : get(remote)
    return there !== undefined && test(there)
  }

const identity: readonly Declaration[] = [
  {
    id: 'protocol',
    names: 'protocol proto netid',
    title: 'PROTO',
    type: 'text',
    words: protocols,
    about: 'protocol of the socket',
    usual: true,
    dropPriority: 1,
  },
  {
    id: 'family',
    type: 'text',
    words: families,
    spellings: { inet: 'ipv4', inet6: 'ipv6', link: 'packet' },
    about: 'address family',
    usual: true,
  },
  { id: 'state', type: 'state', about: 'state of the connection', usual: true, groups: true },
  {
    id: 'local',
    names: 'local src laddr',
    type: 'endpoint',
    side: 'src',
    about: 'local address and port',
    usual: true,
    truncates: 'middle',
    value: (s, c) => endpointText(s.local, s, c.names),
  },
  {
    id: 'remote',
    names: 'remote raddr',
    type: 'endpoint',
    side: 'remote',
    about: 'remote address and port',
    usual: true,
    groups: true,
    truncates: 'middle',
    value: (s, c) => endpointText(s.remote, s, c.names),
    group: ({ remote }) => remote?.address ?? remote?.path ?? '(none)',
  },
  { id: 'local.address', type: 'endpoint', side: 'src', about: 'local address' },
  { id: 'remote.address', type: 'endpoint', side: 'remote', about: 'remote address' },
  {
    id: 'port',
    type: 'number',
    unit: 'port',
    about: 'port of either end; the column shows the local one',
    value: s => s.local.port,
    some: ofEnds(end => end.port),
  },
  { id: 'local.port', names: 'sport lport', type: 'number', unit: 'port', about: 'local port' },
  { id: 'dport', type: 'number', unit: 'port', about: 'remote port; 0 when not connected, as in ss', value: s => remoteOrZero(s)?.port },
  { id: 'remote.port', names: 'rport', type: 'number', unit: 'port', about: 'remote port' },
  {
    id: 'path',
    type: 'text',
    about: 'UNIX: path of either end',
    platforms: unix,
    value: s => s.local.path ?? s.remote?.path,
    some: ofEnds(end => end.path),
  },
  {
    id: 'zone',
    type: 'text',
    about: 'interface of a link-local address',
    value: s => s.local.zone ?? s.remote?.zone,
    some: ofEnds(end => end.zone),
  },
  { id: 'key', type: 'text', about: 'identity of the socket; never reused', usual: true },
  {
    id: 'pid',
    type: 'number',
    about: 'process that holds it',
    needs: ['owners'],
    usual: true,
    value: s => s.owners[0]?.pid,
    some: (s, _, test) => s.owners.some(owner => test(owner.pid)),
  },
  {
    id: 'fd',
    type: 'number',
    about: 'file descriptor in the process that holds it',
    platforms: unix,
    needs: ['owners'],
    usual: true,
    dropPriority: 8,
    value: s => s.owners[0]?.fd,
    some: (s, _, test) => s.owners.some(({ fd }) => fd !== undefined && test(fd)),
  },
]

/** What a socket without a process shows instead, and how many other processes hold one. */
const holders: Readonly<Record<string, Partial<Declaration>>> = {
  name: {
    text: (s, c) => (s.owners.length === 0 ? noOwnerText(s) : `${firstHolder(s.owners, c)?.name ?? '?'}${moreText(s)}`),
    group: (s, c) => {
      const owner = s.owners[0]
      return owner === undefined ? ownerlessText(s.ownerless) : `${c.processes.get(owner.pid)?.name ?? '?'} ${owner.pid}`
    },
  },
}

/** Why a socket has no process; empty where owners were not looked up. */
const noOwnerText = (s: Socket): string => (s.ownerless === undefined ? '' : ownerlessText(s.ownerless))

function moreText({ owners }: Socket): string {
  if (owners.length < 2) return ''
  const others = new Set(owners.map(owner => owner.pid)).size - 1
  return others > 0 ? `+${others}` : ''
}

/** The names of users by uid, collected from the processes of a snapshot. */
const userNames = new WeakMap<ReadonlyMap<number, Process>, ReadonlyMap<number | undefined, string | undefined>>()

/** A socket without a process still has a user; another process of the same user may have its name. */
function userName(uid: number | undefined, { processes }: FieldContext): string | undefined {
  let names = userNames.get(processes)
  if (names === undefined) {
    names = new Map([...processes.values()].map(p => [p.uid, p.user]))
    userNames.set(processes, names)
  }
  return uid === undefined ? undefined : (names.get(uid) ?? (uid === 0 ? 'root' : undefined))
}

/** The uid of the socket, and the user of each holder: on Windows with and without its domain, elsewhere also by number. */
function someUser(s: Socket, { processes }: FieldContext, test: (text: string) => boolean): boolean {
  if (s.uid !== undefined && test(String(s.uid))) return true
  for (const owner of s.owners) {
    const process = processes.get(owner.pid)
    if (process === undefined) continue
    const { user, uid } = process
    if (user !== undefined && (test(user) || test(user.replace(/^.*\\/, '')))) return true
    if (uid !== undefined && test(String(uid))) return true
  }
  return false
}

const origin: readonly Declaration[] = [
  {
    id: 'user',
    type: 'text',
    about: 'user that created it or holds it: a name or a number',
    needs: ['owners'],
    usual: true,
    groups: true,
    truncates: true,
    dropPriority: 3,
    value: (s, c) => firstHolder(s.owners, c)?.user ?? userName(s.uid, c) ?? s.uid,
    some: someUser,
  },
  {
    id: 'owners',
    type: 'number',
    align: 'left',
    about: 'how many descriptors hold it; the column shows each as name/pid/fd',
    needs: ['owners'],
    usual: true,
    value: (s, c) => s.owners.map(o => `${c.processes.get(o.pid)?.name ?? '?'}/${o.pid}/${o.fd ?? '?'}`).join(' '),
    some: (s, _, test) => test(s.owners.length),
    order: s => s.owners.length,
  },
  {
    id: 'ownerless',
    type: 'text',
    about: 'why no process holds it: kernel, time-wait, orphan, not-accepted, in-flight, permission, other-pid-namespace, exited, unknown',
    needs: ['owners'],
  },
  { id: 'uid', type: 'number', about: 'uid of the user that created it', platforms: unix, usual: true },
  { id: 'inode', names: 'inode ino', type: 'number', about: 'inode', platforms: linux, usual: true },
  {
    id: 'interface',
    names: 'interface dev iface',
    type: 'interface',
    about: 'interface that it is bound to: name or number',
    platforms: linux,
    usual: true,
    value: s => s.interface && (s.interface.name ?? s.interface.index),
  },
  {
    id: 'namespace',
    names: 'namespace ns netns',
    type: 'text',
    about: 'network namespace: name or number',
    platforms: linux,
    usual: true,
    groups: true,
    truncates: true,
    value: s => s.namespace && (s.namespace.name ?? s.namespace.inode),
    some: ({ namespace: n }, _, test) => n !== undefined && ((n.name !== undefined && test(n.name)) || test(String(n.inode))),
  },
  {
    id: 'cgroup',
    type: 'cgroup',
    about: 'cgroup: path or id',
    platforms: linux,
    needs: ['cgroup'],
    usual: true,
    truncates: true,
    value: s => s.cgroup && (s.cgroup.path ?? s.cgroup.id),
  },
  { id: 'cgroup.id', names: 'cgroupId', type: 'number', about: 'id of the cgroup', platforms: linux, needs: ['cgroup'] },
  {
    id: 'securityContext',
    names: 'socketcontext',
    title: 'SOCKET-CONTEXT',
    type: 'text',
    about: 'security context of the socket itself (SELinux)',
    platforms: linux,
    needs: ['socketContext'],
    usual: true,
    truncates: true,
  },
  { id: 'mark', type: 'number', about: 'firewall mark', platforms: linux, usual: true },
  { id: 'classId', type: 'number', about: 'traffic class', platforms: linux },
  { id: 'detail.type', names: 'type', type: 'text', about: 'UNIX: stream, datagram or seqpacket', platforms: unix },
  {
    id: 'detail.protocolName',
    names: 'protocolName',
    type: 'text',
    about: 'raw, packet, netlink: protocol that it receives',
    platforms: linux,
  },
  {
    id: 'detail.protocolNumber',
    names: 'protocolNumber',
    type: 'number',
    about: 'raw, packet, netlink: number of the protocol that it receives',
    platforms: unix,
  },
  {
    id: 'recvQueue',
    names: 'recvQueue recvq recv-q receiveQueue',
    title: 'RECV-Q',
    type: 'number',
    unit: 'bytes',
    exact: true,
    about: 'bytes that the application has not read; for a listener, connections that it has not accepted',
    usual: true,
    dropPriority: 5,
    value: s => s.queues?.backlog ?? s.queues?.receivedBytes,
  },
  {
    id: 'sendQueue',
    names: 'sendQueue sendq send-q',
    title: 'SEND-Q',
    type: 'number',
    unit: 'bytes',
    exact: true,
    about: 'bytes that the other end has not acknowledged; for a listener, the limit of its backlog',
    usual: true,
    dropPriority: 5,
    value: s => s.queues?.backlogLimit ?? s.queues?.sendBytes,
  },
]

const rate =
  (of: (rate: { readonly in: number; readonly out: number }) => number) =>
  (s: Socket, context: FieldContext): Cell => {
    const both = context.rate?.(s)
    return both === undefined ? undefined : of(both)
  }

const percentage = (
  id: string,
  withoutPercent: string,
  about: string,
  value: (s: Socket) => number | undefined,
  more: Partial<Declaration>,
): Declaration => ({ id, type: 'number', unit: 'percent', withoutPercent, about, platforms, value, ...more }) as Declaration

const computed: readonly Declaration[] = [
  percentage(
    'retransmits',
    'retransmitted',
    'retransmitted share of the sent bytes, or of the segments where bytes are not counted',
    // By bytes where they are known, otherwise by segments.
    ({ tcp: t }) => ratio(t?.retransmittedBytes, t?.sentBytes) ?? ratio(t?.retransmittedSegments, t?.sentDataSegments ?? t?.sentSegments),
    { title: 'RETRANS', needs: ['tcp'], usual: true },
  ),
  percentage(
    'receiverLimited',
    'receiverLimitedTime',
    'share of the busy time that was limited by the receiver',
    s => ratio(s.tcp?.receiverLimitedMicros, s.tcp?.busyMicros),
    { needs: ['tcp'], platforms: linux },
  ),
  percentage(
    'sendBufferLimited',
    'sendBufferLimitedTime',
    'share of the busy time that was limited by the send buffer',
    s => ratio(s.tcp?.sendBufferLimitedMicros, s.tcp?.busyMicros),
    { needs: ['tcp'], platforms: linux },
  ),
  percentage('backlogUsed', 'backlog', 'listeners: share of the backlog in use', s => ratio(s.queues?.backlog, s.queues?.backlogLimit), {
    platforms: unix,
  }),
  {
    id: 'inBytes',
    names: 'inBytes in',
    title: 'IN',
    type: 'number',
    unit: 'bytes',
    about: 'payload received',
    needs: ['tcp'],
    usual: true,
    value: s => s.tcp?.receivedBytes ?? s.traffic?.inBytes,
  },
  {
    id: 'outBytes',
    names: 'outBytes out',
    title: 'OUT',
    type: 'number',
    unit: 'bytes',
    about: 'payload sent, without retransmissions',
    needs: ['tcp'],
    usual: true,
    value: ({ tcp: t, traffic: counted }) =>
      t?.sentBytes === undefined || t.retransmittedBytes === undefined ? counted?.outBytes : t.sentBytes - t.retransmittedBytes,
  },
  {
    id: 'age',
    type: 'number',
    unit: 'time',
    scale: 1000,
    about: 'time since it opened; known while watching',
    needs: ['age'],
    value: (s, context) => context.ageMs?.(s),
  },
  {
    id: 'rate',
    type: 'number',
    unit: 'rate',
    about: 'current traffic in both directions; known while watching',
    needs: ['rate', 'bytes'],
    usual: true,
    value: rate(both => both.in + both.out),
  },
  {
    id: 'rateIn',
    type: 'number',
    unit: 'rate',
    about: 'current traffic received; known while watching',
    needs: ['rate', 'bytes'],
    value: rate(both => both.in),
  },
  {
    id: 'rateOut',
    type: 'number',
    unit: 'rate',
    about: 'current traffic sent; known while watching',
    needs: ['rate', 'bytes'],
    value: rate(both => both.out),
  },
]

export const queueNumbers: NumberLines<Queues> = {
  receivedBytes: ['', 'LDW', 'bytes that the application has not read'],
  sendBytes: ['', 'LDW', 'bytes that the other end has not acknowledged'],
  backlog: ['backlog', 'LD', 'listeners: connections that wait to be accepted'],
  backlogLimit: ['backlogLimit', 'LD', 'listeners: limit of the backlog'],
}

const options = (declaration: Declaration): Declaration => ({ ...declaration, needs: ['options'] })

const kernel: readonly Declaration[] = [
  {
    id: 'timer.kind',
    names: 'timer',
    type: 'text',
    words: ['retransmit', 'keepalive', 'time-wait', 'zero-window-probe', 'delayed-ack'],
    about: 'running timer; the column also shows when it expires and how often it has expired',
    platforms: linux,
    usual: true,
    value: s => s.timer && `${s.timer.kind} ${microsText(s.timer.expiresMs * 1000)} ${s.timer.retransmits}`,
    some: (s, _, test) => s.timer !== undefined && test(s.timer.kind),
  },
  options({
    id: 'tos',
    type: 'number',
    about: 'IPv4 type of service; if it has none, the IPv6 traffic class',
    platforms: unix,
    usual: true,
    value: s => s.options?.tos ?? s.options?.trafficClass,
  }),
  options({
    id: 'options.upperLayer',
    names: 'upperLayer ulp',
    type: 'text',
    about: 'protocol on top of TCP in the kernel, such as tls',
    platforms: linux,
    value: s => s.options?.upperLayer?.name,
  }),
  options({
    id: 'options.shutdown',
    names: 'shutdown',
    type: 'text',
    words: ['none', 'receive', 'send', 'both'],
    about: 'which directions are shut down',
    platforms: unix,
  }),
  options({
    id: 'options.flags',
    names: 'option',
    type: 'text',
    about: 'options that are set',
    platforms: unix,
    value: s => s.options?.flags?.join(' '),
    some: (s, _, test) => s.options?.flags?.some(test) ?? false,
  }),
]

export const timerNumbers: NumberLines<Timer> = {
  expiresMs: ['timerExpires', 'L', 'time until its timer expires'],
  retransmits: ['timerRetransmits', 'L', 'how often its timer has expired'],
}

export const optionNumbers: NumberLines<Options> = {
  tos: ['', 'LD', 'IPv4 type of service'],
  trafficClass: ['tclass', 'L', 'IPv6 traffic class'],
  md5Keys: ['md5Keys', 'L', 'TCP MD5 keys'],
}

export const optionFlags: BooleanLines<Options> = {
  v6only: ['v6only', 'LD', 'IPv6 only'],
  bpfStorage: ['bpfStorage', 'L', 'BPF programs store data on it'],
}

export const memoryNumbers: NumberLines<Memory> = {
  receiveAllocatedBytes: ['rmem', 'LD', 'memory in use for receiving'],
  receiveBufferBytes: ['rcvbuf', 'LD', 'limit of the receive buffer'],
  sendAllocatedBytes: ['wmem', 'LD', 'memory in use for sending'],
  sendBufferBytes: ['sndbuf', 'LD', 'limit of the send buffer'],
  forwardAllocatedBytes: ['fmem', 'L', 'memory reserved'],
  sendQueuedBytes: ['wmemQueued', 'LD', 'memory of the send queue'],
  optionBytes: ['optmem', 'L', 'memory of options'],
  backlogBytes: ['backlogBytes', 'L', 'memory of packets queued for the socket'],
  drops: ['drops', 'L', 'packets dropped for lack of memory'],
}

export const trafficNumbers: NumberLines<Traffic> = {
  inBytes: ['trafficIn', 'LD', 'bytes that processes have received on it since counting began'],
  outBytes: ['trafficOut', 'LD', 'bytes that processes have sent on it since counting began'],
  inCalls: ['callsIn', 'LD', 'calls that received data; for datagram sockets, datagrams'],
  outCalls: ['callsOut', 'LD', 'calls that sent data; for datagram sockets, datagrams'],
}
