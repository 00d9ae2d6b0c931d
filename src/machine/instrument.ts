// The health of one socket of this program, at a fixed interval.

import { checkKeys, checkMillis } from '../model/arguments.ts'
import { ArgumentError } from '../model/errors.ts'
import { health } from '../measure/health/health.ts'
import type { Health } from '../model/health.ts'
import { sampleOf, type Sample } from '../measure/health/sample.ts'
import type { AbortSignalLike } from '../model/signal.ts'
import { protocols } from '../model/socket.ts'
import { Monitor, type Repetition } from '../monitor/monitor.ts'
import { openDescriptor } from '../source/descriptor-source.ts'
import { checkTarget, type SocketHolder, type SocketTarget } from '../source/stat.ts'
import { checkSignal } from './options.ts'

/** How often to measure, and until when. */
export interface InstrumentOptions extends Repetition {}

/**
 * Measures a TCP connection at a fixed interval, without drift, and ends when the connection is closed.
 * @throws OsError or TypeError when there is no such connection at its start.
 */
export function instrument(target: SocketTarget, options: InstrumentOptions = {}): AsyncGenerator<Health, void, undefined> {
  return instrumentUntil(undefined, target, options)
}

/** The same until a machine closes. */
export function instrumentUntil(
  closing: AbortSignalLike | undefined,
  target: SocketTarget,
  options: InstrumentOptions = {},
): AsyncGenerator<Health, void, undefined> {
  checkKeys('options', options, ['every', 'signal'] satisfies (keyof InstrumentOptions)[])
  const { every = 1000, signal } = options
  checkMillis('every', every)
  checkSignal(signal)
  checkTarget(target)
  return healthOf(
    target,
    every,
    [signal, closing].filter(one => one !== undefined),
  )
}

async function* healthOf(
  target: SocketTarget,
  every: number,
  signals: readonly AbortSignalLike[],
): AsyncGenerator<Health, void, undefined> {
  if (signals.some(signal => signal.aborted)) return
  const source = await openDescriptor(target)
  const ending = new AbortController()
  const end = (): void => ending.abort()
  // A number has no event for its end: its socket is found closed with the next snapshot.
  const holder: SocketHolder | undefined = typeof target === 'object' && 'once' in target ? target : undefined
  holder?.once('close', end)
  for (const signal of signals) signal.addEventListener('abort', end)
  if (signals.some(signal => signal.aborted)) end()
  try {
    let last: Sample | undefined
    let atMs = 0
    for await (const { sockets, intervalMs } of new Monitor(source).frames({ every, query: { protocols }, signal: ending.signal })) {
      const [socket] = sockets
      if (socket === undefined) return
      atMs += intervalMs ?? 0
      const sample = socket.state === 'LISTEN' ? undefined : sampleOf(socket, atMs)
      if (last === undefined && sample === undefined) throw new ArgumentError('target: needs a TCP connection')
      if (sample === undefined) return
      if (last !== undefined) yield health([last, sample])
      last = sample
    }
  } finally {
    holder?.removeListener('close', end)
    for (const signal of signals) signal.removeEventListener('abort', end)
    source.close()
  }
}
