// The health of one socket in your own program, again and again.

import { checkKeys, checkMillis } from '../model/arguments.ts'
import { ArgumentError } from '../model/errors.ts'
import { health } from '../measure/health/health.ts'
import type { Health } from '../model/health.ts'
import { sampleOf, type Sample } from '../measure/health/sample.ts'
import type { AbortSignalLike } from '../model/signal.ts'
import { protocols } from '../model/socket.ts'
import { Monitor } from '../monitor/monitor.ts'
import { openDescriptor } from '../source/descriptor-source.ts'
import { checkTarget, type SocketHolder, type SocketTarget } from '../source/stat.ts'
import { checkSignal } from './options.ts'

/** How to instrument. */
export interface InstrumentOptions {
  /** Milliseconds from one health to the next. Default: 1000. */
  readonly every?: number | undefined
  /** Ends the instrument. */
  readonly signal?: AbortSignalLike | undefined
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
  checkTarget(target)
  return healthOf(target, every, signal)
}

async function* healthOf(
  target: SocketTarget,
  every: number,
  signal: AbortSignalLike | undefined,
): AsyncGenerator<Health, void, undefined> {
  if (signal?.aborted) return
  const source = await openDescriptor(target)
  const ending = new Ending(target, signal)
  try {
    let last: Sample | undefined
    let atMs = 0
    for await (const { sockets, intervalMs } of new Monitor(source).frames({ every, query: { protocols }, signal: ending.signal })) {
      const [socket] = sockets
      if (socket === undefined) return
      atMs += intervalMs ?? 0
      const sample = sampleOf(socket, atMs)
      if (last === undefined && sample === undefined) throw new ArgumentError('target: needs a TCP connection')
      if (sample === undefined) return
      if (last !== undefined) yield health([last, sample])
      last = sample
    }
  } finally {
    ending.release()
    source.close()
  }
}

/** Whatever ends an instrument: its caller, or that the socket closes. A number has no event for that: its socket is found closed with the next snapshot. */
class Ending {
  readonly #controller = new AbortController()
  readonly #abort = (): void => this.#controller.abort()
  readonly #holder: SocketHolder | undefined
  readonly #given: AbortSignalLike | undefined

  constructor(target: SocketTarget, given: AbortSignalLike | undefined) {
    this.#holder = typeof target === 'object' && 'once' in target ? target : undefined
    this.#given = given
    this.#holder?.once('close', this.#abort)
    given?.addEventListener('abort', this.#abort)
    if (given?.aborted) this.#abort()
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  release(): void {
    this.#holder?.removeListener('close', this.#abort)
    this.#given?.removeEventListener('abort', this.#abort)
  }
}
