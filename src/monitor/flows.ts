// What a frame says of bytes: flows from snapshots and events, the interfaces, and the ledger.

import { OsError } from '../model/errors.ts'
import type { EventGap, SocketEvent } from '../model/event.ts'
import type { Frame } from '../model/frame.ts'
import type { Gap } from '../model/gap.ts'
import type { Interface } from '../model/interface.ts'
import type { Snapshot } from '../model/snapshot.ts'
import { planQuery, type Query } from '../filter/plan.ts'
import { flowMeter } from '../measure/flows/meter.ts'
import { between, interfaceMeter } from '../measure/interfaces.ts'
import { joiner } from '../track/join.ts'
import { ledger } from '../measure/ledger.ts'
import type { Source } from '../source/source.ts'
import { openTap } from './tap.ts'

/** Follows bytes from frame to frame. */
export interface FlowWatch {
  /** What to ask for in each snapshot. */
  readonly query: Query
  /** Comes when it is time for the first snapshot. */
  readonly ready: Promise<void>
  /** Is called right before each snapshot, as `take` is right after it: the interfaces are read on both sides of it. */
  before(): Promise<void>
  take(snapshot: Snapshot, intervalMs: number | undefined): Promise<Pick<Frame, 'flows' | 'interfaces' | 'ledger' | 'gaps'>>
  stop(): Promise<void>
}

/** Starts to follow. */
export function followFlows(source: Source, asked: Query = {}): FlowWatch {
  const query: Query = { ...asked, details: [...new Set([...(asked.details ?? []), 'bytes' as const])] }
  const tap = openTap(source, asked)
  const { states: _any, ...anyState } = asked // A socket that closed is in no state that could be asked for.
  const { test } = planQuery(anyState)
  const join = joiner()
  const meter = flowMeter()
  const wires = interfaceMeter()
  const gaps = new Map<string, Gap>()
  let first: readonly Interface[] | undefined
  /** What happened after the last snapshot: it belongs to the next interval. */
  const later: SocketEvent[] = []
  /** Of the snapshot before. */
  let unsure: { readonly bytes: number } | undefined
  return {
    query,
    ready: tap.ready,
    async before() {
      // A recording has one reading for each snapshot.
      first = source.replay ? undefined : await readInterfaces(source, gaps)
    },
    async take(snapshot, intervalMs) {
      const untilMs = Date.now()
      // Read at once: whatever goes through meanwhile is what the ledger is unsure of.
      const last = await readInterfaces(source, gaps)
      await tap.catchUp()
      join.addSnapshot(snapshot, tap.tells)
      const told: SocketEvent[] = []
      let lost = false
      const hear = (event: SocketEvent): void => {
        const known = join.addEvent(event)
        if (known?.type === 'closed' && test(known.socket, new Map(known.processes.map(p => [p.pid, p])))) told.push(known)
      }
      for (const event of later.splice(0)) hear(event)
      for (const event of tap.take()) {
        if (event.type === 'gap') {
          note(gaps, event)
          lost ||= event.gap.why === 'lost'
        } else if (event.atMs > untilMs) later.push(event)
        else hear(event)
      }
      const flows = meter.take(snapshot, told, intervalMs, lost)
      const now = first && between(first, last)
      const unsureBytes = now && unsure && now.unsureBytes + unsure.bytes
      unsure = now && { bytes: now.unsureBytes }
      const interfaces = wires.take(now?.interfaces ?? last, intervalMs)
      return {
        flows,
        interfaces,
        ledger: flows && ledger(flows, interfaces, unsureBytes),
        gaps: gaps.size === 0 ? snapshot.gaps : [...snapshot.gaps, ...gaps.values()],
      }
    },
    stop: () => tap.stop(),
  }
}

/** Gaps stay in every frame from then on; what was lost adds up. */
function note(gaps: Map<string, Gap>, { gap }: EventGap): void {
  const key = gap.count === undefined ? gap.text : gap.text.replace(String(gap.count), '#')
  const was = gaps.get(key)
  if (was === undefined || gap.count === undefined) gaps.set(key, gap)
  else {
    const count = (was.count ?? 0) + gap.count
    gaps.set(key, { ...gap, count, text: gap.text.replace(String(gap.count), String(count)) })
  }
}

async function readInterfaces(source: Source, gaps: Map<string, Gap>): Promise<readonly Interface[]> {
  try {
    return await source.interfaces()
  } catch (error) {
    if (!(error instanceof OsError)) throw error
    gaps.set('interfaces', { what: 'interfaces', why: 'kernel', text: error.message, help: '', count: undefined })
    return []
  }
}
