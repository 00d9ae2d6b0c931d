// Which part of a process opened a socket: in a process with services, the service.

import { viewOf } from '../../../bytes/text.ts'
import type { ProcessTable } from '../../../model/process.ts'
import type { Tape } from '../../tape.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import type { Calls } from '../kernel/api.ts'
import type { Row } from '../decode/sockets.ts'
import { ownerModule } from '../kernel/structs.ts'
import { pointedText } from '../kernel/text.ts'
import { readable } from '../processes/facts.ts'

/** Adds the module to the sockets of processes that run services; for others it is the process itself. */
export async function addModules(tape: Tape, calls: Calls | undefined, rows: readonly Row[], processes: ProcessTable): Promise<void> {
  const requested = rows.filter(row => row.kind.rows === 'module' && processes.get(row.pid)?.unit !== undefined)
  if (requested.length === 0) return
  const names = await tape.value<readonly (string | undefined)[]>('modules', () => readModules(calls!, requested))
  for (const [i, row] of requested.entries()) {
    const module = names[i]
    if (module) row.draft.detail = { ...row.draft.detail, fields: { ...row.draft.detail?.fields, module } }
  }
}

async function readModules(calls: Calls, rows: readonly Row[]): Promise<(string | undefined)[]> {
  const names: (string | undefined)[] = []
  for (const row of rows) {
    names.push(readModule(calls, row))
    await yieldToEventLoop()
  }
  return names
}

/** The name of the module; undefined when the socket is gone or Windows does not report it. */
function readModule(calls: Calls, row: Row): string | undefined {
  return readable(() => {
    const answer = calls.ownerModule(row.kind.protocol, row.kind.family, row.bytes)
    return pointedText(answer, ownerModule.read(viewOf(answer.bytes)).pModuleName)
  })
}
