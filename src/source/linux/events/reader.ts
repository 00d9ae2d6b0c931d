// What every way of reading events on Linux gives to its source, beside what a monitor reads.

import type { EventGap } from '../../../model/event.ts'
import type { EventReader } from '../../source.ts'
import type { Draft } from '../decode/draft.ts'
import { gapOf } from '../../gap.ts'

/** An event reader of Linux. */
export interface LinuxEventReader extends EventReader {
  /** Puts what was counted into the sockets of a snapshot that is being made. */
  complete?(sockets: readonly Draft[]): void
  /** Called after each snapshot: finds the ends that nothing reports. */
  observe?(): Promise<void>
}

/** A gap among events. */
export const eventGap = (...parts: Parameters<typeof gapOf>): EventGap => ({ type: 'gap', atMs: Date.now(), gap: gapOf(...parts) })

/** What would help where something is not counted. */
export const lacksHelp = 'Linux 6.3 or newer counts them'
