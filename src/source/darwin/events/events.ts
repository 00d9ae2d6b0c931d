// Sockets as they open and close: opened ones by snapshots, closed ones by the last word of the network statistics control, which has the final
// counts also of a connection that no snapshot has seen. Where the control is refused looks alone must do, and say so.

import { setTimeout as sleep } from 'node:timers/promises'
import { planQuery, type Query } from '../../../filter/plan.ts'
import type { EventGap, SocketEvent } from '../../../model/event.ts'
import type { Snapshot } from '../../../model/snapshot.ts'
import type { Process } from '../../../model/process.ts'
import type { Socket } from '../../../model/socket.ts'
import { live } from '../../tape.ts'
import type { Calls } from '../kernel/calls.ts'
import { exactTraffic } from '../decode/traffic.ts'
import { SnapshotTaker } from '../snapshot.ts'
import { closingsLost, FlowCounter, type Closing } from './counter.ts'

const everyMs = 250

/** A socket that was open at the last snapshot. */
interface Open {
  readonly socket: Socket
  /** When it was first seen; undefined when it was there before we came. */
  readonly sinceMs: number | undefined
  readonly processes: readonly Process[]
  /** The kernel has said its last word about it; it may stay in the table for minutes (TIME_WAIT). */
  readonly ended: boolean
}

/** The events of a Mac. Each watch has a conversation with the kernel of its own. */
export const eventsOf = (calls: Calls) =>
  async function* events(
    query?: Query,
    signal?: AbortSignal,
    listening?: () => void,
  ): AsyncGenerator<SocketEvent | EventGap, void, undefined> {
    const requested = planQuery(query)
    const counter = new FlowCounter(live, calls, { keepsClosings: true })
    const snapshots = new SnapshotTaker(live, calls, 'darwin', counter)
    const told = new Set<string>()
    let open: ReadonlyMap<string, Open> | undefined
    try {
      for (let stopping = false; !stopping;) {
        stopping = signal?.aborted ?? false
        const snapshot = await snapshots.takeSnapshot(planQuery(query))
        listening?.()
        const { closings, lost } = counter.take()
        yield* newGaps(lost > 0 ? { ...snapshot, gaps: [...snapshot.gaps, closingsLost(lost)] } : snapshot, told)
        const step = compare(open, snapshot, closings)
        for (const event of step.events) {
          if (requested.test(event.socket, snapshot.processes)) yield event
        }
        open = step.open
        if (!stopping) await pause(signal)
      }
    } finally {
      counter.close()
    }
  }

/** Each gap once: a watch that lasts for days must not repeat it four times a second. */
function* newGaps(snapshot: Snapshot, told: Set<string>): Generator<EventGap> {
  for (const gap of snapshot.gaps) {
    const text = `${gap.what} ${gap.why} ${gap.text.replace(/\d+/g, '')}`
    if (told.has(text)) continue
    told.add(text)
    yield { type: 'gap', atMs: snapshot.atMs, gap }
  }
}

/** What happened between two snapshots. */
function compare(
  before: ReadonlyMap<string, Open> | undefined,
  snapshot: Snapshot,
  closings: readonly Closing[],
): { readonly events: readonly SocketEvent[]; readonly open: ReadonlyMap<string, Open> } {
  const atMs = snapshot.atMs
  const events: SocketEvent[] = []
  const open = new Map<string, Open>()
  const processesOf = (socket: Socket): Process[] => socket.owners.map(o => snapshot.processes.get(o.pid)).filter(p => p !== undefined)
  for (const socket of snapshot.sockets) {
    const was = before?.get(socket.key)
    const now = {
      socket,
      sinceMs: was === undefined && before !== undefined ? atMs : was?.sinceMs,
      processes: was?.processes ?? processesOf(socket),
      ended: was?.ended ?? false,
    }
    open.set(socket.key, now)
    if (before !== undefined && was === undefined) {
      const { processes } = now
      events.push({
        type: 'opened',
        atMs,
        durationMs: undefined,
        socket,
        processes,
        bytesIn: undefined,
        bytesOut: undefined,
        accuracy: undefined,
      })
    }
  }
  const ended = new Set<string>()
  for (const { socket, counts } of closings) {
    const now = open.get(socket.key)
    const was = now ?? before?.get(socket.key)
    ended.add(socket.key)
    if (now !== undefined) open.set(socket.key, { ...now, ended: true })
    const traffic = exactTraffic(counts)
    const last = { ...socket, owners: socket.owners.length > 0 ? socket.owners : (was?.socket.owners ?? []), traffic }
    events.push(closedEvent(last, was, atMs, processesOf(last)))
  }
  for (const [key, was] of before ?? []) {
    if (was.ended || open.has(key) || ended.has(key) || snapshot.gaps.some(g => g.what === 'sockets' && g.why !== 'permission')) continue
    // Nobody said a last word: what it moved since the last snapshot is not known.
    const { traffic } = was.socket
    events.push(closedEvent(traffic ? { ...was.socket, traffic: { ...traffic, accuracy: 'sampled' } } : was.socket, was, atMs, []))
  }
  return { events, open }
}

function closedEvent(socket: Socket, was: Open | undefined, atMs: number, processes: readonly Process[]): SocketEvent {
  return {
    type: 'closed',
    atMs,
    durationMs: was?.sinceMs === undefined ? undefined : atMs - was.sinceMs,
    socket,
    processes: was?.processes ?? processes,
    bytesIn: socket.traffic?.inBytes,
    bytesOut: socket.traffic?.outBytes,
    accuracy: socket.traffic?.accuracy,
  }
}

/** Waits for the next snapshot, or until it is called off. */
async function pause(signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(everyMs, undefined, signal && { signal })
  } catch (error) {
    if (!signal?.aborted) throw error
  }
}
