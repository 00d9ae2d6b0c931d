// What can be done to processes and connections. macOS has no way to close a connection of another process: only its process can be ended.

import { viewOf } from '../../../bytes/text.ts'
import { OsError } from '../../../model/errors.ts'
import type { Process } from '../../../model/process.ts'
import type { Socket } from '../../../model/socket.ts'
import type { Actions, HeldProcess, Signal } from '../../source.ts'
import type { Tape } from '../../tape.ts'
import { SOCKINFO_TCP } from '../decode/held.ts'
import type { Calls } from '../kernel/calls.ts'
import { runAsRoot } from '../kernel/errno.ts'
import { socketsOf } from '../owners/holders.ts'
import { ProcessReader } from '../processes/processes.ts'
import { inSockinfo, socketFdinfo } from '../kernel/structs.ts'

const SHUT_RDWR = 2

/** bsd/sys/signal.h; these numbers are not those of Linux. */
const numbers: Readonly<Record<Signal, number>> = { HUP: 1, INT: 2, QUIT: 3, KILL: 9, TERM: 15, STOP: 17, CONT: 19, USR1: 30, USR2: 31 }

/** The actions of this machine. */
export const actionsOf = (tape: Tape, calls: Calls): Actions => ({
  hold: process => hold(tape, calls, process),
  shutdown: async socket => end(calls, socket),
})

/**
 * Holds exactly this process. macOS has no handle that would pin a process, so its identity, which is never reused, is read right
 * before each signal: what remains is the time between two calls.
 */
async function hold(tape: Tape, calls: Calls, process: Process): Promise<HeldProcess> {
  const isRunning = async (): Promise<boolean> => (await new ProcessReader(tape, calls).one(process.pid))?.key === process.key
  const send = async (number: number): Promise<void> => {
    if (!(await isRunning())) throw new OsError('signal', 'ESRCH', { help: 'the process has ended' })
    sendTo(calls, process.pid, number)
  }
  await send(0) // Only checks whether signals may be sent.
  return { signal: name => send(numbers[name]), isRunning, release() {} }
}

function sendTo(calls: Calls, pid: number, number: number): void {
  try {
    calls.kill(pid, number)
  } catch (error) {
    if (!(error instanceof OsError) || error.code !== 'EPERM') throw error
    throw new OsError('signal', 'EPERM', { help: runAsRoot, cause: error })
  }
}

/** Ends a connection of this program itself, found again by its count, which no other socket has. */
function end(calls: Calls, socket: Socket): void {
  const self = calls.ownPid()
  for (const fd of socketsOf(calls.pidList(self, 1))) {
    const info = socketFdinfo.read(viewOf(calls.fdInfo(self, fd, socketFdinfo.size)))
    if (info.soi_kind !== SOCKINFO_TCP) continue
    const { insi_gencnt: count } = inSockinfo.read(viewOf(info.soi_proto), 0, inSockinfo.size)
    if (socket.key === `tcp.${count}`) return calls.shutdown(fd, SHUT_RDWR)
  }
  if (socket.owners.some(o => o.pid === self)) throw new OsError('shutdown', 'ENOENT', { help: 'the connection is gone' })
  throw new OsError('shutdown', 'EPERM', { help: 'macOS lets a program end only its own connections; end the process instead' })
}
