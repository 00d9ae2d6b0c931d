// Who moved how many bytes between two snapshots, for callers who take their snapshots themselves.

import type { Accuracy } from '../model/accuracy.ts'
import { aSnapshot, checkEach, checkIs, checkKind } from '../model/arguments.ts'
import type { SocketEvent } from '../model/event.ts'
import type { Flows } from '../model/flow.ts'
import type { Snapshot } from '../model/snapshot.ts'
import { protocols } from '../model/socket.ts'
import { flowTables } from '../measure/flows/tables.ts'
import { Tracker } from './tracker.ts'

/** The end of a socket may be passed with a snapshot that is so many later than the first that misses it. */
const lateSnapshots = 3

/** Follows bytes from snapshot to snapshot. */
export interface FlowMeter {
  /**
   * Takes the next snapshot, and what closed since the one before. The first one only marks where counting starts. From one with
   * `lost` (events were lost) on, only the bytes of single sockets are called exact.
   */
  take(snapshot: Snapshot, closed: readonly SocketEvent[], intervalMs: number | undefined, lost?: boolean): Flows | undefined
}

/** Starts counting. */
export function flowMeter(): FlowMeter {
  const tracker = new Tracker()
  // The caller may pass ends late: a socket that is missing waits for its own.
  tracker.configure({ reported: { opens: [], ends: protocols, everyEnd: [] }, bytes: true })
  const tables = flowTables(tracker.processOf)
  let step = 0
  let sums: Accuracy = 'exact'
  let dropped: readonly string[] = []
  return {
    take(snapshot, closed, intervalMs, lost = false) {
      checkIs('snapshot', snapshot, aSnapshot)
      checkEach('closed', closed, { what: 'an event that a socket closed', fields: { socket: 'object' } })
      if (intervalMs !== undefined) checkKind('intervalMs', intervalMs, 'number')
      checkKind('lost', lost, 'boolean')
      for (const key of dropped) tables.drop(key)
      dropped = []
      step++
      if (lost) sums = 'sampled'
      for (const event of closed) {
        if (event.type !== 'closed') continue
        const { socket, atMs, inBytes, outBytes, accuracy, processes, tier = 'snapshot' } = event
        tracker.report({ type: 'closed', key: socket.key, socket, atMs, inBytes, outBytes, accuracy, processes, tier })
      }
      // Ends may be passed some snapshots late: these are counted, because the caller's events and snapshots need not be of one clock.
      const untilMs = step * 1000
      const moment = { untilMs, clockMs: untilMs, readUntilMs: untilMs - lateSnapshots * 1000, countsFromMs: -Infinity }
      const { tracked, moved, ended } = tracker.addSnapshot(snapshot, moment)
      for (const one of tracked) tables.present(one.record, one.isCounted)
      // A byte counts once: the subflows of MPTCP sockets have it.
      const hasSubflows = snapshot.sockets.some(({ protocol }) => protocol === 'tcp')
      for (const one of moved) if (one.socket.protocol !== 'mptcp' || !hasSubflows) tables.move(step, one)
      tables.settle(step)
      dropped = ended
      return intervalMs === undefined ? undefined : tables.list(step, intervalMs, { sums, calls: 'exact' })
    },
  }
}
