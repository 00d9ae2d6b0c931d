// Events from programs inside the kernel: births and deaths of TCP sockets, who used which socket, and how many bytes.
// Ends of UDP come from the kernel's destroy messages; those of UNIX sockets are seen when a snapshot does not hold them any more.

import { cString } from '../../../bytes/text.ts'
import type { EventGap, SocketEvent } from '../../../model/event.ts'
import type { Process } from '../../../model/process.ts'
import type { Socket } from '../../../model/socket.ts'
import type { Meter, Move } from '../bpf/meter.ts'
import { recordKinds, type TrafficRecord } from '../bpf/records.ts'
import type { Destroyed } from './destroy-messages.ts'
import type { Draft } from '../decode/draft.ts'
import { destroyed as endOf } from './destroy-tier.ts'
import { finalBytes, finalTcp, keyOf, processOf, protocolOf, socketOf, trafficOf } from './records.ts'
import { followMoves } from './traffic-counters.ts'
import { eventGap, lacksHelp, type Watcher } from './tier.ts'

const maxRecords = 1000
const maxLives = 200_000
/** So long the end of a socket is remembered: a process may still read what had arrived. */
const rememberedMs = 30_000
/** So long a birth waits for its owner. */
const ownerWaitNs = 50e6

interface Life {
  readonly cookie: bigint
  readonly protocol: Socket['protocol']
  socket: Socket
  /** When it opened, by the kernel's clock; undefined when that was not seen. */
  openedNs: number | undefined
  readonly users: Map<number, Process>
  /** How many snapshots in a row did not hold it. */
  missing: number
  /** Its birth has been told. */
  announced: boolean
}

/** What the watcher needs of its surroundings. */
export interface Surroundings {
  readonly bootMs: number | undefined
  readonly users: ReadonlyMap<number, string>
  readonly namespaceOf: (inode: number) => Socket['namespace']
  readonly readProcess: (pid: number) => Process | undefined
  readonly udp: Destroyed | undefined
}

/** Makes events of what a meter sees. */
export function bpfWatcher(meter: Meter, around: Surroundings): Watcher {
  const lives = new Map<string, Life>()
  const ended = new Map<string, number>()
  const people = new Map<string, Process>()
  const moves = followMoves(meter)
  let pending: (SocketEvent | EventGap)[] = []
  const lacks = meter.lacks === undefined ? undefined : `bytes of UDP and UNIX sockets are not counted here: ${meter.lacks}`
  if (lacks !== undefined) pending.push(lacking(lacks))
  /** Sockets that opened and have no owner yet: a connection that was accepted has one when it is used first. */
  let unowned: Life[] = []

  const place = (r: TrafficRecord, socket: Socket): Socket => ({ ...socket, namespace: around.namespaceOf(r.namespace) })

  function person(r: TrafficRecord): Process {
    const told = processOf(r, cString(r.nameBytes), around.bootMs, around.users)
    const known = people.get(told.key)
    if (known !== undefined) return known
    const read = around.readProcess(told.pid)
    const process = read?.key === told.key ? read : told
    if (people.size >= maxLives) people.clear()
    people.set(told.key, process)
    return process
  }

  function life(r: TrafficRecord, key: string): Life {
    let found = lives.get(key)
    if (found === undefined) {
      if (lives.size >= maxLives) {
        lives.delete(lives.keys().next().value!)
        pending.push(eventGap('limit', 'more sockets are open than are followed', '', 1))
      }
      found = {
        cookie: r.cookie,
        protocol: protocolOf(r),
        socket: place(r, socketOf(r, key, undefined, undefined)),
        openedNs: undefined,
        users: new Map(),
        missing: 0,
        announced: true,
      }
      lives.set(key, found)
    }
    return found
  }

  function used(r: TrafficRecord, key: string): void {
    if (ended.has(key)) return void meter.move(r.cookie, r.tgid, true)
    const first = !lives.has(key)
    const one = life(r, key)
    if (r.tgid !== 0) one.users.set(r.tgid, person(r))
    announce(one)
    // A datagram socket opens for us when it is used first.
    if (first && one.protocol !== 'tcp') pending.push(opened(one, r.atNs))
  }

  function closed(r: TrafficRecord, key: string): void {
    if (ended.has(key)) return // Looks were first.
    const one = life(r, key)
    announce(one)
    const moves = forget(one)
    pending.push({
      type: 'closed',
      atMs: wallMs(r.atNs),
      durationMs: one.openedNs === undefined ? undefined : (r.atNs - one.openedNs) / 1e6,
      socket: { ...place(r, socketOf(r, key, 'CLOSED', finalTcp(r))), ...ownersOf(one), traffic: trafficOf(moves) },
      processes: [...one.users.values()],
      ...finalBytes(r),
      accuracy: 'exact',
      tier: 'bpf',
    })
  }

  function forget(one: Life): Move[] {
    lives.delete(one.socket.key)
    ended.set(one.socket.key, Date.now())
    const pids = [...one.users.keys(), ...(meter.hasStrangers ? [0] : [])]
    return pids.map(pid => meter.move(one.cookie, pid, true)).filter(move => move !== undefined)
  }

  /** A socket of which only the processes' own counters tell the end. */
  function gone(one: Life, socket: Socket): void {
    const traffic = trafficOf(forget(one))
    const { inBytes: bytesIn, outBytes: bytesOut } = traffic
    const kind = one.protocol === 'tcp' ? 'estimate' : 'exact'
    const processes = [...one.users.values()]
    const whole = { ...socket, ...ownersOf(one), traffic }
    pending.push({
      type: 'closed',
      atMs: Date.now(),
      durationMs: undefined,
      socket: whole,
      processes,
      bytesIn,
      bytesOut,
      accuracy: kind,
      tier: 'bpf',
    })
  }

  /** Looks say that a socket has gone. The end of one of TCP should have been told. */
  function missed(one: Life): void {
    gone(one, one.socket)
    if (one.protocol === 'tcp')
      pending.push(eventGap('lost', 'ends of TCP sockets that the kernel did not tell, and snapshots found: 1', '', 1))
  }

  function record(r: TrafficRecord): void {
    const key = keyOf(r.cookie)
    if (r.kind === recordKinds.used) used(r, key)
    else if (r.kind === recordKinds.closed) closed(r, key)
    else if (r.kind === recordKinds.opened) {
      ended.delete(key)
      const one = life(r, key)
      if (one.openedNs !== undefined) return // Rarely, both copies of the program tell it.
      one.openedNs = r.atNs
      one.socket = place(r, socketOf(r, key, r.remotePort === 0 ? 'LISTEN' : 'ESTABLISHED', undefined))
      one.announced = false
      if (one.users.size > 0) announce(one)
      else unowned.push(one)
    }
  }

  function announce(one: Life): void {
    if (one.announced || one.openedNs === undefined) return
    one.announced = true
    pending.push(opened(one, one.openedNs))
  }

  /** Ends of UDP that were told, of sockets whose use may still be in the ring. */
  let destroyed: Draft[] = []

  function takeUdp(): void {
    for (const socket of destroyed) {
      const one = lives.get(socket.key)
      if (one !== undefined) gone(one, { ...socket, inode: undefined, uid: one.socket.uid, namespace: one.socket.namespace })
      // Where nothing tells of the use of datagram sockets, their ends are told without it.
      else if (meter.lacks !== undefined) pending.push(endOf(socket, Date.now()))
    }
    destroyed = []
  }

  function takeLost(): void {
    const lost = meter.lost()
    const say = (what: 'events' | 'bytes', count: number, text: string): void => {
      if (count === 0) return
      const gap = eventGap('lost', `${count} ${text}`, '', count)
      pending.push({ ...gap, gap: { ...gap.gap, what } })
    }
    say('events', lost.records, 'events were lost: they came faster than they were read')
    say('bytes', lost.counters, 'calls were not counted: too many sockets are in use at once')
    say('bytes', lost.passedOver, 'calls were not counted: the kernel was running the program that counts for another one')
    const now = Date.now()
    for (const [key, at] of ended) {
      if (now - at < rememberedMs && ended.size < maxLives) break
      ended.delete(key)
    }
  }

  return {
    tier: 'bpf',
    restMs: 50,
    lacks,
    take() {
      if (around.udp?.take(destroyed, maxRecords))
        pending.push(eventGap('lost', 'more UDP sockets closed at once than the kernel could tell us of', ''))
      // Whoever was destroyed by now was used before: so the ring is read after the ends, and emptied before they are believed.
      if (meter.drain(record, maxRecords) < maxRecords) takeUdp()
      const now = Number(process.hrtime.bigint())
      unowned = unowned.filter(one => {
        if (now - one.openedNs! > ownerWaitNs) announce(one)
        return !one.announced
      })
      takeLost()
      const events = pending
      pending = []
      return events
    },
    see(snapshot, whole) {
      if (meter.lacks === undefined) moves.read()
      const isRead = meter.drain(record, maxRecords) < maxRecords // Who they are was written after they were counted first.
      if (meter.lacks === undefined) moves.addTo(snapshot, key => lives.get(key)?.users)
      if (!isRead) return // What a snapshot misses may have ended in what was not read yet.
      for (const one of lives.values()) one.missing++
      for (const { key, state } of snapshot.sockets) {
        const one = lives.get(key)
        if (one !== undefined && state !== 'TIME_WAIT') one.missing = 0
      }
      for (const one of lives.values()) {
        if (!whole.has(one.protocol)) one.missing = 0
        else if (one.missing > 1) missed(one)
      }
    },
    close() {
      meter.close()
      around.udp?.close()
    },
  }
}

/** The kernel's clock starts when the machine does. */
const wallMs = (ns: number): number => Date.now() - (Number(process.hrtime.bigint()) - ns) / 1e6

const ownersOf = (one: Life): Pick<Socket, 'owners' | 'ownerless'> => {
  const owners = [...one.users.keys()].map(pid => ({ pid, fd: undefined }))
  return { owners, ownerless: owners.length === 0 ? 'unknown' : undefined }
}

const lacking = (text: string): EventGap => {
  const gap = eventGap('kernel', text, lacksHelp)
  return { ...gap, gap: { ...gap.gap, what: 'bytes' } }
}

const opened = (one: Life, atNs: number): SocketEvent => ({
  type: 'opened',
  atMs: wallMs(atNs),
  durationMs: 0,
  socket: { ...one.socket, ...ownersOf(one) },
  processes: [...one.users.values()],
  bytesIn: undefined,
  bytesOut: undefined,
  accuracy: undefined,
  tier: 'bpf',
})
