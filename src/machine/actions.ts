// Actions on sockets and processes: checked at the call, carried out by a source.

import { aFullSocket, aProcess, checkIs } from '../model/arguments.ts'
import { ArgumentError, OsError } from '../model/errors.ts'
import type { Process } from '../model/process.ts'
import type { Socket } from '../model/socket.ts'
import { signals, type Actions, type Signal, type Source } from '../source/source.ts'

/** A checked action, which a source carries out. */
export type Action = (source: Source) => Promise<void>

/** Closes or shuts down one connection. */
export function socketAction(name: 'close' | 'shutdown', socket: Socket): Action {
  checkIs('socket', socket, aFullSocket)
  return async source => actionOf(source, name)(socket)
}

/** Sends a signal to exactly one process. */
export function signalAction(process: Process, signal: Signal): Action {
  checkIs('process', process, aProcess)
  if (!(Number.isSafeInteger(process.pid) && process.pid > 0)) throw new ArgumentError('process: needs a process with a pid above 0')
  if (!signals.includes(signal)) throw new ArgumentError(`signal: ${JSON.stringify(signal)} is not one of ${signals.join(', ')}`)
  return async source => {
    const held = await actionOf(source, 'hold')(process)
    try {
      await held.signal(signal)
    } finally {
      held.release()
    }
  }
}

function actionOf<K extends keyof Actions>(source: Source, name: K): NonNullable<Actions[K]> {
  const found = source.actions?.[name]
  if (found === undefined) throw new OsError(name, 'ENOTSUP', { help: `${source.name} has no such action` })
  return found.bind(source.actions) as NonNullable<Actions[K]>
}
