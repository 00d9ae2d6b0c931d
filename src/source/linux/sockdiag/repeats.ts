// Takes out sockets that a dump holds twice: the kernel walks its table while connections are made, and goes on from a place by counting. Pure.

import type { Draft } from '../decode/draft.ts'

/** How many neighbours a new connection can push into the next answer; more in one bucket at one moment are not expected. */
const reach = 8

/**
 * The sockets of a dump, each once, as it was last. `starts` says where each answer begins. A socket can come twice in two ways: as a listener or bound socket
 * and, when it has gone on, as a connection; and as the last of one answer and the first of the next.
 */
export function withoutRepeats(sockets: readonly Draft[], starts: readonly number[]): readonly Draft[] {
  if (sockets[0]?.protocol === 'sctp') return sockets // A socket and its associations have one cookie and one inode.
  const gone = new Set<number>()
  for (const start of starts) {
    const before = new Map<string, number>()
    for (let i = Math.max(0, start - reach); i < start; i++) before.set(sockets[i]!.key, i)
    for (let i = start; i < Math.min(sockets.length, start + reach); i++) {
      const was = before.get(sockets[i]!.key)
      if (was !== undefined) gone.add(was)
    }
  }
  // By inode, which both have, and which is found faster than a key.
  const idle = new Map<number, number>()
  for (let i = 0; i < sockets.length; i++) {
    const { state, inode } = sockets[i]!
    if (inode === undefined) continue
    if (state === 'LISTEN' || state === 'BOUND') idle.set(inode, i)
    else if (idle.size > 0) {
      const was = idle.get(inode)
      if (was !== undefined) gone.add(was)
    }
  }
  return gone.size === 0 ? sockets : sockets.filter((_, i) => !gone.has(i))
}
