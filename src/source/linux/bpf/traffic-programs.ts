// The programs that see sockets open and close, and who sends and receives: as data, from the offsets that BTF gave. Pure.
//
// They report through a ring of records (openings, ends, the first use of a socket by a process), and a map of counters by socket and process,
// which costs the sender one look-up for each call.

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
import {
  cookieBits,
  moveKeySize,
  moveValue,
  recordKinds,
  trafficRecord,
  type TrafficMaps,
  type TrafficOffsets,
  type TrafficRecord,
} from './records.ts'

// Numbers of helpers: include/uapi/linux/bpf.h, __BPF_FUNC_MAPPER.
const MAP_LOOKUP_ELEM = 1
const MAP_UPDATE_ELEM = 2
const KTIME_GET_NS = 5
const GET_CURRENT_PID_TGID = 14
const GET_CURRENT_UID_GID = 15
const GET_SOCKET_COOKIE = 46
const PROBE_READ_KERNEL = 113
const GET_NS_CURRENT_PID_TGID = 120 // 5.7
const RINGBUF_RESERVE = 131
const RINGBUF_SUBMIT = 132
const SKC_TO_TCP_SOCK = 137
const GET_CURRENT_TASK_BTF = 158
const BPF_NOEXIST = 1

/** Which sockets are traced: those of one network namespace, with or without UNIX sockets. */
export interface TrafficScope {
  readonly namespace: number | undefined
  readonly unix: boolean
}

/** A pid namespace: processes are called by its numbers. Its device as the kernel writes it, and its inode. */
export interface PidNamespace {
  readonly device: number
  readonly inode: number
}

const at = trafficRecord.offsets as Readonly<Record<keyof TrafficRecord, number>>
const IPPROTO_TCP = 6
const AF_UNIX = 1
const AF_INET = 2
const AF_INET6 = 10
// Places on the stack of a program.
const KEY = -moveKeySize
const VALUE = KEY - moveValue.size
const INDEX = VALUE - 8
const PLACE = INDEX - 8

/** Puts an address into a register. `base` must not be the register itself. */
const pointer = (register: Register, base: Register, offset: number): Instruction[] => [
  aluReg('mov', register, base),
  alu('add', register, offset),
]

/** Searches a map for the key at this place of the stack; r0 is the address of the value, or 0. */
const lookup = (map: number, key: number): Instruction[] => [...loadMap(r1, map), ...pointer(r2, fp, key), call(MAP_LOOKUP_ELEM)]

/** Leaves the lower half of a register. */
const low32 = (register: Register): Instruction[] => [alu('lsh', register, 32), alu('rsh', register, 32)]

/** Adds one to what was lost: 0 records, 1 counters. */
const countLost = (maps: TrafficMaps, index: number, next: string): Instruction[] => [
  storeValue('u32', fp, INDEX, index),
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

/**
 * Puts the number of this process into r0: 0 for one that is not in the pid namespace. `name` makes labels of its own.
 */
const currentProcess = (pids: PidNamespace | undefined, name: string): Instruction[] =>
  pids === undefined
    ? [call(GET_CURRENT_PID_TGID), alu('rsh', r0, 32)]
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

/** Reserves a record and fills in what every one has; goes to `full` when there is no room. r7 is the socket, r9 becomes the record. */
const newRecord = (
  o: TrafficOffsets,
  maps: TrafficMaps,
  pids: PidNamespace | undefined,
  name: keyof typeof recordKinds,
  full: string,
): Instruction[] => [
  ...loadMap(r1, maps.ring),
  alu('mov', r2, trafficRecord.size),
  alu('mov', r3, 0),
  call(RINGBUF_RESERVE),
  jump('eq', r0, 0, full),
  aluReg('mov', r9, r0),
  storeValue('u32', r9, at.kind, recordKinds[name]),
  ...currentProcess(pids, name),
  store('u32', r9, at.tgid, r0),
  ...copy('u64', at.cookie, r7, o.cookie),
  call(KTIME_GET_NS),
  store('u64', r9, at.atNs, r0),
  ...copy('u16', at.family, r7, o.family),
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

/** Puts the key of this process on the socket onto the stack. r7 is the socket; r8 becomes its cookie. */
const makeKey = (o: TrafficOffsets, pids: PidNamespace | undefined): Instruction[] => [
  load('u64', r8, r7, o.cookie),
  jump('ne', r8, 0, 'cookie'),
  aluReg('mov', r1, r7), // Nobody has asked for it: this call makes one.
  call(GET_SOCKET_COOKIE),
  aluReg('mov', r8, r0),
  label('cookie'),
  ...currentProcess(pids, 'key'),
  alu('lsh', r0, cookieBits),
  aluReg('or', r0, r8),
  store('u64', fp, KEY, r0),
]

/** Makes the counters of this process on this socket, and reports it in a record. Goes to `full` when there is no room. */
const firstUse = (o: TrafficOffsets, maps: TrafficMaps, pids: PidNamespace | undefined, full: string): Instruction[] => [
  ...[0, 8, 16, 24].map(i => storeValue('u64', fp, VALUE + i, 0)),
  ...loadMap(r1, maps.moves),
  ...pointer(r2, fp, KEY),
  ...pointer(r3, fp, VALUE),
  alu('mov', r4, BPF_NOEXIST),
  call(MAP_UPDATE_ELEM),
  jump('ne', r0, 0, full),
  ...newRecord(o, maps, pids, 'used', 'no record'),
  call(GET_CURRENT_UID_GID),
  ...low32(r0),
  store('u64', r9, at.counts + 16, r0),
  call(GET_CURRENT_TASK_BTF),
  load('u64', r8, r0, o.leader),
  ...copy('u64', at.counts, r8, o.started),
  ...copyBytes(at.nameBytes, 16, r8, o.name),
  // Of the parent only the first namespace's number is at hand.
  ...(pids === undefined ? [load('u64', r1, r8, o.parent), load('u32', r1, r1, o.tgid)] : [alu('mov', r1, 0)]),
  store('u64', r9, at.counts + 8, r1),
  ...submit,
  goto('recorded'),
  label('no record'),
  ...countLost(maps, 0, 'recorded'),
  label('recorded'),
]

/** Which of the two copies of the program that sees changes of state. */
export type Copy = 'first' | 'second'

/** What is marked on each processor: the last change, and the one that it came into. */
export const marksSize = 16
const STATE_BITS = 4

/**
 * Each change of a socket's state is reported by one of two copies of a program: goes to `out` when the other copy has reported this one. r6 has the
 * arguments of inet_sock_set_state, r8 the cookie; r9 is used up.
 *
 * The kernel does not run a program inside of itself: when packets are served while it runs for a process, what they change is not reported, and only a
 * counter shows it. A copy of it is another program to the kernel, so where the first one is passed over the second runs. The first leaves a mark with
 * what it reported, on its processor; the second goes out when it finds it. Marks are as deep as two changes can be in one another: that of a process,
 * and that of packets which are served meanwhile.
 */
const reportOnce = (maps: TrafficMaps, which: Copy): Instruction[] => [
  aluReg('mov', r9, r8),
  alu('lsh', r9, STATE_BITS),
  load('u64', r1, r6, 16), // The new state.
  aluReg('or', r9, r1),
  storeValue('u32', fp, INDEX, 0),
  ...lookup(maps.marks, INDEX),
  jump('eq', r0, 0, 'unreported'),
  load('u64', r1, r0, 0),
  ...(which === 'first'
    ? [store('u64', r0, 8, r1), store('u64', r0, 0, r9)]
    : [jumpReg('ne', r1, r9, 'unreported'), load('u64', r1, r0, 8), store('u64', r0, 0, r1), goto('out')]),
  label('unreported'),
]

const out: readonly Instruction[] = [label('out'), alu('mov', r0, 0), exit]

/** sock_send_length and sock_recv_length: adds what a call moved to the counters of its process. */
export function lengthProgram(
  o: TrafficOffsets,
  maps: TrafficMaps,
  scope: TrafficScope,
  direction: 'in' | 'out',
  pids?: PidNamespace,
): Program {
  const bytesAt = moveValue.offsets[direction === 'in' ? 'inBytes' : 'outBytes']!
  const callsAt = moveValue.offsets[direction === 'in' ? 'inCalls' : 'outCalls']!
  return [
    aluReg('mov', r6, r1),
    load('u64', r1, r6, 8), // How many bytes, or an error below 0.
    jump32('sle', r1, 0, 'out'),
    load('u64', r7, r6, 0), // The socket.
    load('u16', r1, r7, o.family),
    jump('eq', r1, AF_INET, 'wanted'),
    jump('eq', r1, AF_INET6, 'wanted'),
    ...(scope.unix ? [jump('ne', r1, AF_UNIX, 'out')] : [goto('out')]),
    label('wanted'),
    ...inScope(o, scope),
    ...makeKey(o, pids),
    ...lookup(maps.moves, KEY),
    jump('ne', r0, 0, 'add'),
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
    ...countLost(maps, 1, 'out'),
    ...out,
  ]
}

const ESTABLISHED = 1
const CLOSED = 7
const LISTEN = 10

/**
 * inet_sock_set_state: records openings and ends of TCP sockets. The process that holds the lock of a socket is the one that changes it: that gives an
 * owner even to a socket that never moved a byte. Everything else happens while packets are served, in whatever process was running.
 */
export function stateProgram(o: TrafficOffsets, maps: TrafficMaps, scope: TrafficScope, which: Copy, pids?: PidNamespace): Program {
  return [
    aluReg('mov', r6, r1),
    load('u64', r7, r6, 0),
    ...inScope(o, scope),
    ...makeKey(o, pids),
    ...reportOnce(maps, which),
    load('u32', r1, r7, o.lockOwned),
    jump32('eq', r1, 0, 'known'),
    ...lookup(maps.moves, KEY),
    jump('ne', r0, 0, 'known'),
    ...firstUse(o, maps, pids, 'full'),
    label('known'),
    load('u64', r1, r6, 16), // The new state.
    jump32('eq', r1, CLOSED, 'closed'),
    jump32('eq', r1, ESTABLISHED, 'opened'),
    jump32('ne', r1, LISTEN, 'out'),
    label('opened'),
    ...newRecord(o, maps, pids, 'opened', 'lost'),
    load('u64', r1, r6, 8),
    store('u32', r9, at.oldState, r1),
    ...submit,
    goto('out'),
    label('closed'),
    aluReg('mov', r1, r7),
    call(SKC_TO_TCP_SOCK),
    jump('eq', r0, 0, 'out'),
    aluReg('mov', r8, r0),
    ...newRecord(o, maps, pids, 'closed', 'lost'),
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
    ...submit,
    goto('out'),
    label('full'),
    ...countLost(maps, 1, 'known'),
    goto('known'),
    label('lost'),
    ...countLost(maps, 0, 'out'),
    ...out,
  ]
}
