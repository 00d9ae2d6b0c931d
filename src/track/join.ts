// Puts together what is told of sockets (events) and what is seen of them (looks): an event gets the owners that a snapshot knew, and a
// socket that came or went without a word gets its event from the snapshots.

import type { SocketEvent } from '../model/event.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Process } from '../model/process.ts'
import type { Socket } from '../model/socket.ts'
import { payload } from '../model/payload.ts'

/** So many snapshots must miss a socket before its end is taken from them, when its end should have been told. */
const graceSnapshots = 4

/** Joins events and snapshots. */
export interface Joiner {
  /** Takes a snapshot. `told` says that ends of sockets are told by events. */
  addSnapshot(snapshot: Snapshot, told: boolean): SocketEvent[]
  /** Takes an event; undefined when it was known already. */
  addEvent(event: SocketEvent): SocketEvent | undefined
  /** Births that were seen and of which no more will be told. */
  rest(): SocketEvent[]
}

interface Known {
  socket: Socket
  /** When its birth was told or seen; undefined when it was there before us. */
  openedAtMs: number | undefined
  missing: number
  /** The snapshot that saw it last. */
  step: number
}

/** Starts without knowing anything: the sockets of the first snapshot are not news. */
export function joiner(): Joiner {
  const known = new Map<string, Known>()
  let first = true
  /** Births are told: one that a snapshot sees is on its way, with owners and time, and waits for its word until the next snapshot. */
  let tellsBirths = false
  const seen = new Map<string, SocketEvent>()
  let step = 0
  let processes: ReadonlyMap<number, Process> = new Map()
  let before = processes
  let ended = new Set<string>()
  let endedBefore = new Set<string>()

  const peopleOf = (socket: Socket, more: readonly Process[] = []): Process[] => {
    const found = new Map(more.map(p => [p.pid, p]))
    for (const { pid } of socket.owners) {
      const process = processes.get(pid) ?? before.get(pid)
      if (process !== undefined && !found.has(pid)) found.set(pid, process)
    }
    return [...found.values()]
  }

  function appear(socket: Socket, atMs: number): SocketEvent | undefined {
    if (socket.state === 'TIME_WAIT') return undefined
    const was = known.get(socket.key)
    if (was !== undefined) {
      was.socket = socket
      was.missing = 0
      was.step = step
      return undefined
    }
    // What is not made yet, is left over, or was told to have ended while we looked, does not open.
    const half = socket.state === 'SYN_RECEIVED' || (socket.state === 'FIN_WAIT_2' && socket.tcp === undefined)
    if (half || ended.has(socket.key) || endedBefore.has(socket.key)) return undefined
    known.set(socket.key, { socket, openedAtMs: first ? undefined : atMs, missing: 0, step })
    if (first) return undefined
    const none = { bytesIn: undefined, bytesOut: undefined, accuracy: undefined }
    const event: SocketEvent = { type: 'opened', atMs, durationMs: 0, socket, processes: peopleOf(socket), ...none, tier: 'snapshot' }
    if (!tellsBirths) return event
    seen.set(socket.key, event)
    return undefined
  }

  function rest(): SocketEvent[] {
    const events = [...seen.values()]
    seen.clear()
    return events
  }

  function vanish(one: Known, atMs: number): SocketEvent {
    const moved = payload(one.socket)
    return {
      type: 'closed',
      atMs,
      durationMs: one.openedAtMs === undefined ? undefined : atMs - one.openedAtMs,
      socket: one.socket,
      processes: peopleOf(one.socket),
      bytesIn: moved?.inBytes,
      bytesOut: moved?.outBytes,
      accuracy: moved && 'sampled', // What it moved after it was seen last is not in there.
      tier: 'snapshot',
    }
  }

  return {
    addSnapshot(snapshot, told) {
      before = processes
      processes = snapshot.processes
      step++
      const events = rest()
      // A connection keeps its key while it only waits, but it moves nothing any more: it does not appear.
      for (const socket of snapshot.sockets) {
        const event = appear(socket, snapshot.atMs)
        if (event !== undefined) events.push(event)
      }
      for (const one of known.values()) {
        if (one.step === step) continue
        one.missing++
        if (told && one.missing < graceSnapshots) continue
        known.delete(one.socket.key)
        events.push(vanish(one, snapshot.atMs))
      }
      endedBefore = ended
      ended = new Set()
      first = false
      return events
    },
    addEvent(event) {
      const { key } = event.socket
      const was = known.get(key)
      if (event.type === 'opened') {
        tellsBirths ||= event.tier === 'bpf'
        if (was !== undefined && !seen.delete(key)) return undefined
        known.set(key, { socket: event.socket, openedAtMs: event.atMs, missing: 0, step })
        return event
      }
      known.delete(key)
      seen.delete(key)
      ended.add(key)
      if (was === undefined) return event
      const socket = withOwners(event.socket, was.socket)
      const durationMs = event.durationMs ?? (was.openedAtMs === undefined ? undefined : event.atMs - was.openedAtMs)
      return { ...event, ...bytesOf(event, was.socket), socket, durationMs, processes: peopleOf(socket, event.processes) }
    },
    rest,
  }
}

/** When an end is told without its bytes, those that were seen last. */
function bytesOf(event: SocketEvent, was: Socket): Pick<SocketEvent, 'bytesIn' | 'bytesOut' | 'accuracy'> {
  const { bytesIn, bytesOut, accuracy } = event
  const moved = bytesIn === undefined ? payload(was) : undefined
  return moved ? { bytesIn: moved.inBytes, bytesOut: moved.outBytes, accuracy: 'sampled' } : { bytesIn, bytesOut, accuracy }
}

/** Who is told now, and who was seen before; a descriptor is known only from a snapshot. */
function withOwners(now: Socket, was: Socket): Socket {
  const told = new Set(now.owners.map(o => o.pid))
  const seen = was.owners
  const owners = [...seen, ...now.owners.filter(o => !seen.some(s => s.pid === o.pid))]
  return {
    ...now,
    uid: now.uid ?? was.uid,
    inode: now.inode ?? was.inode,
    cgroup: now.cgroup ?? was.cgroup,
    namespace: now.namespace ?? was.namespace,
    interface: now.interface ?? was.interface,
    remote: now.remote ?? was.remote,
    owners,
    ownerless: owners.length > 0 ? undefined : told.size === 0 ? (was.ownerless ?? now.ownerless) : undefined,
    tcp: now.tcp && { ...was.tcp, ...now.tcp },
    traffic: now.traffic ?? was.traffic,
    detail: now.detail ?? was.detail,
  }
}
