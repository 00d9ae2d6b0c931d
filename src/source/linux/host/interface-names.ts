// Gives the interfaces of sockets their names, which the kernel's tables leave out: they have numbers only.

import type { Endpoint } from '../../../model/socket.ts'
import { filterYielding } from '../../yielding.ts'
import type { Tape } from '../../tape.ts'
import type { Draft } from '../decode/draft.ts'
import type { Calls, NetworkNamespace } from '../netns/network-namespace.ts'
import { attempt } from '../kernel/files.ts'
import { listInterfaces } from './interfaces.ts'

/** Names interfaces, in the network namespace of each. */
export class InterfaceNamer {
  readonly #tape: Tape
  readonly #calls: Calls

  /** Asks the kernel through these calls, or the tape where they are undefined. */
  constructor(tape: Tape, calls: Calls) {
    this.#tape = tape
    this.#calls = calls
  }

  /** Names the interfaces of the sockets of a namespace. Without an answer the numbers stay. */
  async name(netns: NetworkNamespace, sockets: readonly Draft[]): Promise<void> {
    // Without a socket that has one there is nothing to ask.
    const bound = await filterYielding(sockets, socket => socket.interface !== undefined)
    if (bound.length === 0 && !this.#tape.recordsEverything) return
    const names = this.#namesIn(netns)
    for (const socket of bound) {
      const { index } = socket.interface!
      const name = names.get(index)
      socket.interface = { index, name }
      socket.local = withZone(socket.local, name ?? String(index))
      socket.remote = socket.remote && withZone(socket.remote, name ?? String(index))
    }
  }

  #namesIn(netns: NetworkNamespace): ReadonlyMap<number, string> {
    const interfaces = attempt(() => listInterfaces(this.#tape, `${netns.prefix}interface names`, this.#calls, netns)) ?? []
    return new Map(interfaces.map(one => [one.index, one.name]))
  }
}

/** Addresses that mean something on one link only: fe80::/10 and multicast of scope 1 and 2. */
const linkLocal = /^(fe[89ab].|ff.[12]):/

const withZone = (end: Endpoint, zone: string): Endpoint => (linkLocal.test(end.address ?? '') ? { ...end, zone } : end)
