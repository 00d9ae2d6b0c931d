// The record of one socket, the same on every operating system. A field that a platform does not report is undefined, never 0.

import type { Accuracy } from './accuracy.ts'
import type { Tcp } from './tcp.ts'

/** Every protocol whose sockets can be listed. */
export const protocols = [
  'tcp',
  'udp',
  'udplite',
  'icmp',
  'raw',
  'unix',
  'packet',
  'netlink',
  'mptcp',
  'sctp',
  'dccp',
  'vsock',
  'xdp',
  'tipc',
] as const
/** The protocol of a socket. */
export type Protocol = (typeof protocols)[number]

/** Every address family that a socket can have. */
export const families = ['ipv4', 'ipv6', 'unix', 'packet', 'netlink', 'vsock', 'xdp', 'tipc'] as const
/** The address family of a socket. One of family `ipv6` can carry IPv4: its addresses then start with `::ffff:`. */
export type Family = (typeof families)[number]

/** Every state of a socket: those of TCP, `BOUND` (bound, neither listening nor connected), and `UNCONNECTED` for protocols without connections. */
export const states = [
  'LISTEN',
  'SYN_SENT',
  'SYN_RECEIVED',
  'ESTABLISHED',
  'FIN_WAIT_1',
  'FIN_WAIT_2',
  'CLOSE_WAIT',
  'CLOSING',
  'LAST_ACK',
  'TIME_WAIT',
  'CLOSED',
  'BOUND',
  'DELETE_TCB',
  'UNCONNECTED',
  'CONNECTING',
  'DISCONNECTING',
] as const
/** The state of a socket. */
export type State = (typeof states)[number]

/** One socket, as it was at one moment. */
export interface Socket {
  /** The identity of the socket: the same for its whole life, and never reused. */
  readonly key: string
  readonly protocol: Protocol
  readonly family: Family
  readonly state: State | undefined
  readonly local: Endpoint
  /** Absent when the socket is not connected. */
  readonly remote: Endpoint | undefined
  /** Every process that holds the socket, by pid and descriptor. */
  readonly owners: readonly Owner[]
  /** Why there is no owner; absent when there is one, or when owners were not requested. */
  readonly ownerless: Ownerless | undefined
  /** The user that created the socket. */
  readonly uid: number | undefined
  readonly inode: number | undefined
  /** What is queued in the socket: bytes, and for a listener connections. */
  readonly queues: Queues | undefined
  readonly timer: Timer | undefined
  /** The interface that the socket is bound to. */
  readonly interface: InterfaceName | undefined
  /** The network namespace; absent when only the current one was requested. */
  readonly namespace: Namespace | undefined
  /** The firewall mark (SO_MARK). */
  readonly mark: number | undefined
  /** The traffic class of net_cls or SO_PRIORITY. */
  readonly classId: number | undefined
  readonly cgroup: Cgroup | undefined
  /** The memory of the socket, when it was requested. */
  readonly memory: Memory | undefined
  /** The options that are set on it, when they were requested. */
  readonly options: Options | undefined
  /** The TCP statistics of this connection, when they were requested. */
  readonly tcp: Tcp | undefined
  /** What processes sent and received on it since counting began; absent where it is not counted. */
  readonly traffic?: Traffic | undefined
  /** The SELinux label of the socket itself, when it was requested. */
  readonly securityContext?: string | undefined
  /** What applies to one protocol only. */
  readonly detail: Detail | undefined
}

/** One end of a socket. Internet sockets have an address and a port, UNIX sockets a path, the others their own form of address. */
export interface Endpoint {
  /** An IP address in the form of RFC 5952. */
  readonly address?: string | undefined
  /** The port; 0 where the kernel has chosen none yet. */
  readonly port?: number | undefined
  /** The interface that a link-local address belongs to. */
  readonly zone?: string | undefined
  /** UNIX: the path; an abstract name starts with `@`, as in ss. */
  readonly path?: string | undefined
  /** UNIX: the inode of this end. */
  readonly inode?: number | undefined
  /** VSOCK: the context id. NETLINK: the port id of the process. PACKET: the protocol number is in `port`. */
  readonly id?: number | undefined
}

/** A process that holds a socket. */
export interface Owner {
  /** The pid of the process. */
  readonly pid: number
  /** Undefined when it has none: an io_uring of the process holds the socket, or the system does not report it. */
  readonly fd: number | undefined
}

/** Payload that went through a socket, as counted where processes send and receive. */
export interface Traffic {
  /** Payload that was received. */
  readonly inBytes: number
  /** Payload that was sent. */
  readonly outBytes: number
  /** Calls that moved data: for datagram sockets, the datagrams. A call that the kernel splits or joins (UDP_SEGMENT, UDP_GRO) counts as one. */
  readonly inCalls: number
  /** The same for what was sent. */
  readonly outCalls: number
  /** The same by process, including processes that have ended. */
  readonly processes: readonly Share[]
  /** The accuracy of the bytes, where the system itself reports it; those counted at the calls of processes are exact. */
  readonly accuracy?: Accuracy | undefined
}

/** What one process moved through a socket. */
export interface Share {
  /** The pid of the process. */
  readonly pid: number
  /** The bytes that it received. */
  readonly inBytes: number
  /** The bytes that it sent. */
  readonly outBytes: number
}

/** Why a socket has no owner. */
export type Ownerless =
  /** The kernel created it. */
  | 'kernel'
  /** It only waits until its port may be reused. */
  | 'time-wait'
  /** The kernel completes a connection whose process has closed it. */
  | 'orphan'
  /** A connection that no process has accepted yet. */
  | 'not-accepted'
  /** No process holds it, and descriptors are in flight between processes, in unread messages. The kernel does not report which; a gap has the details. */
  | 'in-flight'
  /** The process that holds it may not be inspected. */
  | 'permission'
  /** It is held by a process outside this pid namespace. */
  | 'other-pid-namespace'
  /** Its process ended during the snapshot. */
  | 'exited'
  /** The owner could not be looked up; a gap has the reason. */
  | 'unknown'

/** What is queued in a socket. */
export interface Queues {
  /** Bytes received that the application has not read. */
  readonly receivedBytes: number | undefined
  /** Bytes that the application wrote and the other end has not acknowledged. */
  readonly sendBytes: number | undefined
  /** Listeners: connections that wait to be accepted. */
  readonly backlog: number | undefined
  /** Listeners: how many connections may wait. */
  readonly backlogLimit: number | undefined
}

/** The running timer of a TCP socket. */
export interface Timer {
  /** What the timer is for. */
  readonly kind: 'retransmit' | 'keepalive' | 'time-wait' | 'zero-window-probe' | 'delayed-ack'
  /** The time until it expires. */
  readonly expiresMs: number
  /** How often it has expired without an answer. */
  readonly retransmits: number
}

/** An interface by number, and by name where it is known. */
export interface InterfaceName {
  /** The number of the interface. */
  readonly index: number
  /** The name of the interface; undefined when there is no interface of that number any more. */
  readonly name: string | undefined
}

/** A network namespace. */
export interface Namespace {
  /** The inode of the namespace, which identifies it in /proc. */
  readonly inode: number
  /** Its name under /run/netns, or the container that it belongs to. */
  readonly name: string | undefined
}

/** The cgroup that a socket belongs to. */
export interface Cgroup {
  /** The number of the cgroup: the inode of its folder. */
  readonly id: number
  /** The path of the cgroup below its root; undefined when it cannot be found. */
  readonly path: string | undefined
}

/** Memory of a socket, in bytes. */
export interface Memory {
  /** Memory of what was received and not yet read. */
  readonly receiveAllocatedBytes: number | undefined
  readonly receiveBufferBytes: number | undefined
  readonly sendAllocatedBytes: number | undefined
  readonly sendBufferBytes: number | undefined
  readonly forwardAllocatedBytes: number | undefined
  readonly sendQueuedBytes: number | undefined
  readonly optionBytes: number | undefined
  readonly backlogBytes: number | undefined
  /** Packets that were dropped for lack of memory. */
  readonly drops: number | undefined
}

/** Options that are set on a socket. */
export interface Options {
  readonly v6only: boolean | undefined
  /** IPv4 type of service. */
  readonly tos: number | undefined
  /** IPv6 traffic class. */
  readonly trafficClass: number | undefined
  /** Which directions are shut down. */
  readonly shutdown: 'none' | 'receive' | 'send' | 'both' | undefined
  /** The name of each option that is set, as the kernel reports them: `is_icsk`, `freebind`, `mc_loop` and so on. */
  readonly flags: readonly string[] | undefined
  /** Protocol that runs on top of TCP inside the kernel, such as `tls` or `mptcp`. */
  readonly upperLayer: UpperLayer | undefined
  /** TCP MD5 signature keys, by address prefix. */
  readonly md5Keys: number | undefined
  /** BPF programs store data on this socket. */
  readonly bpfStorage: boolean | undefined
}

/** A protocol inside the kernel on top of TCP. */
export interface UpperLayer {
  /** The name of the protocol. */
  readonly name: string
  /** What the protocol reports of itself, by name. */
  readonly fields: Readonly<Record<string, string | number | boolean>> | undefined
}

/** What applies to one protocol only. */
export interface Detail {
  /** UNIX: the type of the socket. */
  readonly type?: 'stream' | 'datagram' | 'seqpacket' | 'raw' | 'rdm' | undefined
  /** RAW, PACKET, NETLINK: the number of the protocol that it receives. */
  readonly protocolNumber?: number | undefined
  /** The name of that protocol, where it has one. */
  readonly protocolName?: string | undefined
  /** Anything else that the kernel reports of sockets of this protocol, by name. */
  readonly fields?: Readonly<Record<string, string | number | boolean | undefined>> | undefined
}
