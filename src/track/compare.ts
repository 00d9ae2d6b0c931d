// What differs between two snapshots.

import { aSocket, checkEach } from '../model/arguments.ts'
import type { Change, StateChange } from '../model/frame.ts'
import type { Socket } from '../model/socket.ts'

/** Compares the sockets of two snapshots by their keys: what opened, what closed, and whose state changed. */
export function compareSockets(before: readonly Socket[], after: readonly Socket[]): Change {
  checkEach('before', before, aSocket)
  checkEach('after', after, aSocket)
  const opened: Socket[] = []
  const moved: StateChange[] = []
  const note = (was: Socket, socket: Socket): void => {
    if (was.state !== socket.state) moved.push({ socket, from: was.state })
  }
  // Most of many thousand sockets are where they were: only the part between the common start and the common end is searched.
  const min = Math.min(before.length, after.length)
  let start = 0
  while (start < min && before[start]!.key === after[start]!.key) start++
  let same = 0
  while (same < min - start && before[before.length - 1 - same]!.key === after[after.length - 1 - same]!.key) same++
  const old = new Map<string, Socket>()
  for (let i = start; i < before.length - same; i++) old.set(before[i]!.key, before[i]!)
  for (let i = 0; i < after.length; i++) {
    const socket = after[i]!
    if (i < start) note(before[i]!, socket)
    else if (i >= after.length - same) note(before[i - after.length + before.length]!, socket)
    else {
      const was = old.get(socket.key)
      if (was === undefined) opened.push(socket)
      else note(was, socket)
      old.delete(socket.key)
    }
  }
  return { opened, closed: [...old.values()], changed: moved }
}
