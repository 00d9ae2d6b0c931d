// What macOS allows sockets, from sysctl. A value that cannot be read stays unknown.

import { cString, viewOf } from '../../../bytes/text.ts'
import type { SystemLimits } from '../../../model/limits.ts'
import { attempt } from '../../attempt.ts'
import { unknownLimits } from '../../limits.ts'
import type { Tape } from '../../tape.ts'
import type { Calls } from '../kernel/calls.ts'

/** Reads the limits. */
export async function readLimits(tape: Tape, calls: Calls | undefined): Promise<SystemLimits> {
  const number = (name: string): Promise<number | undefined> => readNumber(tape, calls, name)
  const first = await number('net.inet.ip.portrange.first')
  const last = await number('net.inet.ip.portrange.last')
  return {
    ...unknownLimits,
    // The kernel takes the two in either order.
    ephemeralPorts: first === undefined || last === undefined ? undefined : { first: Math.min(first, last), last: Math.max(first, last) },
    excludedPorts: [],
    // privilegedBelow: since macOS 10.14 a port below 1024 needs no privilege when it is bound on all addresses, but does on a single one.
    descriptors: { used: undefined, limit: await number('kern.maxfilesperproc') },
    openFiles: { used: await number('kern.num_files'), limit: await number('kern.maxfiles') },
    tcpTimeWaits: { used: await number('net.inet.tcp.tw_pcbcount'), limit: undefined },
  }
}

async function readNumber(tape: Tape, calls: Calls | undefined, name: string): Promise<number | undefined> {
  const answer = await tape.value(name, () => {
    const bytes = attempt(() => calls?.sysctl(name).bytes)
    return bytes === undefined || bytes.length < 4 ? null : viewOf(bytes).getInt32(0, true)
  })
  return answer ?? undefined
}

/** The version of the kernel, such as `24.6.0`; undefined when it cannot be read. */
export async function readRelease(tape: Tape, calls: Calls | undefined): Promise<string | undefined> {
  const answer = await tape.value('kern.osrelease', () => {
    const bytes = attempt(() => calls?.sysctl('kern.osrelease').bytes)
    return bytes === undefined ? null : cString(bytes)
  })
  return answer ?? undefined
}

/** The first number of a version. */
export function majorOf(release: string | undefined): number | undefined {
  const major = Number.parseInt(release ?? '', 10)
  return Number.isNaN(major) ? undefined : major
}
