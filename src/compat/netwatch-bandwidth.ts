// Bandwidth by process, again and again, in the shape of the NetWatch wire format with every detail.

import type { Query } from '../filter/plan.ts'
import { checkCount } from '../model/arguments.ts'
import type { Frame } from '../model/frame.ts'
import { ProcessTable, type ProcessUse } from '../model/process.ts'
import type { AbortSignalLike } from '../model/signal.ts'
import { thisMachine } from '../machine/open.ts'
import { checkEvery, checkSignal, splitOptions } from '../machine/options.ts'
import { bandwidthOf, withDetails, type ProcessBandwidth } from './netwatch.ts'

/** Which sockets count, how often, and how many processes are given. */
export interface BandwidthOptions extends Query {
  /** At most so many processes. Default: 25. */
  readonly max?: number | undefined
  /** Milliseconds from one measurement to the next. Default: 1000. */
  readonly every?: number | undefined
  /** Ends the measurements. */
  readonly signal?: AbortSignalLike | undefined
}

/** The processes that moved most in each interval, with what is known of them; never the words of a command line. */
export function processBandwidth(options: BandwidthOptions = {}): AsyncGenerator<ProcessBandwidth[], void, undefined> {
  const { plan, rest } = splitOptions(options, ['max', 'every', 'signal'])
  const { max = 25, every, signal } = rest
  checkCount('max', max)
  checkEvery(every)
  checkSignal(signal)
  return thisMachine.iterate(machine =>
    bandwidthOfFrames(machine.monitor(plan).frames({ query: plan, every, signal, flows: true, use: true }), max),
  )
}

/** The same of frames that have flows and the use of processes. */
export async function* bandwidthOfFrames(frames: AsyncIterable<Frame>, max: number): AsyncGenerator<ProcessBandwidth[], void, undefined> {
  let before: ReadonlyMap<number, ProcessUse> = new Map()
  for await (const { flows, processes, intervalMs: ms, use = [] } of frames) {
    const pids = new Map([...processes.values()].map(process => [process.key, process.pid]))
    const now = new Map(use.flatMap(one => (pids.has(one.key) ? [[pids.get(one.key)!, one] as const] : [])))
    if (flows !== undefined && ms !== undefined) {
      // A process that has ended is known only to the flows.
      const ended = flows.processes.flatMap(flow => (flow.process ? [[flow.process.pid, flow.process] as const] : []))
      yield withDetails(bandwidthOf(flows, max), new ProcessTable([...ended, ...processes]), { before, now, ms })
    }
    before = now
  }
}
