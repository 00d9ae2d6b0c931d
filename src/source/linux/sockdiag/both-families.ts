// TCP over IPv4 and IPv6 in one question. The request of today asks for one family, and the kernel walks its whole table for each; the older one, which every
// kernel still answers, asks for both, and costs two thirds. Whoever is refused asks for each family in turn.

import type { Cgroup } from '../../../model/socket.ts'
import { stateMask } from '../decode/draft.ts'
import type { DumpRequest } from './dumper.ts'
import { exactId } from './exact.ts'
import { countsOnly, extensionsOf, readInet } from '../decode/inet.ts'
import { toKernelFilter } from './to-kernel-filter.ts'
import { attribute, message, NLM_F_DUMP, NLM_F_REQUEST } from '../kernel/netlink.ts'
import type { Place } from '../netns/network-namespace.ts'
import type { Requested } from './requests.ts'
import { inetDiagReq } from '../kernel/structs.ts'

/** include/uapi/linux/inet_diag.h: the request before there was SOCK_DIAG_BY_FAMILY. The answers have its number. */
const TCPDIAG_GETSOCK = 18
const REQ_BYTECODE = 1
const maxBytecode = 32 * 1024

/** The question for TCP of both families; undefined where they are to be asked differently. */
export function bothFamilies(requested: Requested, place: Place, cgroupOf: (id: number) => Cgroup): DumpRequest | undefined {
  // The older request cannot ask for BPF storage.
  if (!requested.families.includes('ipv4') || !requested.families.includes('ipv6') || requested.details.includes('options'))
    return undefined
  let states = stateMask(requested.states)
  let bytecode: Uint8Array | undefined
  if (requested.filter) {
    if (exactId(requested.filter, 'ipv6')) return undefined
    const [four, six] = [toKernelFilter(requested.filter, place, 'tcp', 'ipv4'), toKernelFilter(requested.filter, place, 'tcp', 'ipv6')]
    if (four.states !== six.states || !isSame(four.bytecode, six.bytecode)) return undefined
    states = (states & (four.states ?? 0xffffffff)) >>> 0
    bytecode = four.bytecode
  }
  if (states === 0 || (bytecode && bytecode.length > maxBytecode)) return undefined
  const body = inetDiagReq.write({ ext: extensionsOf(requested.details), states })
  const counts = countsOnly(requested.details)
  return {
    name: 'tcp',
    table: 'tcp',
    answers: TCPDIAG_GETSOCK,
    request: message(TCPDIAG_GETSOCK, NLM_F_REQUEST | NLM_F_DUMP, body, ...(bytecode ? [attribute(REQ_BYTECODE, bytecode)] : [])),
    read: (view, at, end) => readInet(view, at, end, 'tcp', cgroupOf, counts),
  }
}

function isSame(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  if (one === undefined || other === undefined) return one === other
  return one.length === other.length && one.every((byte, i) => byte === other[i])
}
