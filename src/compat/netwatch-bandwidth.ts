// Bandwidth by process, again and again, in the shape of the NetWatch wire format with every detail.

import { checkCount, checkKeys } from '../model/arguments.ts'
import { bandwidthOf, withDetails, type ProcessBandwidth } from './netwatch.ts'
import type { ProcessUse } from '../model/process.ts'
import { openLocal } from '../source/open.ts'
import { watch, type WatchOptions } from '../monitor/watch.ts'

/** How to watch bandwidth. */
export interface BandwidthOptions extends Omit<WatchOptions, 'flows'> {
  /** At most so many processes. Default: 25. */
  readonly max?: number
}

/** The processes that moved most in each interval, with what is known of them; never the words of a command line. */
export async function* processBandwidth(options: BandwidthOptions = {}): AsyncGenerator<ProcessBandwidth[], void, undefined> {
  checkKeys('options', options, ['max', 'every', 'query', 'signal', 'source'] satisfies (keyof BandwidthOptions)[])
  const { max = 25, ...rest } = options
  checkCount('max', max)
  const source = options.source ?? (await openLocal())
  try {
    let before: ReadonlyMap<number, ProcessUse> = new Map()
    for await (const frame of watch({ ...rest, source, flows: true })) {
      const now = (await source.use?.([...frame.processes.keys()])) ?? new Map<number, ProcessUse>()
      const { flows, processes, intervalMs: ms } = frame
      if (flows !== undefined && ms !== undefined) {
        // A process that has ended is known only to the flows.
        const ended = flows.processes.flatMap(flow => (flow.process ? [[flow.process.pid, flow.process] as const] : []))
        yield withDetails(bandwidthOf(flows, max), new Map([...ended, ...processes]), { before, now, ms })
      }
      before = now
    }
  } finally {
    if (options.source === undefined) source.close()
  }
}
