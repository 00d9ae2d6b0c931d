// What containers are called, from the files that their runtimes keep. No daemon is asked; a file that may not be read leaves a name unknown.

import { constants, fstatSync, openSync, readSync } from 'node:fs'
import type { Container } from '../../../model/process.ts'
import { readText, withDescriptor } from '../kernel/files.ts'
import type { ProcFs } from '../kernel/proc-fs.ts'
import { readCgroup, type Groups } from './cgroup.ts'

/** The files belong to others: no more of them is read than this. */
const maxBytes = 4 * 1024 * 1024
const maxName = 255

/** A name and a pod, as the files of a runtime have them. */
interface Names {
  readonly name: string | undefined
  readonly pod: string | undefined
}

const nothing: Names = { name: undefined, pod: undefined }

type Json = Readonly<Record<string, unknown>>
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' && value.length <= maxName ? value : undefined

/** Reads a file of JSON. Anything else than a plain file of a sane size is not read. */
function readJson(path: string): unknown {
  try {
    return withDescriptor(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW), fd => {
      const stat = fstatSync(fd)
      if (!stat.isFile() || stat.size > maxBytes) return undefined
      const bytes = Buffer.alloc(stat.size)
      return JSON.parse(bytes.toString('utf8', 0, readSync(fd, bytes, 0, bytes.length, 0))) as unknown
    })
  } catch {
    return undefined // Not there, not JSON, or being written just now.
  }
}

/** Where runtimes keep their files; another folder in front of it in tests. */
const filesBelow = (root: string) => ({
  docker: (id: string) => dockerFile(`${root}/var/lib/docker`, id),
  /** containerd has one folder a namespace: Kubernetes, nerdctl, docker. */
  containerd: (id: string) =>
    ['k8s.io', 'default', 'moby'].map(space => `${root}/run/containerd/io.containerd.runtime.v2.task/${space}/${id}/config.json`),
  storage: (id: string) => `${root}/var/lib/containers/storage/overlay-containers/${id}/userdata/config.json`,
  storageLists: storageLists(`${root}/var/lib/containers/storage`),
})

const dockerFile = (folder: string, id: string): string => `${folder}/containers/${id}/config.v2.json`

/** The list of containers, and of those that were made with --rm. */
const storageLists = (folder: string): string[] =>
  ['containers.json', 'volatile-containers.json'].map(name => `${folder}/overlay-containers/${name}`)

/** Where a user without root keeps containers. Undefined when the user is not in /etc/passwd. */
function homeOf(uid: number, root: string): string | undefined {
  const lines = (readText(`${root}/etc/passwd`) ?? '').split('\n')
  const home = lines.map(line => line.split(':')).find(fields => fields[2] === String(uid))?.[5]
  return home?.startsWith('/') ? `${root}${home}` : undefined
}

function fromDocker(file: string): Names {
  const json = readJson(file)
  if (!isObject(json)) return nothing
  const labels = isObject(json.Config) && isObject(json.Config.Labels) ? json.Config.Labels : {}
  return {
    name: text(labels['io.kubernetes.container.name']) ?? text(json.Name)?.replace(/^\//, ''),
    pod: text(labels['io.kubernetes.pod.name']),
  }
}

/** The file that every OCI runtime is started with; its annotations differ. */
function fromSpec(file: string): Names {
  const json = readJson(file)
  const notes = isObject(json) && isObject(json.annotations) ? json.annotations : {}
  return {
    name: text(notes['io.kubernetes.cri.container-name']) ?? text(notes['io.kubernetes.container.name']) ?? text(notes['nerdctl/name']),
    pod: text(notes['io.kubernetes.cri.sandbox-name']) ?? text(notes['io.kubernetes.pod.name']),
  }
}

/** The lists that podman and CRI-O keep of their containers. */
function fromLists(files: readonly string[], id: string): string | undefined {
  for (const file of files) {
    const name = fromList(file, id)
    if (name !== undefined) return name
  }
  return undefined
}

function fromList(file: string, id: string): string | undefined {
  const json = readJson(file)
  if (!Array.isArray(json)) return undefined
  const entry: unknown = json.find(one => isObject(one) && one.id === id)
  return isObject(entry) && Array.isArray(entry.names) ? text(entry.names[0]) : undefined
}

function namesOf({ container, user }: Groups, root: string): Names {
  const { runtime, id } = container!
  if (!/^[0-9a-f]{64}$/.test(id)) return { name: runtime === 'ecs' ? undefined : text(id), pod: undefined } // The id is the name.
  const own = user === undefined ? undefined : ownName(id, homeOf(user, root))
  if (own !== undefined) return { name: own, pod: undefined }
  const files = filesBelow(root)
  const found = [fromDocker(files.docker(id)), ...files.containerd(id).map(fromSpec), fromSpec(files.storage(id))]
  return {
    name: found.map(f => f.name).find(name => name !== undefined) ?? fromLists(files.storageLists, id),
    pod: found.map(f => f.pod).find(pod => pod !== undefined),
  }
}

/** The name of a container that a user runs without root, whose files are in the own home. */
function ownName(id: string, home: string | undefined): string | undefined {
  if (home === undefined) return undefined
  const share = `${home}/.local/share`
  return fromDocker(dockerFile(`${share}/docker`, id)).name ?? fromLists(storageLists(`${share}/containers/storage`), id)
}

/** What a process belongs to. */
export interface Membership {
  readonly container: Container | undefined
  readonly unit: string | undefined
}

/** The container and unit that the groups of a process stand for. `files` is where the runtimes' files are, `` on a machine. */
export function membershipOf(groups: Groups, files = ''): Membership {
  const { container, unit } = groups
  if (container === undefined) return { container: undefined, unit }
  const { name, pod } = namesOf(groups, files)
  return { container: { ...container, name, pod: pod ?? groups.pod }, unit }
}

/** The container of a process; undefined when it is in none, or has ended. */
export function containerOf(proc: ProcFs, pid: number): Container | undefined {
  const text = proc.text(`${pid}/cgroup`)
  return text === undefined ? undefined : membershipOf(readCgroup(text)).container
}
