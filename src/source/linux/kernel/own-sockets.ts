// The netlink sockets that sockscope itself opens: they are not part of what it shows.

import { fstatSync } from 'node:fs'

const maxOwn = 1024

/**
 * The netlink sockets that sockscope opened for its own requests, by inode. Each is in the table of netlink sockets while it lists
 * that, and is left out of the snapshot. The oldest are forgotten, since the kernel counts inodes on.
 */
export class OwnSockets {
  readonly #inodes = new Set<number>()

  /** Adds an open socket. */
  add(fd: number): void {
    this.#inodes.add(fstatSync(fd).ino % 2 ** 32)
    if (this.#inodes.size > maxOwn) this.#inodes.delete(this.#inodes.values().next().value!)
  }

  /** Their inodes. */
  list(): number[] {
    return [...this.#inodes]
  }
}
