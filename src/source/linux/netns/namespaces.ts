// Network namespaces: which there are, by which names, and which of them a query means. It enters none of them.

import { existsSync, readdirSync, readlinkSync, statSync } from 'node:fs'
import { OsError } from '../../../model/errors.ts'
import type { Plan } from '../../../filter/plan.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import { attempt } from '../../attempt.ts'
import { asSystemCall, isRefusal, unescapeOctal } from '../kernel/files.ts'
import { linkInode, ProcFs } from '../kernel/proc-fs.ts'
import { containerOf } from '../processes/containers.ts'
import type { FoundNamespace } from './network-namespace.ts'
import { pinnedByName } from './pinned.ts'

/** All namespaces that can be found. */
export interface NamespaceListing {
  readonly own: FoundNamespace
  readonly others: readonly FoundNamespace[]
  /** Processes whose namespace may not be read. */
  readonly hidden: number
}

const named = ['/run/netns', '/var/run/netns', '/run/docker/netns']
/** More than any machine has; a folder that grows for ever must not break the snapshot. */
const maxNamespaces = 65_536

/** Lists the network namespaces: those of processes, those with a name, and those that are mounted somewhere. */
export async function listNamespaces(proc = new ProcFs(), folders: readonly string[] = named): Promise<NamespaceListing> {
  const all = new Map<number, { name: string | undefined; file: string; pid: number | undefined }>()
  let hidden = 0
  for (const { file, name } of [...inFolders(folders), ...mounted(proc)]) {
    const inode = namespaceInode(file, proc)
    if (inode !== undefined && !all.has(inode)) all.set(inode, { name, file, pid: undefined })
  }
  for (const pid of proc.pids()) {
    if (all.size >= maxNamespaces) break
    const file = proc.path(`${pid}/ns/net`)
    try {
      const inode = linkInode(readlinkSync(file), 'net')
      if (inode === undefined) continue
      const known = all.get(inode)
      if (known === undefined) all.set(inode, { name: undefined, file, pid })
      else known.pid ??= pid
    } catch (error) {
      // The kernel also gives EACCES for a process that has just ended.
      if (isRefusal(error) && existsSync(proc.path(`${pid}/stat`))) hidden++
    }
    await yieldToEventLoop()
  }
  const ownInode = linkInode(proc.link('self/ns/net'), 'net') ?? 0
  const found = [...all].map(([inode, { name, file, pid }]): FoundNamespace => {
    return { inode, name: name ?? containerName(proc, pid), file, pid }
  })
  const own = found.find(f => f.inode === ownInode) ?? { inode: ownInode, name: undefined, file: proc.path('self/ns/net'), pid: undefined }
  return { own: { ...own, name: own.pid === 1 ? undefined : own.name }, others: found.filter(f => f.inode !== ownInode), hidden }
}

function containerName(proc: ProcFs, pid: number | undefined): string | undefined {
  const container = pid === undefined ? undefined : containerOf(proc, pid)
  return container && (container.name ?? container.id.slice(0, 12))
}

function inFolders(folders: readonly string[]): { file: string; name: string }[] {
  return folders.flatMap(folder => (attempt(() => readdirSync(folder)) ?? []).map(name => ({ file: `${folder}/${name}`, name })))
}

/** Namespaces that are mounted on a file: a line reads `… net:[4026532000] /some/where … - nsfs …`. */
function mounted(proc: ProcFs): { file: string; name: string }[] {
  return (proc.text('self/mountinfo') ?? '').split('\n').flatMap(line => {
    const words = line.split(' ')
    if (linkInode(words[3], 'net') === undefined) return []
    const file = unescapeOctal(words[4]!)
    return [{ file, name: file.split('/').at(-1)! }]
  })
}

/** The inode of a file that stands for a namespace; undefined for any other file. */
function namespaceInode(file: string, proc: ProcFs): number | undefined {
  const [stat, own] = [file, proc.path('self/ns/net')].map(path => attempt(() => statSync(path)))
  return stat?.dev === own?.dev ? stat?.ino : undefined
}

/** The one that the query names. */
export function pickNamespace(
  requested: Exclude<Plan['namespaces'], string>,
  { own, others }: NamespaceListing,
  proc = new ProcFs(),
): FoundNamespace {
  const all = [own, ...others]
  if ('name' in requested) {
    const found = all.find(f => f.name === requested.name) ?? pinnedByName(requested.name, proc)
    if (found) return found
    throw new OsError('setns', 'ENOENT', { help: `there is no network namespace of the name ${JSON.stringify(requested.name)}` })
  }
  const file = 'pid' in requested ? proc.path(`${requested.pid}/ns/net`) : requested.path
  const { ino } = asSystemCall(`open(${file})`, () => statSync(file))
  const found = all.find(f => f.inode === ino)
  return { inode: ino, name: found?.name, file, pid: 'pid' in requested ? requested.pid : found?.pid }
}
