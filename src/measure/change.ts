// What happened between two looks.

import { aSocket, checkEach } from '../model/arguments.ts'
import type { Change, Moved } from '../model/frame.ts'
import type { Socket } from '../model/socket.ts'

/** Compares two looks by the keys of their sockets. */
export function change(before: readonly Socket[], after: readonly Socket[]): Change {
  checkEach('before', before, aSocket)
  checkEach('after', after, aSocket)
  const opened: Socket[] = []
  const moved: Moved[] = []
  const compare = (was: Socket, socket: Socket): void => {
    if (was.state !== socket.state) moved.push({ socket, from: was.state })
  }
  // Most of many thousand sockets are where they were: only what lies between the same start and the same end is searched.
  const least = Math.min(before.length, after.length)
  let start = 0
  while (start < least && before[start]!.key === after[start]!.key) start++
  let same = 0
  while (same < least - start && before[before.length - 1 - same]!.key === after[after.length - 1 - same]!.key) same++
  const old = new Map<string, Socket>()
  for (let i = start; i < before.length - same; i++) old.set(before[i]!.key, before[i]!)
  for (const [i, socket] of after.entries()) {
    if (i < start) compare(before[i]!, socket)
    else if (i >= after.length - same) compare(before[i - after.length + before.length]!, socket)
    else {
      const was = old.get(socket.key)
      if (was === undefined) opened.push(socket)
      else compare(was, socket)
      old.delete(socket.key)
    }
  }
  return { opened, closed: [...old.values()], moved }
}
