// The health of one socket in your own program, again and again.

import { checkKeys, checkMillis } from '../model/arguments.ts'
import type { Health } from '../measure/health/health.ts'
import { health } from '../measure/health/health.ts'
import type { Sample } from '../measure/health/sample.ts'
import { OsError } from '../model/errors.ts'
import type { SocketStat } from '../model/stat.ts'
import { socketStat, type SocketTarget } from '../source/stat.ts'
import { pause } from '../monitor/pause.ts'

/** How to instrument. */
export interface InstrumentOptions {
  /** Milliseconds from one health to the next. Default: 1000. */
  readonly every?: number
  /** Ends the instrument. */
  readonly signal?: AbortSignal
}

/**
 * Measures a TCP connection every so often, without drift, and ends when the connection is closed.
 * @throws OsError or TypeError when there is no such connection at its start.
 */
export async function* instrument(target: SocketTarget, options: InstrumentOptions = {}): AsyncGenerator<Health, void, undefined> {
  checkKeys('options', options, ['every', 'signal'] satisfies (keyof InstrumentOptions)[])
  const { every = 1000, signal } = options
  checkMillis('every', every)
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new TypeError('signal: needs an AbortSignal')
  if (signal?.aborted) return
  const first = await socketStat(target)
  let last = sampleOfStat(first)
  if (last === undefined) throw new TypeError('target: needs a TCP connection')
  const closed = closing(target)
  const ends = signal === undefined ? closed.signal : AbortSignal.any([signal, closed.signal])
  try {
    const start = last.atMs
    while (await pause(every - ((performance.now() - start) % every), ends)) {
      const stat = await statUnlessClosed(target)
      const sample = stat && sampleOfStat(stat)
      // The number can belong to another socket by now.
      if (stat === undefined || sample === undefined || stat.key !== first.key) return
      if (!(sample.atMs > last.atMs)) continue
      yield health([last, sample])
      last = sample
    }
  } finally {
    closed.stop()
  }
}

function sampleOfStat(stat: SocketStat): Sample | undefined {
  if (stat.tcp === undefined) return undefined
  return { atMs: performance.now(), state: stat.socketInfo.state, tcp: stat.tcp, unreadBytes: stat.unreceived, memory: stat.memory }
}

/** No such descriptor, another thing under its number, no such process. */
const gone = new Set(['EBADF', 'ENOTSOCK', 'ESRCH'])

/** Undefined once the socket is gone. */
async function statUnlessClosed(target: SocketTarget): Promise<SocketStat | undefined> {
  try {
    return await socketStat(target)
  } catch (error) {
    // An object of node whose socket is closed is refused as a target.
    if (error instanceof TypeError || (error instanceof OsError && gone.has(error.code))) return undefined
    throw error
  }
}

interface Closing {
  readonly signal: AbortSignal
  readonly stop: () => void
}

/** A socket of node says when it closes; a number does not, and is found closed at the next snapshot. */
function closing(target: SocketTarget): Closing {
  const controller = new AbortController()
  if (typeof target !== 'object' || !('once' in target)) return { signal: controller.signal, stop() {} }
  const abort = (): void => controller.abort()
  target.once('close', abort)
  return { signal: controller.signal, stop: () => void target.removeListener('close', abort) }
}
