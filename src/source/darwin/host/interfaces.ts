// The interfaces of the machine and their counters, from the list of the routing socket (NET_RT_IFLIST2). Pure, except for the request.

import { cString, viewOf } from '../../../bytes/text.ts'
import { DecodeError } from '../../../model/errors.ts'
import type { Interface } from '../../../model/interface.ts'
import type { Tape } from '../../tape.ts'
import type { Zones } from '../decode/address.ts'
import type { Calls } from '../kernel/calls.ts'
import { ifMsghdr2, messageHead, sockaddrDl } from '../kernel/structs.ts'

const CTL_NET = 4
const PF_ROUTE = 17
const NET_RT_IFLIST2 = 6
const RTM_IFINFO2 = 0x12
const AF_LINK = 18
const IFF_UP = 0x1
const IFF_LOOPBACK = 0x8
const IFF_RUNNING = 0x40

/** Reads the interfaces. */
export function interfaces(tape: Tape, calls: Calls | undefined): readonly Interface[] {
  const read = (): Uint8Array[] => (calls ? [calls.sysctlNumbers([CTL_NET, PF_ROUTE, 0, 0, NET_RT_IFLIST2, 0]).bytes] : [])
  return [...tape.bytes('interfaces', read)].flatMap(answer => readInterfaces(answer))
}

/** The names of the interfaces, for the zones of link-local addresses. */
export const zonesOf = (list: readonly Interface[]): Zones => new Map(list.map(i => [i.index, i.name]))

/** Reads the list. Messages about something other than a whole interface, such as its addresses, are skipped. */
export function readInterfaces(answer: Uint8Array): Interface[] {
  const view = viewOf(answer)
  const found: Interface[] = []
  for (let at = 0; at < answer.length;) {
    const head = messageHead.read(view, at)
    const length = head.ifm_msglen
    if (length < messageHead.size || at + length > answer.length) {
      throw new DecodeError('struct if_msghdr', Math.max(length, messageHead.size), answer.length - at, `at ${at}`)
    }
    if (head.ifm_type === RTM_IFINFO2) found.push(readInterface(view, at, length))
    at += length
  }
  return found
}

function readInterface(view: DataView, at: number, length: number): Interface {
  const m = ifMsghdr2.read(view, at, length)
  const d = m.ifm_data
  return {
    index: m.ifm_index,
    name: nameAt(view, at + ifMsghdr2.size, at + length) ?? String(m.ifm_index),
    up: (m.ifm_flags & IFF_UP) !== 0,
    carrier: (m.ifm_flags & IFF_RUNNING) !== 0,
    loopback: (m.ifm_flags & IFF_LOOPBACK) !== 0,
    mtuBytes: d.ifi_mtu,
    bitsPerSecond: d.ifi_baudrate === 0 ? undefined : d.ifi_baudrate,
    counters: {
      inBytes: d.ifi_ibytes,
      outBytes: d.ifi_obytes,
      inPackets: d.ifi_ipackets,
      outPackets: d.ifi_opackets,
      inErrors: d.ifi_ierrors,
      outErrors: d.ifi_oerrors,
      inDrops: d.ifi_iqdrops,
      outDrops: m.ifm_snd_drops,
    },
  }
}

/** The name in the `sockaddr_dl` between `at` and `end`; it has no zero at its end. */
function nameAt(view: DataView, at: number, end: number): string | undefined {
  if (at + sockaddrDl.size > end) return undefined
  const dl = sockaddrDl.read(view, at)
  const from = at + sockaddrDl.size
  if (dl.sdl_family !== AF_LINK || dl.sdl_nlen === 0 || from + dl.sdl_nlen > end) return undefined
  return cString(new Uint8Array(view.buffer, view.byteOffset + from, dl.sdl_nlen))
}
