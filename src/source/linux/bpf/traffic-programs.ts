// The programs that see sockets open and close, and who sends and receives: as data, from the offsets that BTF gave. Pure.
//
// They report through a ring of records (openings, ends, the first use of a socket by a process), and a map of counters by socket and process,
// which costs the sender one look-up for each call. The end of a socket frees its counters in the kernel; where the record of an end does not fit into the
// ring, the counters stay, marked as ended. A mark at each socket, which the kernel frees with the socket, has what must be remembered as long as it exists.

import {
  alu,
  aluReg,
  atomicAdd,
  call,
  exit,
  fp,
  goto,
  jump,
  jump32,
  jumpReg,
  label,
  load,
  loadMap,
  r0,
  r1,
  r2,
  r3,
  r4,
  r6,
  r7,
  r8,
  r9,
  store,
  storeValue,
  type Instruction,
  type Program,
  type Register,
} from './asm.ts'
import type { Protocol } from '../../../model/socket.ts'
import {
  cookieBits,
  endings,
  lostIndexes,
  mark,
  moveKeySize,
  moveValue,
  recordKinds,
  recordSizes,
  trafficRecord,
  type MoveValue,
  type TrafficMaps,
  type TrafficOffsets,
  type TrafficRecord,
} from './records.ts'

// Numbers of helpers: include/uapi/linux/bpf.h, __BPF_FUNC_MAPPER.
const MAP_LOOKUP_ELEM = 1
const MAP_UPDATE_ELEM = 2
const MAP_DELETE_ELEM = 3
const KTIME_GET_NS = 5
const GET_CURRENT_UID_GID = 15
const GET_SOCKET_COOKIE = 46
const SK_STORAGE_GET = 107 // In tracepoints since 5.11.
const PROBE_READ_KERNEL = 113
const GET_NS_CURRENT_PID_TGID = 120 // 5.7
const RINGBUF_RESERVE = 131
const RINGBUF_SUBMIT = 132
const SKC_TO_TCP_SOCK = 137
const GET_CURRENT_TASK_BTF = 158
const BPF_NOEXIST = 1
const BPF_SK_STORAGE_GET_F_CREATE = 1
const EEXIST = 17

/** Which sockets are traced: those of one network namespace, and of these protocols. */
export interface TrafficScope {
  readonly namespace: number | undefined
  readonly protocols: readonly Protocol[]
}

/** A pid namespace: processes are called by its numbers. Its device as the kernel writes it, and its inode. */
export interface PidNamespace {
  readonly device: number
  readonly inode: number
}

const at = trafficRecord.offsets as Readonly<Record<keyof TrafficRecord, number>>
const valueAt = moveValue.offsets as Readonly<Record<keyof MoveValue, number>>
const markAt = mark.offsets as Readonly<Record<'first' | 'flags' | 'state', number>>
/** Flags of a mark: the socket has ended, and it has a first user. */
const ENDED = 1
const USED = 2
const SOCK_STREAM = 1
const SOCK_RAW = 3
const AF_UNIX = 1
const AF_INET = 2
const AF_INET6 = 10
const PF_KTHREAD = 0x00200000
const MSG_PEEK = 0x2
const MSG_ERRQUEUE = 0x2000
/** IPPROTO_*, of sockets that are not raw. */
const protocolNumbers: Partial<Record<Protocol, readonly number[]>> = {
  tcp: [6],
  udp: [17],
  udplite: [136],
  icmp: [1, 58],
  mptcp: [262],
  sctp: [132],
  dccp: [33],
}
/** The protocols whose calls can be counted. */
export const countable: readonly Protocol[] = [...(Object.keys(protocolNumbers) as Protocol[]), 'raw', 'unix']
const IPPROTO_TCP = 6
const IPPROTO_MPTCP = 262
// Places on the stack of a program.
const KEY = -moveKeySize
const VALUE = KEY - moveValue.size
const INDEX = VALUE - 8
const PLACE = INDEX - 8
const ID = PLACE - 8
const MARK = ID - 8

/** Puts an address into a register. `base` must not be the register itself. */
const pointer = (register: Register, base: Register, offset: number): Instruction[] => [
  aluReg('mov', register, base),
  alu('add', register, offset),
]

/** Searches a map for the key at this place of the stack; r0 is the address of the value, or 0. */
const lookup = (map: number, key: number): Instruction[] => [...loadMap(r1, map), ...pointer(r2, fp, key), call(MAP_LOOKUP_ELEM)]

/** Leaves the lower half of a register. */
const low32 = (register: Register): Instruction[] => [alu('lsh', register, 32), alu('rsh', register, 32)]

/** Adds one to what was lost. */
const countLost = (maps: TrafficMaps, what: keyof typeof lostIndexes, next: string): Instruction[] => [
  storeValue('u32', fp, INDEX, lostIndexes[what]),
  ...lookup(maps.lost, INDEX),
  jump('eq', r0, 0, next),
  alu('mov', r1, 1),
  atomicAdd('u64', r0, 0, r1),
]

/** Goes out for a socket of another namespace. r7 is the socket. */
const inScope = (o: TrafficOffsets, { namespace }: TrafficScope): Instruction[] =>
  namespace === undefined
    ? []
    : [load('u64', r1, r7, o.net), load('u32', r1, r1, o.netNs + o.nsNumber), jump32('ne', r1, namespace | 0, 'out')]

/** Goes to `wanted` for a socket of a protocol that is requested, or else to `out`. r1 has its family; `read` puts its type or protocol into r2. */
const isWanted = ({ protocols }: TrafficScope, read: (what: 'type' | 'protocol') => Instruction): Instruction[] => [
  ...(protocols.includes('unix') ? [jump('eq', r1, AF_UNIX, 'wanted')] : []),
  jump('eq', r1, AF_INET, 'internet'),
  jump('ne', r1, AF_INET6, 'out'),
  label('internet'),
  read('type'),
  jump('eq', r2, SOCK_RAW, protocols.includes('raw') ? 'wanted' : 'out'), // Whatever its protocol: one of TCP has none of its counters.
  read('protocol'),
  ...protocols.flatMap(protocol => (protocolNumbers[protocol] ?? []).map(number => jump('eq', r2, number, 'wanted'))),
  goto('out'),
  label('wanted'),
]

/** The same, of a socket of the kernel in r7. */
const isWantedSocket = (o: TrafficOffsets, scope: TrafficScope): Instruction[] => [
  load('u16', r1, r7, o.family),
  ...isWanted(scope, what => load('u16', r2, r7, o[what])),
]

/**
 * Puts the number of this process into r0: 0 for one that is not in the pid namespace, and for a thread of the kernel: it works for others, and holds
 * nothing of its own. `name` makes labels of its own.
 */
const currentProcess = (o: TrafficOffsets, pids: PidNamespace | undefined, name: string): Instruction[] =>
  pids === undefined
    ? [
        call(GET_CURRENT_TASK_BTF),
        load('u32', r1, r0, o.taskFlags),
        load('u32', r0, r0, o.tgid),
        jump('has', r1, PF_KTHREAD, `${name} kernel`),
        goto(`${name} process`),
        label(`${name} kernel`),
        alu('mov', r0, 0),
        label(`${name} process`),
      ]
    : [
        alu('mov', r1, pids.device),
        alu('mov', r2, pids.inode | 0),
        ...low32(r2), // The number above has lost its upper half, not its sign.
        ...pointer(r3, fp, PLACE),
        alu('mov', r4, 8),
        call(GET_NS_CURRENT_PID_TGID),
        jump('ne', r0, 0, `${name} foreign`),
        load('u32', r0, fp, PLACE + 4), // struct bpf_pidns_info: the thread, and the process.
        goto(`${name} process`),
        label(`${name} foreign`),
        alu('mov', r0, 0),
        label(`${name} process`),
      ]

/** Searches the mark of the socket in r7, or makes it; r0 is its address, or 0. */
const findMark = (maps: TrafficMaps, flags: 0 | typeof BPF_SK_STORAGE_GET_F_CREATE): Instruction[] => [
  ...loadMap(r1, maps.marks),
  aluReg('mov', r2, r7),
  alu('mov', r3, 0),
  alu('mov', r4, flags),
  call(SK_STORAGE_GET),
]

const submit: readonly Instruction[] = [aluReg('mov', r1, r9), alu('mov', r2, 0), call(RINGBUF_SUBMIT)]

/** Copies a member of a kernel struct: `from` must not be r0..r5. */
const copy = (size: 'u16' | 'u32' | 'u64', to: number, from: Register, offset: number): Instruction[] => [
  load(size, r1, from, offset),
  store(size, r9, to, r1),
]

const copyBytes = (to: number, count: number, from: Register, offset: number): Instruction[] => [
  ...pointer(r1, r9, to),
  alu('mov', r2, count),
  ...pointer(r3, from, offset),
  call(PROBE_READ_KERNEL),
]

/** Reserves a record; goes to `full` when there is no room. r9 becomes the record. */
const reserve = (maps: TrafficMaps, name: keyof typeof recordKinds, full: string): Instruction[] => [
  ...loadMap(r1, maps.ring),
  alu('mov', r2, recordSizes[name]),
  alu('mov', r3, 0),
  call(RINGBUF_RESERVE),
  jump('eq', r0, 0, full),
  aluReg('mov', r9, r0),
  storeValue('u32', r9, at.kind, recordKinds[name]),
  load('u64', r1, fp, ID),
  store('u64', r9, at.id, r1),
  call(KTIME_GET_NS),
  store('u64', r9, at.atNs, r0),
]

/** Reserves a record and fills in what every one of a kernel socket has; goes to `full` when there is no room. r7 is the socket, r9 becomes the record. */
const newRecord = (o: TrafficOffsets, maps: TrafficMaps, name: keyof typeof recordKinds, full: string): Instruction[] => [
  ...reserve(maps, name, full),
  ...copy('u64', at.cookie, r7, o.cookie),
  ...copy('u16', at.family, r7, o.family),
  ...copy('u16', at.type, r7, o.type),
  ...copy('u16', at.protocol, r7, o.protocol),
  ...copyBytes(at.localPort, 2, r7, o.localPort),
  ...copy('u16', at.remotePort, r7, o.remotePort),
  ...copy('u32', at.uid, r7, o.uid),
  ...copy('u32', at.flags, r7, o.flags),
  load('u64', r1, r7, o.net),
  load('u32', r1, r1, o.netNs + o.nsNumber),
  store('u32', r9, at.namespace, r1),
  load('u16', r1, r7, o.family),
  jump('eq', r1, AF_INET6, `${name} ipv6`),
  ...copyBytes(at.local, 4, r7, o.local4),
  ...copyBytes(at.remote, 4, r7, o.remote4),
  goto(`${name} head`),
  label(`${name} ipv6`),
  ...copyBytes(at.local, 16, r7, o.local6),
  ...copyBytes(at.remote, 16, r7, o.remote6),
  label(`${name} head`),
]

/**
 * Puts the identity of a socket in r8 onto the stack: its cookie. A connection that MPTCP accepts has the cookie of its listener, so those are identified by
 * their addresses in the kernel. `socketAt` is where the socket's own address is in memory: an address cannot be computed with, its bytes can.
 */
const makeId = (scope: TrafficScope, readProtocol: Instruction, socketAt: readonly Instruction[]): Instruction[] => [
  ...(scope.protocols.includes('mptcp')
    ? [
        readProtocol,
        jump('ne', r2, IPPROTO_MPTCP, 'identified'),
        ...pointer(r1, fp, PLACE),
        alu('mov', r2, 8),
        ...socketAt,
        call(PROBE_READ_KERNEL),
        load('u64', r8, fp, PLACE),
        // What all addresses of the kernel have in common goes, and so do bits that are 0 because sockets are aligned: 41 are left, which no cookie reaches.
        alu('lsh', r8, 64 - 47),
        alu('rsh', r8, 64 - 47 + 6),
        label('identified'),
      ]
    : []),
  store('u64', fp, ID, r8),
]

/** Puts the key of this process on the socket onto the stack. r6 has the arguments of a tracepoint, r7 is the socket; r8 becomes its identity. */
const makeKey = (o: TrafficOffsets, scope: TrafficScope, pids: PidNamespace | undefined): Instruction[] => [
  load('u64', r8, r7, o.cookie),
  jump('ne', r8, 0, 'cookie'),
  aluReg('mov', r1, r7), // Nobody has asked for it: this call makes one.
  call(GET_SOCKET_COOKIE),
  aluReg('mov', r8, r0),
  label('cookie'),
  ...makeId(scope, load('u16', r2, r7, o.protocol), [aluReg('mov', r3, r6)]),
  ...currentProcess(o, pids, 'key'),
  alu('lsh', r0, cookieBits),
  aluReg('or', r0, r8),
  store('u64', fp, KEY, r0),
]

/** Puts the key of the first user onto the stack. r9 is the mark. */
const firstKey: readonly Instruction[] = [
  load('u32', r1, r9, markAt.first),
  alu('lsh', r1, cookieBits),
  load('u64', r2, fp, ID),
  aluReg('or', r1, r2),
  store('u64', fp, KEY, r1),
]

/**
 * Makes the counters of this process on this socket, and reports it in a record. Goes to `full` when there is no room. The address of the socket's mark is at
 * MARK on the stack; r8 and r9 are used up.
 */
const firstUse = (o: TrafficOffsets, maps: TrafficMaps, pids: PidNamespace | undefined, full: string): Instruction[] => [
  ...Array.from({ length: moveValue.size / 8 }, (_, i) => storeValue('u64', fp, VALUE + i * 8, 0)),
  ...(['family', 'type', 'protocol'] as const).flatMap(what => [load('u16', r1, r7, o[what]), store('u16', fp, VALUE + valueAt[what], r1)]),
  load('u64', r1, r7, o.net),
  load('u32', r1, r1, o.netNs + o.nsNumber),
  store('u32', fp, VALUE + valueAt.namespace, r1),
  call(GET_CURRENT_UID_GID),
  store('u32', fp, VALUE + valueAt.uid, r0),
  call(GET_CURRENT_TASK_BTF),
  load('u64', r8, r0, o.leader),
  load('u64', r1, r8, o.started),
  store('u64', fp, VALUE + valueAt.startedNs, r1),
  ...pointer(r1, fp, VALUE + valueAt.nameBytes),
  alu('mov', r2, 16),
  ...pointer(r3, r8, o.name),
  call(PROBE_READ_KERNEL),
  call(KTIME_GET_NS),
  store('u64', fp, VALUE + valueAt.seenNs, r0),
  ...loadMap(r1, maps.moves),
  ...pointer(r2, fp, KEY),
  ...pointer(r3, fp, VALUE),
  alu('mov', r4, BPF_NOEXIST),
  call(MAP_UPDATE_ELEM),
  jump32('eq', r0, -EEXIST, 'recorded'), // Another thread of the process was first.
  jump('ne', r0, 0, full),
  load('u64', r1, fp, KEY),
  alu('rsh', r1, cookieBits),
  load('u64', r9, fp, MARK),
  load('u32', r2, r9, markAt.flags),
  jump('has', r2, USED, 'has a first'),
  store('u32', r9, markAt.first, r1),
  alu('or', r2, USED),
  store('u32', r9, markAt.flags, r2),
  label('has a first'),
  ...newRecord(o, maps, 'used', 'no record'),
  load('u64', r1, fp, KEY),
  alu('rsh', r1, cookieBits),
  store('u32', r9, at.tgid, r1),
  load('u32', r1, fp, VALUE + valueAt.uid),
  store('u64', r9, at.counts + 16, r1),
  load('u64', r1, fp, VALUE + valueAt.startedNs),
  store('u64', r9, at.counts, r1),
  load('u64', r1, fp, VALUE + valueAt.nameBytes),
  store('u64', r9, at.nameBytes, r1),
  load('u64', r1, fp, VALUE + valueAt.nameBytes + 8),
  store('u64', r9, at.nameBytes + 8, r1),
  // Of the parent only the first namespace's number is at hand.
  ...(pids === undefined ? [load('u64', r1, r8, o.parent), load('u32', r1, r1, o.tgid)] : [alu('mov', r1, 0)]),
  store('u64', r9, at.counts + 8, r1),
  load('u64', r1, r7, o.socket),
  load('u64', r1, r1, o.file),
  load('u64', r1, r1, o.inode),
  load('u64', r1, r1, o.inodeNumber),
  store('u64', r9, at.inode, r1),
  ...submit,
  goto('recorded'),
  label('no record'),
  ...lookup(maps.moves, KEY),
  jump('eq', r0, 0, 'recorded'),
  storeValue('u64', r0, valueAt.isUnrecorded, 1),
  ...countLost(maps, 'records', 'recorded'),
  label('recorded'),
]

/** Copies what the first user moved into the record in r9. r0 is its counters. */
const copyMoved: readonly Instruction[] = [0, 8, 16, 24].flatMap(i => [load('u64', r1, r0, i), store('u64', r9, at.moved + i, r1)])

/** Frees the counters whose key is on the stack. */
const forget = (maps: TrafficMaps): Instruction[] => [...loadMap(r1, maps.moves), ...pointer(r2, fp, KEY), call(MAP_DELETE_ELEM)]

const out: readonly Instruction[] = [label('out'), alu('mov', r0, 0), exit]

/** sock_send_length and sock_recv_length: adds what a call moved to the counters of its process. */
export function lengthProgram(
  o: TrafficOffsets,
  maps: TrafficMaps,
  scope: TrafficScope,
  direction: 'in' | 'out',
  pids?: PidNamespace,
): Program {
  const bytesAt = valueAt[direction === 'in' ? 'inBytes' : 'outBytes']
  const callsAt = valueAt[direction === 'in' ? 'inCalls' : 'outCalls']
  return [
    aluReg('mov', r6, r1),
    load('u64', r1, r6, 8), // How many bytes, or an error below 0.
    jump32('sle', r1, 0, 'out'),
    // What stays in the queue is received later, and what is read from the queue of errors was sent.
    ...(direction === 'in' ? [load('u64', r1, r6, 16), jump('has', r1, MSG_PEEK | MSG_ERRQUEUE, 'out')] : []),
    load('u64', r7, r6, 0), // The socket.
    ...isWantedSocket(o, scope),
    ...inScope(o, scope),
    ...makeKey(o, scope, pids),
    ...lookup(maps.moves, KEY),
    jump('ne', r0, 0, 'add'),
    ...findMark(maps, BPF_SK_STORAGE_GET_F_CREATE),
    jump('eq', r0, 0, 'full'),
    store('u64', fp, MARK, r0),
    load('u32', r1, r0, markAt.flags),
    jump('has', r1, ENDED, 'out'), // A process still reads what had arrived: the end of the connection has reported it.
    ...firstUse(o, maps, pids, 'full'),
    ...lookup(maps.moves, KEY),
    jump('eq', r0, 0, 'out'),
    label('add'),
    load('u32', r1, r6, 8),
    atomicAdd('u64', r0, bytesAt, r1),
    load('u16', r1, r7, o.protocol),
    jump('eq', r1, IPPROTO_TCP, 'out'),
    alu('mov', r1, 1),
    atomicAdd('u64', r0, callsAt, r1),
    goto('out'),
    label('full'),
    ...countLost(maps, 'counters', 'out'),
    ...out,
  ]
}

const ESTABLISHED = 1
const SYN_RECEIVED = 3
const CLOSED = 7
const LISTEN = 10
/** SOCK_DONE: the other end's FIN has arrived, and is one of the received bytes. */
const SOCK_DONE = 2

/**
 * inet_sock_set_state: records openings and ends of TCP sockets. The process that holds the lock of a socket is the one that changes it: that gives an
 * owner even to a socket that never moved a byte. Everything else happens while packets are served, in whatever process was running.
 *
 * Each change is reported by one of two copies of this program. The kernel does not run a program inside of itself: when packets are served while it runs for a
 * process, what they change is not reported, and only a counter shows it. A copy of it is another program to the kernel, so where the first one is passed
 * over the second runs. Which state was reported last is in the mark of the socket: the second copy goes out when it finds it there.
 */
export function stateProgram(o: TrafficOffsets, maps: TrafficMaps, scope: TrafficScope, pids?: PidNamespace): Program {
  return [
    aluReg('mov', r6, r1),
    load('u64', r7, r6, 0),
    load('u16', r1, r7, o.protocol),
    jump('ne', r1, IPPROTO_TCP, 'out'),
    load('u16', r1, r7, o.type),
    jump('ne', r1, SOCK_STREAM, 'out'),
    load('u64', r1, r6, 16), // The new state.
    jump32('eq', r1, SYN_RECEIVED, 'out'), // It has the cookie of its listener until the end of this change.
    ...inScope(o, scope),
    ...makeKey(o, scope, pids),
    ...findMark(maps, BPF_SK_STORAGE_GET_F_CREATE),
    jump('eq', r0, 0, 'lost'),
    store('u64', fp, MARK, r0),
    load('u64', r1, r6, 16),
    load('u32', r2, r0, markAt.state),
    jumpReg('eq', r1, r2, 'out'),
    store('u32', r0, markAt.state, r1),
    load('u32', r2, r0, markAt.flags),
    jump32('eq', r1, ESTABLISHED, 'lives'),
    jump32('ne', r1, LISTEN, 'lives on'),
    label('lives'),
    storeValue('u32', r0, markAt.flags, 0), // A socket may be connected again.
    jump('has', r2, ENDED, 'begins'),
    store('u32', r0, markAt.flags, r2),
    label('begins'),
    load('u32', r2, r0, markAt.flags),
    label('lives on'),
    jump('has', r2, ENDED, 'known'),
    load('u32', r1, r7, o.lockOwned),
    jump32('eq', r1, 0, 'known'),
    load('u64', r1, fp, KEY),
    alu('rsh', r1, cookieBits),
    jump('eq', r1, 0, 'known'),
    ...lookup(maps.moves, KEY),
    jump('ne', r0, 0, 'known'),
    ...firstUse(o, maps, pids, 'full'),
    label('known'),
    load('u64', r1, r6, 16),
    jump32('eq', r1, CLOSED, 'closed'),
    jump32('eq', r1, ESTABLISHED, 'opened'),
    jump32('ne', r1, LISTEN, 'out'),
    label('opened'),
    ...newRecord(o, maps, 'opened', 'lost'),
    load('u64', r1, r6, 8),
    store('u32', r9, at.oldState, r1),
    ...submit,
    goto('out'),
    label('closed'),
    load('u64', r9, fp, MARK),
    load('u32', r1, r9, markAt.flags),
    jump('has', r1, ENDED, 'out'),
    storeValue('u32', r9, markAt.flags, ENDED),
    ...firstKey, // Nobody has used it: then there are no counters of that key.
    aluReg('mov', r1, r7),
    call(SKC_TO_TCP_SOCK),
    jump('eq', r0, 0, 'out'),
    aluReg('mov', r8, r0),
    ...newRecord(o, maps, 'closed', 'no room'),
    load('u64', r1, r6, 8),
    store('u32', r9, at.oldState, r1),
    ...copy('u64', at.counts, r8, o.sent),
    ...copy('u64', at.counts + 8, r8, o.retransmitted),
    ...copy('u64', at.counts + 16, r8, o.received),
    ...copy('u32', at.nameBytes, r8, o.segmentsOut),
    ...copy('u32', at.nameBytes + 4, r8, o.segmentsIn),
    ...copy('u32', at.nameBytes + 8, r8, o.dataOut),
    ...copy('u32', at.nameBytes + 12, r8, o.dataIn),
    ...copy('u32', at.retransmits, r8, o.retransmits),
    ...copy('u32', at.rtt8, r8, o.rtt8),
    ...copy('u64', at.acked, r8, o.acked),
    ...copy('u32', at.sendUnacked, r8, o.sendUnacked),
    ...copy('u32', at.sendNext, r8, o.sendNext),
    ...copy('u32', at.written, r8, o.written),
    ...copy('u16', at.headerBytes, r8, o.headerBytes),
    ...copy('u32', at.receiveNext, r8, o.receiveNext),
    ...copy('u32', at.copied, r8, o.copied),
    ...closeRecord(maps),
    label('no room'),
    ...lookup(maps.moves, KEY),
    jump('eq', r0, 0, 'lost'),
    load('u64', r1, r8, o.received),
    load('u32', r2, r7, o.flags),
    jump('has', r2, SOCK_DONE, 'fin'),
    goto('received'),
    label('fin'),
    alu('add', r1, -1),
    label('received'),
    store('u64', r0, valueAt.finalInBytes, r1),
    load('u64', r1, r8, o.sent),
    load('u64', r2, r8, o.retransmitted),
    aluReg('sub', r1, r2),
    // What this machine dropped itself is sent again, and counted twice; no more was sent than there are sequence numbers.
    load('u32', r2, r8, o.sendNext),
    load('u32', r3, r8, o.sendUnacked),
    aluReg('sub', r2, r3),
    ...low32(r2),
    load('u64', r3, r8, o.acked),
    aluReg('add', r2, r3),
    storeValue('u16', r0, valueAt.ended, endings.byFinalBytes),
    jumpReg('sle', r1, r2, 'sent'),
    aluReg('mov', r1, r2),
    storeValue('u16', r0, valueAt.ended, endings.byLeastBytes),
    label('sent'),
    store('u64', r0, valueAt.finalOutBytes, r1),
    ...countLost(maps, 'ends', 'out'),
    goto('out'),
    label('full'),
    ...countLost(maps, 'counters', 'known'),
    goto('known'),
    label('lost'),
    ...countLost(maps, 'records', 'out'),
    ...out,
  ]
}

/** Completes the record of an end in r9, frees the counters of the first user, whose key is on the stack, unless only they name it, and goes out. */
const closeRecord = (maps: TrafficMaps): Instruction[] => [
  storeValue('u32', r9, at.tgid, 0),
  storeValue('u16', r9, at.isKept, 0),
  ...[0, 8, 16, 24].map(i => storeValue('u64', r9, at.moved + i, 0)),
  ...lookup(maps.moves, KEY),
  jump('eq', r0, 0, 'unused'),
  ...copyMoved,
  load('u64', r1, fp, KEY),
  alu('rsh', r1, cookieBits),
  store('u32', r9, at.tgid, r1),
  load('u64', r1, r0, valueAt.isUnrecorded),
  store('u16', r9, at.isKept, r1),
  jump('ne', r1, 0, 'kept'),
  label('unused'),
  ...forget(maps),
  label('kept'),
  ...submit,
  goto('out'),
]

/** Reads memory of the kernel whose address is in r3 to PLACE on the stack. */
const readPlace = (count: number): Instruction[] => [...pointer(r1, fp, PLACE), alu('mov', r2, count), call(PROBE_READ_KERNEL)]

/** Follows a pointer: reads what it points to, `offset` behind, to PLACE on the stack, where the pointer is. */
const follow = (offset: number, count: number): Instruction[] => [load('u64', r3, fp, PLACE), alu('add', r3, offset), ...readPlace(count)]

/**
 * BPF_CGROUP_INET_SOCK_RELEASE: runs in the process that closes the last descriptor of an internet socket, and records its end. Connections of TCP end at
 * another time: when their state changes.
 */
export function releaseProgram(o: TrafficOffsets, maps: TrafficMaps, scope: TrafficScope): Program {
  const protocols = scope.protocols.filter(protocol => protocol !== 'tcp' && protocol !== 'unix')
  // struct bpf_sock: its family, type and protocol.
  const contextAt = { type: 8, protocol: 12 } as const
  return [
    aluReg('mov', r7, r1),
    load('u32', r1, r7, 4),
    ...isWanted({ ...scope, protocols }, what => load('u32', r2, r7, contextAt[what])),
    ...pointer(r3, r7, o.net),
    ...readPlace(8),
    ...follow(o.netNs + o.nsNumber, 4),
    load('u32', r6, fp, PLACE),
    ...(scope.namespace === undefined ? [] : [jump32('ne', r6, scope.namespace | 0, 'out')]),
    aluReg('mov', r1, r7),
    call(GET_SOCKET_COOKIE),
    aluReg('mov', r8, r0),
    store('u64', fp, VALUE, r8),
    store('u64', fp, INDEX, r7), // So that its bytes can be read.
    ...makeId(scope, load('u32', r2, r7, contextAt.protocol), pointer(r3, fp, INDEX)),
    storeValue('u64', fp, KEY, 0), // No counters have this key.
    ...findMark(maps, 0),
    jump('eq', r0, 0, 'unmarked'),
    aluReg('mov', r9, r0),
    ...firstKey,
    storeValue('u32', r9, markAt.flags, ENDED),
    label('unmarked'),
    ...reserve(maps, 'released', 'no room'),
    load('u64', r1, fp, VALUE),
    store('u64', r9, at.cookie, r1),
    load('u32', r1, r7, 4),
    store('u16', r9, at.family, r1),
    load('u32', r1, r7, contextAt.type),
    store('u16', r9, at.type, r1),
    load('u32', r1, r7, contextAt.protocol),
    store('u16', r9, at.protocol, r1),
    store('u32', r9, at.namespace, r6),
    ...pointer(r3, r7, o.socket),
    ...readPlace(8),
    ...follow(o.file, 8),
    ...follow(o.inode, 8),
    ...follow(o.inodeNumber, 8),
    load('u64', r1, fp, PLACE),
    store('u64', r9, at.inode, r1),
    ...copyBytes(at.localPort, 2, r7, o.localPort),
    ...copyBytes(at.remotePort, 2, r7, o.remotePort),
    ...copyBytes(at.uid, 4, r7, o.uid),
    load('u16', r1, r9, at.family),
    jump('eq', r1, AF_INET6, 'ipv6'),
    ...copyBytes(at.local, 4, r7, o.local4),
    ...copyBytes(at.remote, 4, r7, o.remote4),
    goto('addresses'),
    label('ipv6'),
    ...copyBytes(at.local, 16, r7, o.local6),
    ...copyBytes(at.remote, 16, r7, o.remote6),
    label('addresses'),
    ...closeRecord(maps),
    label('no room'),
    ...lookup(maps.moves, KEY),
    jump('eq', r0, 0, 'out'),
    storeValue('u16', r0, valueAt.ended, endings.byCalls),
    ...countLost(maps, 'ends', 'out'),
    label('out'),
    alu('mov', r0, 1), // Not a verdict: sockets are always released.
    exit,
  ]
}

/** Where the arguments of the iterator over UNIX sockets are: `struct bpf_iter__unix`. */
const UNIX_SOCKET = 8

/** Writes into the counters of each UNIX socket of a network namespace that it is still there: nothing reports their ends. */
export function openUnixProgram(o: TrafficOffsets, maps: TrafficMaps): Program {
  return [
    load('u64', r7, r1, UNIX_SOCKET),
    jump('eq', r7, 0, 'out'),
    load('u64', r1, r7, o.cookie),
    store('u64', fp, ID, r1),
    ...findMark(maps, 0),
    jump('eq', r0, 0, 'out'),
    aluReg('mov', r9, r0),
    ...firstKey,
    ...lookup(maps.moves, KEY),
    jump('eq', r0, 0, 'out'),
    aluReg('mov', r6, r0),
    call(KTIME_GET_NS),
    store('u64', r6, valueAt.seenNs, r0),
    ...out,
  ]
}
