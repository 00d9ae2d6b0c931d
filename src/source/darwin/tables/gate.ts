// macOS 27 shows a program without privilege its own sockets only, and says nothing of it: the size that it announces is still that of the
// whole table, and so is the count in its header. This file tells such a table from a short one. Pure.

import type { Xinpgen } from '../kernel/structs.ts'

const MACOS_27 = 27

/** What is known of one table. */
export interface Seen {
  readonly header: Xinpgen
  /** The bytes that the kernel announced before it gave them; undefined where it is not known. */
  readonly announced: number | undefined
  /** The bytes of one socket in it. */
  readonly itemBytes: number
  /** How many sockets were in it, and how many of them are our own. */
  readonly rows: number
  readonly own: number
}

/** How many sockets a table most likely left out for want of privilege; 0 when nothing points to it. */
export function hiddenBehindGate(seen: Seen, major: number | undefined, isRoot: boolean): number {
  const missing = expected(seen) - seen.rows
  if (missing <= 0) return 0
  const onlyOwn = seen.own === seen.rows
  const max = missing >= seen.rows
  // Sockets that die while the kernel writes are missing as well, a few at a time, whoever they belong to.
  const gated = major !== undefined && major >= MACOS_27 ? max || (onlyOwn && !isRoot) : max && onlyOwn && missing >= 8
  return gated ? missing : 0
}

/** The kernel announces room for an eighth more sockets than there are, and one. Both counts are of a moment each; the lower is the surer. */
function expected(seen: Seen): number {
  const { announced, itemBytes, header } = seen
  if (announced === undefined || itemBytes <= 0) return header.xig_count
  const items = Math.max(0, Math.round((announced - 48) / itemBytes) - 1) // n + n / 8
  return Math.min(header.xig_count, Math.floor(items / 9) * 8 + (items % 9))
}
