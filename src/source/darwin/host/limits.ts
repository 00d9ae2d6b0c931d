// What macOS allows sockets, from sysctl. A value that cannot be read stays unknown.

import { cString, viewOf } from '../../../bytes/text.ts'
import { OsError } from '../../../model/errors.ts'
import type { SystemLimits } from '../../../model/limits.ts'
import type { Tape } from '../../tape.ts'
import type { Calls } from '../kernel/calls.ts'

const unknown = { used: undefined, limit: undefined }

/** Reads the limits. */
export async function readLimits(tape: Tape, calls: Calls | undefined): Promise<SystemLimits> {
  const number = (name: string): Promise<number | undefined> => readNumber(tape, calls, name)
  const first = await number('net.inet.ip.portrange.first')
  const last = await number('net.inet.ip.portrange.last')
  return {
    // The kernel takes the two in either order.
    ephemeralPorts: first === undefined || last === undefined ? undefined : { first: Math.min(first, last), last: Math.max(first, last) },
    reservedPorts: [],
    excludedPorts: [],
    // Since macOS 10.14 a port below 1024 needs no privilege when it is bound on all addresses, but does on a single one.
    privilegedBelow: undefined,
    descriptors: { used: undefined, limit: await number('kern.maxfilesperproc') },
    openFiles: { used: await number('kern.num_files'), limit: await number('kern.maxfiles') },
    tcpOrphans: unknown,
    tcpTimeWaits: { used: await number('net.inet.tcp.tw_pcbcount'), limit: undefined },
    tcpMemoryBytes: unknown,
    udpMemoryBytes: unknown,
  }
}

async function readNumber(tape: Tape, calls: Calls | undefined, name: string): Promise<number | undefined> {
  const answer = await tape.value(name, () => {
    const bytes = quiet(() => calls?.sysctl(name).bytes)
    return bytes === undefined || bytes.length < 4 ? null : viewOf(bytes).getInt32(0, true)
  })
  return answer ?? undefined
}

/** The version of the kernel, such as `24.6.0`; undefined when it cannot be read. */
export async function readRelease(tape: Tape, calls: Calls | undefined): Promise<string | undefined> {
  const answer = await tape.value('kern.osrelease', () => {
    const bytes = quiet(() => calls?.sysctl('kern.osrelease').bytes)
    return bytes === undefined ? null : cString(bytes)
  })
  return answer ?? undefined
}

/** The first number of a version. */
export function majorOf(release: string | undefined): number | undefined {
  const major = Number.parseInt(release ?? '', 10)
  return Number.isNaN(major) ? undefined : major
}

/** Undefined where the call fails. */
function quiet<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof OsError) return undefined
    throw error
  }
}
