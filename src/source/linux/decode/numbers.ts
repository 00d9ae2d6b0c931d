// The kernel's numbers of families and protocols of sockets. Pure.

import type { Family, Protocol } from '../../../model/socket.ts'

/** AF_*, include/linux/socket.h */
export const familyNumbers = {
  unix: 1,
  ipv4: 2,
  ipv6: 10,
  netlink: 16,
  packet: 17,
  tipc: 30,
  vsock: 40,
  xdp: 44,
} as const satisfies Record<Family, number>

/** IPPROTO_*, include/uapi/linux/in.h: the protocols that sock_diag lists as internet sockets. */
export const inetProtocols = { tcp: 6, udp: 17, udplite: 136, raw: 255, mptcp: 262, sctp: 132, dccp: 33 } as const
/** A protocol of internet sockets. */
export type InetProtocol = keyof typeof inetProtocols

const inverse = <K extends string>(numbers: Readonly<Record<K, number>>): [number, K][] =>
  (Object.keys(numbers) as K[]).map(name => [numbers[name], name])
const families: ReadonlyMap<number, Family> = new Map(inverse(familyNumbers))
const protocols: ReadonlyMap<number, Protocol> = new Map<number, Protocol>([...inverse(inetProtocols), [1, 'icmp'], [58, 'icmp']])

/** The family of a number. */
export const familyOf = (number: number): Family | undefined => families.get(number)

/** The protocol of an internet socket; undefined for one that only raw sockets have. */
export const protocolOf = (number: number): Protocol | undefined => protocols.get(number)
