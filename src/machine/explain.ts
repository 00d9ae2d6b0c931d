// Watches connections for a while, and judges how healthy each is.

import { changePlan, type Query } from '../filter/plan.ts'
import { collector, type Judgement } from '../measure/health/collect.ts'
import { checkMillis } from '../model/arguments.ts'
import type { Frame } from '../model/frame.ts'
import { ProcessTable } from '../model/process.ts'
import type { State } from '../model/socket.ts'
import type { AbortSignalLike } from '../model/signal.ts'
import type { Monitor } from '../monitor/monitor.ts'
import { checkSignal, splitOptions } from './options.ts'

/** What to explain, and how long to watch. */
export interface ExplainOptions extends Query {
  /** Milliseconds to watch. Default: 5000. */
  readonly for?: number | undefined
  /** Ends it early; what was seen until then is judged. */
  readonly signal?: AbortSignalLike | undefined
}

/** The health of connections. */
export interface Explanation extends Judgement {
  /** The processes of the connections, also of those that closed. */
  readonly processes: ProcessTable
  /** The last snapshot. */
  readonly frame: Frame | undefined
}

/** The states of a connection in which data can move. */
const live: readonly State[] = ['SYN_SENT', 'ESTABLISHED', 'FIN_WAIT_1', 'FIN_WAIT_2', 'CLOSE_WAIT', 'LAST_ACK', 'CLOSING']

/** What to watch, and for how long, checked: frames of a machine answer it. */
export function explainRequest(options: ExplainOptions = {}): (monitor: Pick<Monitor, 'frames'>) => Promise<Explanation> {
  const { plan, rest } = splitOptions(options, ['for', 'signal'])
  const { for: forMs = 5000, signal } = rest
  checkMillis('for', forMs)
  checkSignal(signal)
  // Often enough to see whether a queue persists, seldom enough not to load the machine.
  const every = Math.max(forMs / 10, Math.min(forMs, 100))
  const watched = changePlan(plan, { states: plan.states ?? live, protocols: ['tcp'], details: ['tcp', 'memory'] })
  return async monitor => judged(monitor.frames({ query: watched, every, signal }), forMs)
}

async function judged(frames: AsyncIterable<Frame>, forMs: number): Promise<Explanation> {
  const gathered = collector()
  const processes = new ProcessTable()
  let frame: Frame | undefined
  let atMs = 0
  for await (const next of frames) {
    frame = next
    atMs += next.intervalMs ?? 0
    gathered.add(next.sockets, atMs)
    for (const [pid, process] of next.processes) processes.set(pid, process)
    if (atMs >= forMs * 0.99) break
  }
  return { ...gathered.judge(), processes, frame }
}
