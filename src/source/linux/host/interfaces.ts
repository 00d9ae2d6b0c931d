// The network interfaces and their counters, by rtnetlink. It knows the interfaces of the own network namespace.

import { readFileSync } from 'node:fs'
import { cString, viewOf } from '../../../bytes/text.ts'
import type { Interface } from '../../../model/interface.ts'
import type { Tape } from '../../tape.ts'
import type { Calls } from '../snapshot.ts'
import { attributes, message, messages, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE } from '../kernel/netlink.ts'
import { ifinfomsg, rtnlLinkStats64 } from '../kernel/structs.ts'

const RTM_NEWLINK = 16
const RTM_GETLINK = 18
const IFLA_IFNAME = 3
const IFLA_MTU = 4
const IFLA_STATS64 = 23
const IFLA_CARRIER = 33
const IFF_UP = 0x1
const IFF_LOOPBACK = 0x8

/** Makes the function that lists the interfaces. */
export function interfaceReader(tape: Tape, calls: Calls): () => Promise<readonly Interface[]> {
  const buffer = new Uint8Array(64 * 1024)
  function* exchange(isDone: () => boolean): Generator<Uint8Array> {
    if (calls === undefined) return
    const fd = calls.openRoute()
    try {
      calls.send(fd, message(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, ifinfomsg.write({})))
      while (!isDone()) yield buffer.subarray(0, calls.receive(fd, buffer))
    } finally {
      calls.closeFd(fd)
    }
  }
  return async () => {
    const found: Interface[] = []
    let done = false
    for (const answer of tape.bytes('interfaces', () => exchange(() => done))) done = readInterfaces(answer, found)
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

/** The speed of a link, which only sysfs tells; null when it has none (JSON has no undefined). */
function speed(name: string, root = '/sys/class/net'): number | null {
  try {
    const megabits = Number(readFileSync(`${root}/${name}/speed`, 'utf8'))
    return megabits > 0 ? megabits * 1e6 : null
  } catch {
    return null // A link without a speed, such as loopback.
  }
}
