// Network namespaces: which there are, by which names, and which of them a query means. It enters none of them.

import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { OsError } from '../../../model/errors.ts'
import type { Plan } from '../../../filter/plan.ts'
import { yieldToEventLoop } from '../../yielding.ts'
import { containerOf } from '../processes/containers.ts'
import { keptByName } from './pinned.ts'

/** A namespace, and where to find it. */
export interface Found {
  readonly inode: number
  readonly name: string | undefined
  /** The file that stands for it. */
  readonly file: string
  /** A process in it. */
  readonly pid: number | undefined
}

/** All namespaces that can be found. */
export interface Listed {
  readonly own: Found
  readonly others: readonly Found[]
  /** Processes that we may not ask. */
  readonly hidden: number
}

const named = ['/run/netns', '/var/run/netns', '/run/docker/netns']
/** More than any machine has; a folder that grows for ever must not take the snapshot with it. */
const maxNamespaces = 65_536

const inodeOf = (link: string): number | undefined => {
  const found = /^net:\[(\d+)\]$/.exec(link)
  return found ? Number(found[1]) : undefined
}

function linked(file: string): number | undefined {
  try {
    return inodeOf(readlinkSync(file))
  } catch {
    return undefined
  }
}

/** Lists the network namespaces: those of processes, those with a name, and those that are mounted somewhere. */
export async function listNamespaces(root = '/proc', folders: readonly string[] = named): Promise<Listed> {
  const all = new Map<number, { name: string | undefined; file: string; pid: number | undefined }>()
  let hidden = 0
  for (const { file, name } of [...inFolders(folders), ...mounted(root)]) {
    const inode = namespaceInode(file, root)
    if (inode !== undefined && !all.has(inode)) all.set(inode, { name, file, pid: undefined })
  }
  for (const name of readdirSync(root)) {
    if (!/^\d{1,10}$/.test(name) || all.size >= maxNamespaces) continue
    const file = `${root}/${name}/ns/net`
    try {
      const inode = inodeOf(readlinkSync(file))
      if (inode === undefined) continue
      const known = all.get(inode)
      if (known === undefined) all.set(inode, { name: undefined, file, pid: Number(name) })
      else known.pid ??= Number(name)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      // The kernel also says EACCES of a process that has just ended.
      if ((code === 'EACCES' || code === 'EPERM') && existsSync(`${root}/${name}/stat`)) hidden++
    }
    await yieldToEventLoop()
  }
  const ownInode = linked(`${root}/self/ns/net`) ?? 0
  const found = [...all].map(([inode, { name, file, pid }]): Found => ({ inode, name: name ?? containerName(root, pid), file, pid }))
  const own = found.find(f => f.inode === ownInode) ?? { inode: ownInode, name: undefined, file: `${root}/self/ns/net`, pid: undefined }
  return { own: { ...own, name: own.pid === 1 ? undefined : own.name }, others: found.filter(f => f.inode !== ownInode), hidden }
}

function containerName(root: string, pid: number | undefined): string | undefined {
  const container = pid === undefined ? undefined : containerOf(root, pid)
  return container && (container.name ?? container.id.slice(0, 12))
}

function inFolders(folders: readonly string[]): { file: string; name: string }[] {
  return folders.flatMap(folder => {
    try {
      return readdirSync(folder).map(name => ({ file: `${folder}/${name}`, name }))
    } catch {
      return [] // There is no such folder.
    }
  })
}

/** Namespaces that are mounted on a file: a line says `… net:[4026532000] /some/where … - nsfs …`. */
function mounted(root: string): { file: string; name: string }[] {
  try {
    const lines = readFileSync(`${root}/self/mountinfo`, 'utf8').split('\n')
    return lines.flatMap(line => {
      const words = line.split(' ')
      if (inodeOf(words[3] ?? '') === undefined) return []
      const file = words[4]!.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
      return [{ file, name: file.split('/').at(-1)! }]
    })
  } catch {
    return []
  }
}

/** The inode of a file that stands for a namespace; undefined for any other file. */
function namespaceInode(file: string, root: string): number | undefined {
  try {
    const { dev, ino } = statSync(file)
    return dev === statSync(`${root}/self/ns/net`).dev ? ino : undefined
  } catch {
    return undefined
  }
}

/** The one that the query names. */
export function pickNamespace(requested: Exclude<Plan['namespaces'], string>, { own, others }: Listed, root: string): Found {
  const all = [own, ...others]
  if ('name' in requested) {
    const found = all.find(f => f.name === requested.name) ?? keptByName(requested.name, root)
    if (found) return found
    throw new OsError('setns', 'ENOENT', { help: `there is no network namespace of the name ${JSON.stringify(requested.name)}` })
  }
  const file = 'pid' in requested ? `${root}/${requested.pid}/ns/net` : requested.path
  const stat = fileStat(file)
  const found = all.find(f => f.inode === stat.ino)
  return { inode: stat.ino, name: found?.name, file, pid: 'pid' in requested ? requested.pid : found?.pid }
}

function fileStat(file: string): { ino: number } {
  try {
    return statSync(file)
  } catch (error) {
    throw new OsError(`open(${file})`, (error as NodeJS.ErrnoException).code ?? 'EIO', { cause: error })
  }
}
