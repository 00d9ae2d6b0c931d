// Holds a process by a pidfd. Numbers are used again by the kernel, so a process is opened first, and then everything is verified that it was selected for.

import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { restOfLine } from '../../../bytes/text.ts'
import { OsError } from '../../../model/errors.ts'
import type { Process } from '../../../model/process.ts'
import type { Socket } from '../../../model/socket.ts'
import type { HeldProcess, HoldCondition } from '../../source.ts'
import { codeOf } from '../../attempt.ts'
import type * as calls from '../kernel/calls.ts'
import { asSystemCall } from '../kernel/files.ts'
import type { ProcFs } from '../kernel/proc-fs.ts'
import { holdsSocket } from '../owners/holds-socket.ts'
import { foreignProc } from '../owners/ownerless.ts'
import { processKey, readStat, type Stat } from '../processes/proc-stat.ts'

type HoldCalls = Pick<typeof calls, 'openPid' | 'sendSignal' | 'closeFd'>

/** Holds the process that was seen, while it may be signalled and the condition holds. */
export async function holdProcess(call: HoldCalls, proc: ProcFs, process: Process, condition: HoldCondition = {}): Promise<HeldProcess> {
  // The kernel takes pids of our pid namespace, and the process was seen in /proc.
  if (proc.isForeign()) throw new OsError('pidfd_open', 'ENOTSUP', { help: `${foreignProc.text}; ${foreignProc.help}` })
  const held = call.openPid(process.pid)
  try {
    const stat = statOf(proc, process.pid)
    if (stat === undefined || processKey(stat) !== process.key) throw ended(process)
    await checkCondition(proc, process, stat, condition)
    call.sendSignal(held, 0) // Only checks whether signals may be sent.
    // What was read above is of the held process only if the pid is still its own: it cannot have been another one's in between.
    if (pidOf(proc, held) !== process.pid) throw ended(process)
  } catch (error) {
    call.closeFd(held)
    throw error
  }
  return {
    async signal(name) {
      call.sendSignal(held, constants.signals[`SIG${name}`])
    },
    async isRunning() {
      const stat = statOf(proc, process.pid)
      return stat !== undefined && !stat.isZombie && pidOf(proc, held) === process.pid
    },
    release: () => call.closeFd(held),
  }
}

const ended = ({ pid }: Process): OsError =>
  new OsError('pidfd_send_signal', 'ESRCH', { help: `process ${pid} is not the one that was seen: it has ended` })

async function checkCondition(proc: ProcFs, { pid }: Process, stat: Stat, { sockets, parentPid }: HoldCondition): Promise<void> {
  if (sockets !== undefined && !(await holdsOne(proc, pid, sockets)))
    throw new OsError('pidfd_send_signal', 'ESTALE', { help: `process ${pid} no longer holds the socket that it was selected for` })
  if (parentPid !== undefined && parentPid !== stat.parentPid)
    throw new OsError('pidfd_send_signal', 'ESTALE', { help: `process ${pid} is no longer the child of ${parentPid}` })
}

async function holdsOne(proc: ProcFs, pid: number, sockets: readonly Socket[]): Promise<boolean> {
  for (const { owners, inode } of sockets)
    for (const owner of owners) if (owner.pid === pid && inode !== undefined && (await holdsSocket(proc, owner, inode))) return true
  return false
}

function statOf(proc: ProcFs, pid: number): Stat | undefined {
  const file = proc.path(`${pid}/stat`)
  try {
    return readStat(asSystemCall(`open(${file})`, () => readFileSync(file, 'latin1')))
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ESRCH') throw error
    return undefined
  }
}

/** The pid of a held process in /proc: -1 when it has ended, 0 when it is outside of the pid namespace of /proc. */
function pidOf(proc: ProcFs, held: number): number {
  const file = proc.path(`self/fdinfo/${held}`)
  return Number(
    restOfLine(
      asSystemCall(`open(${file})`, () => readFileSync(file, 'latin1')),
      'Pid:\t',
    ),
  )
}
