// What happened between two looks.

import type { Change, Moved } from '../model/frame.ts'
import type { Socket } from '../model/socket.ts'

/** Compares two looks by the keys of their sockets. */
export function change(before: readonly Socket[], after: readonly Socket[]): Change {
  const old = new Map(before.map(s => [s.key, s]))
  const opened: Socket[] = []
  const moved: Moved[] = []
  for (const socket of after) {
    const was = old.get(socket.key)
    if (was === undefined) opened.push(socket)
    else if (was.state !== socket.state) moved.push({ socket, from: was.state })
    old.delete(socket.key)
  }
  return { opened, closed: [...old.values()], moved }
}
