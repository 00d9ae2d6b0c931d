// What processes moved on each socket, from snapshot to snapshot. What did not change since costs no more than a comparison.

import type { Snapshot } from '../../../model/snapshot.ts'
import type { Process } from '../../../model/process.ts'
import type { Socket, Traffic } from '../../../model/socket.ts'
import type { Meter, Move } from '../bpf/meter.ts'
import type { Draft } from '../decode/draft.ts'
import { keyOf, trafficOf } from './records.ts'

/** Follows the counters of a meter. */
export interface Moves {
  /** Reads all counters. */
  read(): void
  /**
   * Puts what was read into the sockets of a snapshot, and the processes that have ended meanwhile beside the others. What a process moved of
   * which nothing is known yet is nobody's until its record is read.
   */
  addTo(snapshot: Snapshot, usersOf: (key: string) => ReadonlyMap<number, Process> | undefined): void
}

interface Entry {
  readonly moves: Move[]
  /** What they add up to; undefined when one of them has changed. */
  traffic: Traffic | undefined
  /** The reading that had it last. */
  step: number
}

const datagram: ReadonlySet<Socket['protocol']> = new Set<Socket['protocol']>(['udp', 'udplite', 'icmp', 'unix'])
const nothing = trafficOf([])

/** Starts to follow. */
export function followMoves(meter: Meter): Moves {
  const entries = new Map<string, Entry>()
  let step = 0

  function note(cookie: number, move: Move): void {
    const key = keyOf(cookie)
    let entry = entries.get(key)
    if (entry === undefined) entries.set(key, (entry = { moves: [], traffic: undefined, step }))
    entry.step = step
    const at = entry.moves.findIndex(({ pid }) => pid === move.pid)
    if (at >= 0 && isSame(entry.moves[at]!, move)) return
    entry.moves[at < 0 ? entry.moves.length : at] = move
    entry.traffic = undefined
  }

  return {
    read() {
      step++
      meter.moves(note)
      for (const [key, entry] of entries) if (entry.step !== step) entries.delete(key)
    },
    addTo(snapshot, usersOf) {
      const processes = snapshot.processes as Map<number, Process>
      for (const socket of snapshot.sockets as readonly Draft[]) {
        const entry = entries.get(socket.key)
        if (entry === undefined) {
          // A datagram socket that nobody has used since moved nothing.
          if (datagram.has(socket.protocol)) socket.traffic = nothing
          continue
        }
        const traffic = (entry.traffic ??= trafficOf(entry.moves))
        const isKnown = ({ pid }: { readonly pid: number }): boolean => {
          if (processes.has(pid)) return true
          const process = usersOf(socket.key)?.get(pid)
          if (process !== undefined) processes.set(pid, process)
          return process !== undefined
        }
        const known = traffic.processes.filter(isKnown)
        socket.traffic = known.length === traffic.processes.length ? traffic : { ...traffic, processes: known }
      }
    },
  }
}

const isSame = (a: Move, b: Move): boolean =>
  a.inBytes === b.inBytes && a.outBytes === b.outBytes && a.inCalls === b.inCalls && a.outCalls === b.outCalls
