// What can be done to a socket or a process of this machine, for those who want just that.

import { aProcess, aFullSocket, aSource, checkIs } from '../model/arguments.ts'
import { OsError } from '../model/errors.ts'
import type { Process } from '../model/process.ts'
import type { Socket } from '../model/socket.ts'
import { signals, type Actions, type Signal, type Source } from '../source/source.ts'
import { machine } from './sockets.ts'

/** Resets one connection at once, by its exact identity: both ends see an error. `ENOENT` when it is gone. */
export async function closeSocket(socket: Socket, source?: Source): Promise<void> {
  checkIs('socket', socket, aFullSocket)
  await (
    await action('close', source)
  )(socket)
}

/** Ends one connection in order, as its own process would: what was sent is delivered first. `ENOENT` when it is gone. */
export async function shutdownSocket(socket: Socket, source?: Source): Promise<void> {
  checkIs('socket', socket, aFullSocket)
  await (
    await action('shutdown', source)
  )(socket)
}

/** Sends a signal to exactly this process, never to another that got its pid. `ESRCH` when it has ended. */
export async function signalProcess(process: Process, signal: Signal = 'TERM', source?: Source): Promise<void> {
  checkIs('process', process, aProcess)
  if (!(Number.isSafeInteger(process.pid) && process.pid > 0)) throw new TypeError('process: needs a process with a pid above 0')
  if (!signals.includes(signal)) throw new TypeError(`signal: ${JSON.stringify(signal)} is none of ${signals.join(', ')}`)
  await (
    await action('signal', source)
  )(process, signal)
}

async function action<K extends keyof Actions>(name: K, given: Source | undefined): Promise<NonNullable<Actions[K]>> {
  if (given !== undefined) checkIs('source', given, aSource)
  const source = given ?? (await machine())
  const found = source.actions?.[name]
  if (found === undefined) throw new OsError(name, 'ENOTSUP', { help: `${source.name} has no such action` })
  return found as NonNullable<Actions[K]>
}
