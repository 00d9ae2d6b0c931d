// Which network namespaces events are of: the own one, another one, or all.

import { closeSync } from 'node:fs'
import { OsError } from '../../../model/errors.ts'
import type { Namespace } from '../../../model/socket.ts'
import type { Plan } from '../../../filter/plan.ts'
import { ownNamespace } from '../bpf/meter.ts'
import type * as calls from '../kernel/calls.ts'
import { ProcFs } from '../kernel/proc-fs.ts'
import { listNamespaces, pickNamespace } from '../netns/namespaces.ts'
import { inNamespace, openNamespace } from '../netns/enter.ts'

/** The namespaces whose sockets have events. */
export interface EventScope {
  /** The number of the one namespace; undefined when all are asked for. */
  readonly only: number | undefined
  /** The namespace that a socket of an event is said to be in; undefined where only the own one was asked for. */
  readonly namespaceOf: (inode: number) => Namespace | undefined
}

/** Finds what a plan asks for. */
export async function scopeOf({ namespaces }: Plan, proc = new ProcFs()): Promise<EventScope> {
  if (namespaces === 'own') return { only: ownNamespace(), namespaceOf: () => undefined }
  const listed = await listNamespaces(proc)
  const names = new Map([listed.own, ...listed.others].map(found => [found.inode, found.name]))
  return {
    only: namespaces === 'all' ? undefined : pickNamespace(namespaces, listed, proc).inode,
    namespaceOf: inode => ({ inode, name: names.get(inode) }),
  }
}

/** Runs something inside the one namespace that a plan asks for; in the own one when it asks for all. */
export async function insideOf<T>(call: typeof calls, { namespaces }: Plan, act: () => T, proc = new ProcFs()): Promise<T> {
  if (namespaces === 'own' || namespaces === 'all') return act()
  const listed = await listNamespaces(proc)
  const found = pickNamespace(namespaces, listed, proc)
  if (found.inode === listed.own.inode) return act()
  const fd = openNamespace(found)
  if (fd === undefined) throw new OsError('setns', 'ENOENT', { help: 'the network namespace has gone' })
  try {
    return inNamespace(call, fd, act)
  } finally {
    closeSync(fd)
  }
}
