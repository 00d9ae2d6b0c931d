// The bytes of requests for internet sockets: a whole table, or one socket. Pure.

import type { DetailName } from '../../../model/details.ts'
import { CONG, INFO, SHUTDOWN, SKMEMINFO, TCLASS, TOS, VEGASINFO } from '../decode/inet.ts'
import { familyNumbers, inetProtocols, type InetProtocol } from '../decode/numbers.ts'
import { attribute, message, NLM_F_DUMP, NLM_F_REQUEST, SOCK_DIAG_BY_FAMILY } from '../kernel/netlink.ts'
import { inetDiagReq, inetDiagReqV2 } from '../kernel/structs.ts'

// include/uapi/linux/inet_diag.h: INET_DIAG_REQ_*
const REQ_BYTECODE = 1
const REQ_SK_BPF_STORAGES = 2
const REQ_PROTOCOL = 3

/** One request for internet sockets. */
export interface InetRequest {
  readonly protocol: InetProtocol
  readonly family: 'ipv4' | 'ipv6'
  /** One bit for each state. */
  readonly states: number
  readonly details: readonly DetailName[]
  /** Request BPF storage too, which requires CAP_BPF. */
  readonly storage?: boolean
  /** INET_DIAG_BC_*: which sockets the kernel should leave out. */
  readonly bytecode?: Uint8Array | undefined
  /** One socket instead of all: struct inet_diag_sockid. */
  readonly id?: Uint8Array
}

/** The bit that requests an attribute of the answer. */
const bit = (attributeType: number): number => 1 << (attributeType - 1)
const extensions: Readonly<Record<DetailName, number>> = {
  bytes: bit(INFO),
  tcp: bit(INFO) | bit(VEGASINFO) | bit(CONG),
  memory: bit(SKMEMINFO),
  options: bit(TOS) | bit(TCLASS) | bit(SHUTDOWN),
  cgroup: bit(TCLASS), // The class id comes with it.
  context: 0, // These are not requested from sock_diag.
  socketContext: 0,
}
const extensionsOf = (details: readonly DetailName[]): number => details.reduce((ext, name) => ext | extensions[name], 0)

/** A request about the sockets of one family and protocol, or about a single one. */
export function inetRequest(requested: InetRequest, type = SOCK_DIAG_BY_FAMILY, flags = requested.id ? 0 : NLM_F_DUMP): Uint8Array {
  const number = inetProtocols[requested.protocol]
  const body = inetDiagReqV2.write({
    family: familyNumbers[requested.family],
    // A number above 255 goes by attribute; a kernel without the attribute (before 5.9) then has no such table, instead of another one.
    protocol: number > 255 ? 0 : number,
    ext: extensionsOf(requested.details),
    states: requested.states,
  })
  if (requested.id) body.set(requested.id, inetDiagReqV2.offsets.id)
  const parts = [body]
  if (requested.bytecode) parts.push(attribute(REQ_BYTECODE, requested.bytecode))
  if (requested.storage) parts.push(attribute(REQ_SK_BPF_STORAGES, new Uint8Array(0)))
  if (number > 255) parts.push(attribute(REQ_PROTOCOL, new Uint8Array(new Uint32Array([number]).buffer)))
  return message(type, NLM_F_REQUEST | flags, ...parts)
}

/** The request before there was SOCK_DIAG_BY_FAMILY. Its answers have this type, too. */
export const TCPDIAG_GETSOCK = 18

/** The older request for TCP, which is for both families at once. */
export function olderTcpRequest({ states, details, bytecode }: Pick<InetRequest, 'states' | 'details' | 'bytecode'>): Uint8Array {
  const body = inetDiagReq.write({ ext: extensionsOf(details), states })
  return message(TCPDIAG_GETSOCK, NLM_F_REQUEST | NLM_F_DUMP, body, ...(bytecode ? [attribute(REQ_BYTECODE, bytecode)] : []))
}
