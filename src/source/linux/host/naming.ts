// Gives the interfaces and cgroups of sockets their names, which the kernel's tables leave out.

import { readdirSync, readFileSync, statSync } from 'node:fs'
import { OsError } from '../../../model/errors.ts'
import type { Cgroup, Endpoint } from '../../../model/socket.ts'
import type { Interface } from '../../../model/interface.ts'
import { yieldToEventLoop, filterYielding } from '../../yielding.ts'
import type { Tape } from '../../tape.ts'
import type { Draft } from '../decode/draft.ts'
import { readInterfaces } from './interfaces.ts'
import { message, NLM_F_DUMP, NLM_F_REQUEST } from '../kernel/netlink.ts'
import type { Calls, Place } from '../netns/network-namespace.ts'
import { ifinfomsg } from '../kernel/structs.ts'

const NETLINK_ROUTE = 0
const RTM_GETLINK = 18

/** Makes the function that names the interfaces of the sockets of a namespace. */
export function interfaceNamer(tape: Tape, calls: Calls): (place: Place, sockets: readonly Draft[]) => Promise<void> {
  const buffer = new Uint8Array(64 * 1024)
  function* exchange(place: Place, isDone: () => boolean): Generator<Uint8Array> {
    const fd = place.open(NETLINK_ROUTE)
    try {
      calls!.limitWait(fd)
      calls!.send(fd, message(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, ifinfomsg.write({})))
      while (!isDone()) yield buffer.subarray(0, calls!.receiveMessage(fd, buffer))
    } finally {
      calls!.closeFd(fd)
    }
  }
  return async (place, sockets) => {
    // Without a socket that has one there is nothing to ask.
    const bound = await filterYielding(sockets, socket => socket.interface !== undefined)
    if (bound.length === 0 && !tape.recordsEverything) return
    const interfaces: Interface[] = []
    let done = false
    try {
      for (const answer of tape.bytes(`${place.prefix}interface names`, () => exchange(place, () => done)))
        done = readInterfaces(answer, interfaces)
    } catch (error) {
      if (!(error instanceof OsError)) throw error // Without names the numbers are still there.
    }
    const names = new Map(interfaces.map(one => [one.index, one.name]))
    for (const socket of bound) {
      const { index } = socket.interface!
      const name = names.get(index)
      socket.interface = { index, name }
      socket.local = withZone(socket.local, name ?? String(index))
      socket.remote = socket.remote && withZone(socket.remote, name ?? String(index))
    }
  }
}

/** Addresses that mean something on one link only: fe80::/10 and multicast of scope 1 and 2. */
const linkLocal = /^(fe[89ab].|ff.[12]):/

const withZone = (end: Endpoint, zone: string): Endpoint => (linkLocal.test(end.address ?? '') ? { ...end, zone } : end)

const maxCgroups = 20_000
const ROOT = 1

/** The cgroups of a source, by id. Ids are never used again, so what was found stays true. */
export interface Cgroups {
  /** The cgroup of an id, the same object each time. */
  readonly of: (id: number) => Cgroup
  /** Finds the paths of those that were asked for and have none yet. */
  resolve(): Promise<void>
}

/** Makes the cgroups of a source. */
export function cgroups(tape: Tape): Cgroups {
  const known = new Map<number, { id: number; path: string | undefined }>()
  const unresolved = new Set<number>()
  let last: Cgroup | undefined
  return {
    of: id => {
      if (last?.id === id) return last
      let found = known.get(id)
      if (found === undefined) {
        if (known.size >= maxCgroups) known.clear()
        found = { id, path: id === ROOT ? '/' : undefined }
        known.set(id, found)
        if (found.path === undefined) unresolved.add(id)
      }
      return (last = found)
    },
    async resolve() {
      if (unresolved.size === 0) return
      const requested = [...unresolved]
      unresolved.clear()
      const paths = await tape.value('cgroup paths', () => cgroupPaths(requested)).catch(() => [])
      for (const [i, id] of requested.entries()) {
        const found = known.get(id)
        if (found) found.path = paths[i] ?? undefined
      }
    },
  }
}

/** The paths of cgroups by id, in the same order. The id of a cgroup is the inode of its folder. */
export async function cgroupPaths(ids: readonly number[], mounts = '/proc/self/mounts'): Promise<(string | null)[]> {
  const found = new Map<number, string>()
  const root = cgroupRoot(mounts)
  const requested = new Set(ids)
  const waiting = root === undefined ? [] : [root]
  for (let seen = 0; waiting.length > 0 && found.size < requested.size && seen < maxCgroups; seen++) {
    const folder = waiting.shift()!
    await yieldToEventLoop()
    try {
      const { ino } = statSync(folder)
      if (requested.has(ino)) found.set(ino, folder.slice(root!.length) || '/')
      for (const entry of readdirSync(folder, { withFileTypes: true })) if (entry.isDirectory()) waiting.push(`${folder}/${entry.name}`)
    } catch {
      // It was removed while we walked.
    }
  }
  return ids.map(id => found.get(id) ?? null)
}

/** Where the second version of cgroups is mounted; sockets belong to no other. */
export function cgroupRoot(mounts = '/proc/self/mounts'): string | undefined {
  try {
    const line = readFileSync(mounts, 'utf8')
      .split('\n')
      .find(text => text.split(' ')[2] === 'cgroup2')
    return line?.split(' ')[1]?.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)))
  } catch {
    return undefined
  }
}
