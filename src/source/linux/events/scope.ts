// Which network namespaces events are of: the own one, another one, or all.

import { OsError } from '../../../model/errors.ts'
import type { Plan } from '../../../filter/plan.ts'
import type { Namespace } from '../../../model/socket.ts'
import { keyInNamespace } from '../decode/draft.ts'
import type * as calls from '../kernel/calls.ts'
import { ProcFs } from '../kernel/proc-fs.ts'
import { inFoundNamespace } from '../netns/enter.ts'
import { listNamespaces, pickNamespace } from '../netns/namespaces.ts'

/** The namespaces whose sockets have events. */
export interface EventScope {
  /** The inode of the one other namespace that is requested; undefined for the own one, and for all. */
  readonly only: number | undefined
  /** The namespace that a socket of an event is reported to be in; undefined where only the own one is requested. */
  readonly namespaceOf: (inode: number) => Namespace | undefined
  /** The key of a socket in a namespace, as a snapshot has it, from the key that is its cookie. */
  readonly keyIn: (key: string, inode: number | undefined) => string
  /** Runs something inside that one namespace; in the own one otherwise. */
  readonly inside: <T>(act: () => T) => T
  /** Runs something in every namespace that is requested. Gives those that are there and in which it was not done: it returned false, or may not be there. */
  readonly inEach: (act: () => boolean) => Promise<ReadonlySet<number> | 'all'>
}

/** Finds what a plan requests. */
export async function scopeOf(call: typeof calls, { namespaces }: Plan, proc = new ProcFs()): Promise<EventScope> {
  if (namespaces === 'own')
    return {
      only: undefined,
      namespaceOf: () => undefined,
      keyIn: key => key,
      inside: act => act(),
      inEach: async act => (act() ? noneLeft : 'all'),
    }
  const listed = await listNamespaces(proc)
  const own = listed.own.inode
  const names = new Map([listed.own, ...listed.others].map(found => [found.inode, found.name]))
  const found = namespaces === 'all' ? undefined : pickNamespace(namespaces, listed, proc)
  const countsCookiesEach = !proc.isKernelAtLeast(5, 10)
  const inside: EventScope['inside'] = act => (found === undefined || found.inode === own ? act() : inFoundNamespace(call, found, act))
  return {
    only: found?.inode,
    namespaceOf: inode => ({ inode, name: names.get(inode) }),
    keyIn: (key, inode = own) => (inode === own ? key : keyInNamespace(key, inode, countsCookiesEach)),
    inside,
    inEach: async act => {
      if (namespaces !== 'all') return attemptIn(() => inside(act)) ? noneLeft : 'all'
      const now = await listNamespaces(proc)
      const left = now.others.filter(other => !attemptIn(() => inFoundNamespace(call, other, act)))
      if (!act()) left.push(now.own)
      return new Set(left.map(({ inode }) => inode))
    },
  }
}

const noneLeft: ReadonlySet<number> = new Set()

/** False where a namespace may not be entered; one that has gone has no sockets. */
function attemptIn(act: () => boolean): boolean {
  try {
    return act()
  } catch (error) {
    if (!(error instanceof OsError)) throw error
    return error.code === 'ENOENT'
  }
}
