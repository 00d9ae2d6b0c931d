// The keys of sockets over time. Pure.

import type { Draft } from '../../draft.ts'

/**
 * Gives the sockets of one snapshot their final keys. A connection in TIME_WAIT has lost its owner and the time of its start, so it takes its key
 * from the snapshot before; and two sockets that share an address in one process (SO_REUSEADDR) are numbered where the table does not
 * distinguish them.
 */
export class KeySettler {
  /** The keys of connections, by both ends: what the next snapshot needs. */
  readonly connections = new Map<string, string>()
  readonly #before: ReadonlyMap<string, string>
  readonly #counts = new Map<string, number>()

  /** `before` are the connections of the snapshot before. */
  constructor(before: ReadonlyMap<string, string> = new Map()) {
    this.#before = before
  }

  /** `tuple` names the socket as long as it lives: both ends. */
  settle({ draft, tuple }: { readonly draft: Draft; readonly tuple: string }): void {
    if (draft.owners.length === 0) draft.key = this.#before.get(tuple) ?? draft.key
    const count = (this.#counts.get(draft.key) ?? 0) + 1
    this.#counts.set(draft.key, count)
    if (draft.remote !== undefined) this.connections.set(tuple, draft.key)
    if (count > 1) draft.key += ` #${count}`
  }
}
