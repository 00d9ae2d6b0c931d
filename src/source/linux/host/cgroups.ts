// The paths of cgroups, which the kernel's tables leave out: they have ids only. The id of a cgroup is the inode of its folder.

import { readdirSync, statSync } from 'node:fs'
import type { Cgroup } from '../../../model/socket.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import type { Tape } from '../../tape.ts'
import { readText, unescapeOctal } from '../kernel/files.ts'

const maxCgroups = 20_000
const ROOT = 1

/** A cgroup whose path is being searched for. Its sockets share it, and get the path before anybody sees them. */
type CgroupDraft = { -readonly [K in keyof Cgroup]: Cgroup[K] }

/** The cgroups of a source, by id. Ids are never used again, so what was found stays true. */
export class CgroupTable {
  readonly #tape: Tape
  #known = new Map<number, CgroupDraft>()
  #unresolved: CgroupDraft[] = []
  #last: CgroupDraft | undefined
  /** The search that runs now. */
  #resolving: Promise<unknown> = Promise.resolve()

  /** Starts empty. */
  constructor(tape: Tape) {
    this.#tape = tape
  }

  /** The cgroup of an id, the same object each time. */
  readonly of = (id: number): Cgroup => {
    if (this.#last?.id === id) return this.#last
    let found = this.#known.get(id)
    if (found === undefined) {
      if (this.#known.size >= maxCgroups) this.#known = new Map()
      found = { id, path: id === ROOT ? '/' : undefined }
      this.#known.set(id, found)
      if (found.path === undefined) this.#unresolved.push(found)
    }
    return (this.#last = found)
  }

  /**
   * Finds the paths of those that were asked for and have none yet. A snapshot waits for it before it is given out: after that its cgroups do not change, so this
   * also waits for a search that another snapshot has begun.
   */
  async resolve(): Promise<void> {
    this.#resolving = this.#resolving.then(async () => this.#findPaths())
    await this.#resolving
  }

  async #findPaths(): Promise<void> {
    const requested = this.#unresolved
    if (requested.length === 0) return
    this.#unresolved = []
    const ids = requested.map(cgroup => cgroup.id)
    const paths = await this.#tape.value('cgroup paths', () => cgroupPaths(ids)).catch(() => [])
    for (const [i, cgroup] of requested.entries()) cgroup.path = paths[i] ?? undefined
  }
}

/** The paths of cgroups by id, in the same order; null for those that are not there. */
export async function cgroupPaths(ids: readonly number[], mounts = '/proc/self/mounts'): Promise<(string | null)[]> {
  const found = new Map<number, string>()
  const root = cgroupRoot(mounts)
  const requested = new Set(ids)
  const waiting = root === undefined ? [] : [root]
  for (let seen = 0; waiting.length > 0 && found.size < requested.size && seen < maxCgroups; seen++) {
    const folder = waiting.shift()!
    await yieldToEventLoop()
    try {
      const { ino } = statSync(folder)
      if (requested.has(ino)) found.set(ino, folder.slice(root!.length) || '/')
      for (const entry of readdirSync(folder, { withFileTypes: true })) if (entry.isDirectory()) waiting.push(`${folder}/${entry.name}`)
    } catch {
      // It was removed during the walk.
    }
  }
  return ids.map(id => found.get(id) ?? null)
}

/** Where the second version of cgroups is mounted; sockets belong to no other. */
export function cgroupRoot(mounts = '/proc/self/mounts'): string | undefined {
  const lines = (readText(mounts) ?? '').split('\n').map(line => line.split(' '))
  const mountPoint = lines.find(words => words[2] === 'cgroup2')?.[1]
  return mountPoint && unescapeOctal(mountPoint)
}
