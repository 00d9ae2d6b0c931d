// What can be done to processes and connections. Each is named by its whole identity, never only by a number that can be reused.

import { OsError } from '../../../model/errors.ts'
import type { Process } from '../../../model/process.ts'
import type { Socket } from '../../../model/socket.ts'
import type { Actions, HeldProcess } from '../../source.ts'
import { elevate } from '../kernel/codes.ts'
import type { Calls } from '../kernel/api.ts'
import { keyOf, startOf } from '../processes/facts.ts'
import { connectionRow, DELETE_TCB, readTable, trimTable, type Row, type TableKind } from '../decode/sockets.ts'

/** The actions of this machine. Windows has no signals: TERM and KILL end a process at once, as Node does it. */
export const actionsOf = (calls: Calls): Actions => ({
  hold: async process => hold(calls, process),
  close: async socket => closeConnection(calls, socket),
})

/** The open handle keeps the pid from being reused between the check and the end. */
function hold(calls: Calls, process: Process): HeldProcess {
  const handle = open(calls, process.pid)
  try {
    if (keyOf(process.pid, startOf(calls, handle).toString()) !== process.key || calls.hasEnded(handle)) throw gone()
  } catch (error) {
    calls.closeHandle(handle)
    throw error
  }
  return {
    async signal(signal) {
      if (signal !== 'TERM' && signal !== 'KILL')
        throw new OsError('signal', 'ENOTSUP', { help: `Windows has no signal ${signal}; KILL ends the process` })
      if (calls.hasEnded(handle)) throw gone()
      calls.terminateProcess(handle)
    },
    isRunning: async () => !calls.hasEnded(handle),
    release: () => calls.closeHandle(handle),
  }
}

const gone = (): OsError => new OsError('signal', 'ESRCH', { help: 'the process has ended' })

function open(calls: Calls, pid: number): number {
  try {
    return calls.openProcess(pid, calls.rights.terminate | calls.rights.query)
  } catch (error) {
    if (!(error instanceof OsError)) throw error
    if (error.code === 'ERROR_INVALID_PARAMETER') throw gone()
    if (error.code === 'ERROR_ACCESS_DENIED') throw new OsError('signal', 'EPERM', { cause: error, help: elevate })
    throw error
  }
}

function closeConnection(calls: Calls, socket: Socket): void {
  if (socket.protocol !== 'tcp' || socket.family !== 'ipv4' || socket.remote === undefined) {
    throw new OsError('SetTcpEntry', 'ENOTSUP', { help: 'Windows closes only TCP connections over IPv4; end the process instead' })
  }
  try {
    calls.setTcpEntry(connectionRow(findRow(calls, socket), DELETE_TCB))
  } catch (error) {
    // Without elevation Windows also answers 317 (ERROR_MR_MID_NOT_FOUND).
    const refused = error instanceof OsError && ['ERROR_ACCESS_DENIED', 'ERROR_MR_MID_NOT_FOUND'].includes(error.code)
    if (refused) throw new OsError('SetTcpEntry', 'EPERM', { cause: error, help: elevate })
    throw error
  }
}

/** The row of exactly this socket, as it is now. */
function findRow(calls: Calls, socket: Socket): Row {
  for (const rows of ['module', 'pid'] as const) {
    const kind: TableKind = { protocol: 'tcp', family: 'ipv4', rows }
    const found: Row[] = []
    try {
      readTable(trimTable(calls.table('tcp', 'ipv4', rows), kind), kind, found)
    } catch (error) {
      if (error instanceof OsError && rows === 'module') continue
      throw error
    }
    const row = found.find(r => r.draft.key === socket.key)
    if (row) return row
    break
  }
  throw new OsError('SetTcpEntry', 'ENOENT', { help: 'the connection is gone' })
}
