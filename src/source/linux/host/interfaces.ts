// The network interfaces of a network namespace and their counters, by rtnetlink.

import { cString, viewOf } from '../../../bytes/text.ts'
import { DecodeError } from '../../../model/errors.ts'
import type { Interface } from '../../../model/interface.ts'
import type { Tape } from '../../tape.ts'
import { NetlinkConnection } from '../kernel/connection.ts'
import { readText } from '../kernel/files.ts'
import { attributes, message, messages, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE } from '../kernel/netlink.ts'
import { ifinfomsg, rtnlLinkStats64 } from '../kernel/structs.ts'
import type { Calls, NetworkNamespace } from '../netns/network-namespace.ts'

const NETLINK_ROUTE = 0
const RTM_NEWLINK = 16
const RTM_GETLINK = 18
const IFLA_IFNAME = 3
const IFLA_MTU = 4
const IFLA_STATS64 = 23
const IFLA_CARRIER = 33
const IFF_UP = 0x1
const IFF_LOOPBACK = 0x8
/** More than the kernel puts into one datagram of a dump. */
const maxDatagram = 64 * 1024

/** The kernel's answers to a request for all interfaces of a namespace. Each is valid until the next. */
function* dumpLinks(calls: NonNullable<Calls>, netns: NetworkNamespace, isDone: () => boolean): Generator<Uint8Array> {
  const buffer = new Uint8Array(maxDatagram)
  const connection = new NetlinkConnection(calls, netns.open(NETLINK_ROUTE))
  try {
    connection.limitWait()
    connection.send(message(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, ifinfomsg.write({})))
    while (!isDone()) yield connection.receive(buffer)
  } finally {
    connection.close()
  }
}

/** The interfaces of a namespace, without their speeds. `question` is what the tape calls it. */
export function listInterfaces(tape: Tape, question: string, calls: Calls, netns: NetworkNamespace): Interface[] {
  const found: Interface[] = []
  let done = false
  const answers = tape.bytes(question, () => (calls ? dumpLinks(calls, netns, () => done) : []))
  for (const answer of answers) {
    if (answer.length > maxDatagram) throw new DecodeError('rtnetlink datagram', maxDatagram, answer.length)
    const before = found.length
    done = readInterfaces(answer, found)
    tape.decoded(found.length - before)
  }
  return found
}

/** Makes the function that lists the interfaces of a namespace with their counters. */
export function interfaceReader(tape: Tape, calls: Calls, netns: NetworkNamespace): () => Promise<readonly Interface[]> {
  return async () => {
    const found = listInterfaces(tape, 'interfaces', calls, netns)
    const speeds = await tape.value('interface speeds', () => found.map(one => speed(one.name)))
    return found.map((one, i) => ({ ...one, bitsPerSecond: speeds[i] ?? undefined }))
  }
}

/** Decodes one answer and adds its interfaces to `found`; true when it was the last one. */
export function readInterfaces(answer: Uint8Array, found: Interface[]): boolean {
  const view = viewOf(answer)
  let done = false
  for (const m of messages(view)) {
    if (m.type === NLMSG_DONE) done = true
    else if (m.type === RTM_NEWLINK) found.push(readInterface(view, m.at, m.end))
  }
  return done
}

function readInterface(view: DataView, at: number, end: number): Interface {
  const header = ifinfomsg.read(view, at, end - at)
  let name = ''
  let mtuBytes: number | undefined
  let carrier: boolean | undefined
  let counters: Interface['counters']
  for (const a of attributes(view, at + ifinfomsg.size, end)) {
    const size = a.end - a.at
    if (a.type === IFLA_IFNAME) name = cString(new Uint8Array(view.buffer, view.byteOffset + a.at, size))
    else if (a.type === IFLA_MTU && size >= 4) mtuBytes = view.getUint32(a.at, true)
    else if (a.type === IFLA_CARRIER && size >= 1) carrier = view.getUint8(a.at) === 1
    else if (a.type === IFLA_STATS64) {
      const s = rtnlLinkStats64.read(view, a.at, size)
      counters = {
        inBytes: s.rxBytes,
        outBytes: s.txBytes,
        inPackets: s.rxPackets,
        outPackets: s.txPackets,
        inErrors: s.rxErrors,
        outErrors: s.txErrors,
        inDrops: s.rxDropped,
        outDrops: s.txDropped,
      }
    }
  }
  const loopback = (header.flags & IFF_LOOPBACK) !== 0
  return { index: header.index, name, up: (header.flags & IFF_UP) !== 0, carrier, loopback, mtuBytes, bitsPerSecond: undefined, counters }
}

/** The speed of a link, which only sysfs has; null when there is none (JSON has no undefined). */
function speed(name: string): number | null {
  const megabits = Number(readText(`/sys/class/net/${name}/speed`)) // A link without a speed, such as loopback, refuses to be read.
  return megabits > 0 ? megabits * 1e6 : null
}
