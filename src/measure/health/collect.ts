// Collects samples of many connections over many snapshots. Its memory is bounded, and time is an argument.

import { aSocket, checkEach, checkKind } from '../../model/arguments.ts'
import type { Health } from '../../model/health.ts'
import type { Socket } from '../../model/socket.ts'
import { health } from './health.ts'
import { sampleOf, type Sample } from './sample.ts'

/** A connection that was judged: as it was when last seen, and its health. */
export interface Judged {
  /** The connection as it was when last seen. */
  readonly socket: Socket
  /** Its health from the first snapshot to the last. */
  readonly health: Health
  /** It had closed before the last snapshot. */
  readonly closed: boolean
}

/** The result of a collector. */
export interface Judgement {
  /** The connections that were judged. */
  readonly connections: readonly Judged[]
  /** Connections that were in one snapshot only, which is too short to judge. */
  readonly unjudged: number
}

/** Collects snapshots. */
export interface Collector {
  /** Adds one snapshot, with its time by a monotonic clock. */
  add(sockets: readonly Socket[], atMs: number): void
  /** Judges every connection that was seen at least twice. */
  judge(): Judgement
}

/** Beyond this only the first and the last sample of a connection are kept: about 100 MB. */
const maxSamples = 100_000

/** Starts to collect. */
export function collector(): Collector {
  const seen = new Map<string, { socket: Socket; samples: Sample[] }>()
  let kept = 0
  let lastMs = -Infinity
  return {
    add(sockets, atMs) {
      checkEach('sockets', sockets, aSocket)
      checkKind('atMs', atMs, 'number')
      lastMs = atMs
      for (const socket of sockets) {
        const sample = sampleOf(socket, atMs)
        if (sample === undefined) continue
        const known = seen.get(socket.key)
        if (known === undefined) seen.set(socket.key, { socket, samples: [sample] })
        else {
          known.socket = socket
          // Windows counts from the first snapshot on: there the second snapshot shows where counting starts.
          if (known.samples.length === 1 && startsCounting(known.samples[0]!, sample)) known.samples.pop()
          if (known.samples.length > 1 && kept > maxSamples) known.samples.pop()
          else kept++
          known.samples.push(sample)
        }
      }
    },
    judge() {
      const all = [...seen.values()]
      const connections = all
        .filter(one => one.samples.length > 1)
        .map(({ socket, samples }) => ({ socket, health: health(samples), closed: samples.at(-1)!.atMs < lastMs }))
      return { connections, unjudged: all.length - connections.length }
    },
  }
}

const startsCounting = (before: Sample, after: Sample): boolean => before.tcp.sentBytes === undefined && after.tcp.sentBytes !== undefined
