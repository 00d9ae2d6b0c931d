// Who holds each socket. Windows gives the pid with the row; here it gets its process, or the reason why it has none.

import { counted } from '../../../model/counted.ts'
import { OsError } from '../../../model/errors.ts'
import type { Gap } from '../../../model/gap.ts'
import { ProcessTable } from '../../../model/process.ts'
import { gapOf } from '../../gap.ts'
import { recordingLack, type Tape } from '../../tape.ts'
import type { Draft } from '../../draft.ts'
import type { Row } from '../decode/sockets.ts'
import type { Calls } from '../kernel/api.ts'
import { elevate } from '../kernel/codes.ts'
import { makeProcesses, type ProcessAnswer, type ProcessReader } from '../processes/processes.ts'
import { addModules } from './modules.ts'

/** The processes of the sockets. A socket whose process is gone loses it, with the reason. `calls` and `reader` are undefined when a tape is played. */
export async function addOwners(
  tape: Tape,
  calls: Calls | undefined,
  reader: ProcessReader | undefined,
  rows: readonly Row[],
  gaps: Gap[],
): Promise<ProcessTable> {
  const pids = new Set(rows.map(row => row.pid).filter(pid => pid !== 0))
  try {
    const answer = await tape.value<ProcessAnswer>('processes', () => reader!.read(pids))
    const processes = makeProcesses(answer)
    for (const row of rows) markExited(row, processes)
    await addModules(tape, calls, rows, processes)
    gaps.push(...processGaps(answer))
    return processes
  } catch (error) {
    if (!(error instanceof OsError)) throw error
    const text = `the processes could not be listed: ${error.message}`
    gaps.push({ ...gapOf('processes-unread', 'processes', 'kernel', text), ...recordingLack(error) })
    return new ProcessTable()
  }
}

/** A row can outlive its process: a handle was inherited, or the process ended during the snapshot. */
function markExited(row: Row, processes: ProcessTable): void {
  if (row.pid === 0 || processes.has(row.pid)) return
  row.draft.owners = []
  row.draft.ownerless = 'exited'
}

/** The owner comes with the row. Where it was not requested it is removed, so that a snapshot is the same on every system. */
export function removeOwners(draft: Draft): void {
  draft.owners = []
  draft.ownerless = undefined
}

function processGaps(answer: ProcessAnswer): Gap[] {
  const gaps: Gap[] = []
  const refused = answer.facts.filter(f => f.refused).length
  if (refused > 0) {
    const text = `only name and parent of ${counted(refused, 'process', 'processes')} can be read (protected, or of another user)`
    gaps.push(gapOf('processes-refused', 'processes', 'permission', text, { help: elevate, count: refused }))
  }
  if (answer.servicesError !== undefined) {
    const isRefused = answer.servicesCode === 'ERROR_ACCESS_DENIED'
    const text = `the services inside processes could not be read: ${answer.servicesError}`
    gaps.push(
      isRefused
        ? gapOf('services-refused', 'processes', 'permission', text, { help: elevate })
        : gapOf('services-unread', 'processes', 'kernel', text),
    )
  }
  return gaps
}
