// Whether a process still holds a socket in the way in which it was found: by a descriptor of its own, or of one of its threads, or by an io_uring.

import type { Owner } from '../../../model/socket.ts'
import { attempt } from '../../attempt.ts'
import { linkInode, type ProcFs } from '../kernel/proc-fs.ts'
import { isInRing } from './indirect-holders.ts'

/** Whether the owner is still one of the socket with this inode. */
export async function holdsSocket(proc: ProcFs, { pid, fd }: Owner, inode: number): Promise<boolean> {
  if (fd === undefined) return isInRing(proc, pid, inode)
  const isSocket = (folder: string): boolean => {
    const found = linkInode(proc.link(`${folder}/fd/${fd}`), 'socket')
    return found !== undefined && found % 2 ** 32 === inode % 2 ** 32
  }
  // A thread can have descriptors of its own, and outlive the first one.
  const threads = (): readonly string[] => attempt(() => [...proc.entries(`${pid}/task`)]) ?? []
  return isSocket(`${pid}`) || threads().some(thread => isSocket(`${pid}/task/${thread}`))
}
