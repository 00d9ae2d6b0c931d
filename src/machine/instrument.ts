// The health of one socket in your own program, again and again.

import { checkKeys, checkMillis } from '../model/arguments.ts'
import { health, type Health } from '../measure/health/health.ts'
import { sampleOf, type Sample } from '../measure/health/sample.ts'
import { protocols } from '../model/socket.ts'
import { Monitor } from '../monitor/monitor.ts'
import { openDescriptor } from '../source/descriptor-source.ts'
import type { SocketTarget } from '../source/stat.ts'
import { checkSignal } from './options.ts'

/** How to instrument. */
export interface InstrumentOptions {
  /** Milliseconds from one health to the next. Default: 1000. */
  readonly every?: number | undefined
  /** Ends the instrument. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Measures a TCP connection every so often, without drift, and ends when the connection is closed.
 * @throws OsError or TypeError when there is no such connection at its start.
 */
export function instrument(target: SocketTarget, options: InstrumentOptions = {}): AsyncGenerator<Health, void, undefined> {
  checkKeys('options', options, ['every', 'signal'] satisfies (keyof InstrumentOptions)[])
  const { every = 1000, signal } = options
  checkMillis('every', every)
  checkSignal(signal)
  return healthOf(target, every, signal)
}

async function* healthOf(target: SocketTarget, every: number, signal: AbortSignal | undefined): AsyncGenerator<Health, void, undefined> {
  if (signal?.aborted) return
  const source = await openDescriptor(target)
  const closed = closing(target)
  const ends = signal === undefined ? closed.signal : AbortSignal.any([signal, closed.signal])
  try {
    let last: Sample | undefined
    let atMs = 0
    for await (const { sockets, intervalMs } of new Monitor(source).frames({ every, query: { protocols }, signal: ends })) {
      const [socket] = sockets
      if (socket === undefined) return
      atMs += intervalMs ?? 0
      const sample = sampleOf(socket, atMs)
      if (last === undefined && sample === undefined) throw new TypeError('target: needs a TCP connection')
      if (sample === undefined) return
      if (last !== undefined) yield health([last, sample])
      last = sample
    }
  } finally {
    closed.stop()
    source.close()
  }
}

interface Closing {
  readonly signal: AbortSignal
  readonly stop: () => void
}

/** A socket of node emits an event when it closes; a number does not, and is found closed with the next snapshot. */
function closing(target: SocketTarget): Closing {
  const controller = new AbortController()
  if (typeof target !== 'object' || !('once' in target)) return { signal: controller.signal, stop() {} }
  const abort = (): void => controller.abort()
  target.once('close', abort)
  return { signal: controller.signal, stop: () => void target.removeListener('close', abort) }
}
