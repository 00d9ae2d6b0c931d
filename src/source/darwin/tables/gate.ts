// macOS 27 gives a program without privilege its own sockets only, and no error: the size that it announces is still that of the whole table,
// and so is the count in its header. Here such a table is distinguished from a short one. Pure.

import type { Xinpgen } from '../kernel/structs.ts'

const MACOS_27 = 27

/** What there is to judge a table by. */
export interface TableEvidence {
  readonly header: Xinpgen
  /** The bytes that the kernel announced before it gave them; undefined where it is not known. */
  readonly announced: number | undefined
  /** The bytes of one socket in it. */
  readonly itemBytes: number
  /** How many sockets were in it, and how many of them are our own. */
  readonly rows: number
  readonly own: number
}

/** How many sockets a table most likely left out for lack of privilege; 0 when nothing points to it. */
export function hiddenBehindGate(evidence: TableEvidence, major: number | undefined, isRoot: boolean): number {
  const missing = expected(evidence) - evidence.rows
  if (missing <= 0) return 0
  const onlyOwn = evidence.own === evidence.rows
  const mostIsMissing = missing >= evidence.rows
  // Sockets that are closed while the kernel writes are missing as well, a few at a time, whoever owns them.
  const gated = major !== undefined && major >= MACOS_27 ? mostIsMissing || (onlyOwn && !isRoot) : mostIsMissing && onlyOwn && missing >= 8
  return gated ? missing : 0
}

/** The kernel announces room for an eighth more sockets than there are, and one. Each count is of another moment; the lower one is safer. */
function expected(evidence: TableEvidence): number {
  const { announced, itemBytes, header } = evidence
  if (announced === undefined || itemBytes <= 0) return header.xig_count
  const items = Math.max(0, Math.round((announced - 48) / itemBytes) - 1) // n + n / 8
  return Math.min(header.xig_count, Math.floor(items / 9) * 8 + (items % 9))
}
