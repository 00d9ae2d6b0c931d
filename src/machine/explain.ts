// Watches connections for a while, and says how healthy each is.

import { checkKeys, checkMillis } from '../model/arguments.ts'
import { planQuery, type Query } from '../filter/plan.ts'
import type { Judgement } from '../measure/health/collect.ts'
import { collector } from '../measure/health/collect.ts'
import type { Frame } from '../model/frame.ts'
import type { Process } from '../model/process.ts'
import type { State } from '../model/socket.ts'
import type { Source } from '../source/source.ts'
import { watch } from '../monitor/watch.ts'

/** What to explain, and for how long to watch. */
export interface ExplainOptions {
  /** Milliseconds to watch. Default: 5000. */
  readonly for?: number
  readonly query?: Query
  /** Ends it early; what was seen until then is judged. */
  readonly signal?: AbortSignal
  readonly source?: Source
}

/** The health of connections. */
export interface Explanation extends Judgement {
  readonly processes: ReadonlyMap<number, Process>
  /** The last snapshot. */
  readonly frame: Frame | undefined
}

/** The states of a connection in which data can move. */
const live: readonly State[] = ['SYN_SENT', 'ESTABLISHED', 'FIN_WAIT_1', 'FIN_WAIT_2', 'CLOSE_WAIT', 'LAST_ACK', 'CLOSING']

/** Watches TCP connections, and judges each over the whole time. */
export async function explain(options: ExplainOptions = {}): Promise<Explanation> {
  checkKeys('options', options, ['for', 'query', 'signal', 'source'] satisfies (keyof ExplainOptions)[])
  const { for: forMs = 5000, query, signal, source } = options
  checkMillis('for', forMs)
  if (query !== undefined) planQuery(query)
  const gathered = collector()
  const processes = new Map<number, Process>()
  let frame: Frame | undefined
  let atMs = 0
  const frames = watch({
    // Often enough to see whether a queue stays, seldom enough not to be seen itself.
    every: Math.max(forMs / 10, Math.min(forMs, 100)),
    query: { states: live, ...query, protocols: ['tcp'], details: ['tcp', 'memory'] },
    ...(signal !== undefined && { signal }),
    ...(source !== undefined && { source }),
  })
  for await (frame of frames) {
    atMs += frame.intervalMs ?? 0
    gathered.add(frame.sockets, atMs)
    for (const [pid, process] of frame.processes) processes.set(pid, process)
    if (atMs >= forMs * 0.99) break
  }
  return { ...gathered.judge(), processes, frame }
}
