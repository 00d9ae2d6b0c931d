// Gives the interfaces of sockets their names, which the kernel's tables leave out: they have numbers only.

import type { Endpoint } from '../../../model/socket.ts'
import { filterYielding } from '../../yielding.ts'
import type { Tape } from '../../tape.ts'
import type { Draft } from '../decode/draft.ts'
import type { Calls, NetworkNamespace } from '../netns/network-namespace.ts'
import { attempt } from '../../attempt.ts'
import { listInterfaces } from './interfaces.ts'

/** Names the interfaces of the sockets of a namespace. Without an answer of the kernel, or of the tape, the numbers stay. */
export async function nameInterfaces(tape: Tape, calls: Calls, netns: NetworkNamespace, sockets: readonly Draft[]): Promise<void> {
  // Without a socket that has one nothing is requested.
  const bound = await filterYielding(sockets, socket => socket.interface !== undefined)
  if (bound.length === 0 && !tape.recordsEverything) return
  const interfaces = attempt(() => listInterfaces(tape, `${netns.prefix}interface names`, calls, netns)) ?? []
  const names = new Map(interfaces.map(one => [one.index, one.name]))
  for (const socket of bound) {
    const { index } = socket.interface!
    const name = names.get(index)
    socket.interface = { index, name }
    socket.local = withZone(socket.local, name ?? String(index))
    socket.remote = socket.remote && withZone(socket.remote, name ?? String(index))
  }
}

/** Addresses that mean something on one link only: fe80::/10 and multicast of scope 1 and 2. */
const linkLocal = /^(fe[89ab].|ff.[12]):/

const withZone = (end: Endpoint, zone: string): Endpoint => (linkLocal.test(end.address ?? '') ? { ...end, zone } : end)
