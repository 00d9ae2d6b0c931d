// /proc/PID/cgroup: which container, pod and systemd unit a process is in, by how each runtime names its groups. Pure; names may hold anything.

/** What follows from the groups of a process. */
export interface Groups {
  readonly container: { readonly runtime: string; readonly id: string } | undefined
  /** The uid of the Kubernetes pod. */
  readonly pod: string | undefined
  readonly unit: string | undefined
  /** The user in whose part of the tree it is: containers without root are there. Absent outside of all of them. */
  readonly user?: number
}

const maxName = 255
const hex64 = '[0-9a-f]{64}'

/** One part of a path that is a container by itself: prefix-id.scope, as systemd writes it. */
const scoped = new RegExp(`^(docker|cri-containerd|crio|libpod|nerdctl|containerd)-(${hex64})(?:\\.scope)?$`)
/** containerd with systemd's notation, `slice:prefix:id`. */
const notation = new RegExp(`:(cri-containerd|nerdctl|docker|crio|libpod):(${hex64})$`)
const bareId = new RegExp(`^${hex64}$`)
const fargateId = /^[0-9a-f]{32}-\d{1,20}$/
const podFolder = /^pod([0-9a-f-]{32,36})$/
const podSlice = /-pod([0-9a-f_]{32,36})\.slice(?::|$)/

const runtimes: Readonly<Record<string, string>> = {
  docker: 'docker',
  'cri-containerd': 'containerd',
  containerd: 'containerd',
  nerdctl: 'containerd',
  crio: 'cri-o',
  libpod: 'podman',
}

/** Reads the file. Version 1 has a line for each controller, version 2 one line; both may be there. */
export function readCgroup(text: string): Groups {
  let container: Groups['container']
  let pod: string | undefined
  let unit: string | undefined
  let user: number | undefined
  for (const line of text.split('\n').slice(0, 64)) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? []
    if (path === undefined) continue
    const parts = path.split('/').slice(1, 65)
    container ??= containerIn(parts)
    pod ??= podIn(parts)
    user ??= userIn(parts)
    // Systemd keeps its units in the line without controllers, or in one of its own.
    if (controllers === '' || controllers === 'name=systemd') unit ??= unitIn(parts)
  }
  return { container, pod, unit, ...(user !== undefined && { user }) }
}

/** The innermost container of a path. */
function containerIn(parts: readonly string[]): Groups['container'] {
  return innermost(parts, (_, i) => {
    const found = containerAt(parts, i)
    return found && found.id.length <= maxName ? found : undefined
  })
}

/** What the last part of a path gives that gives something. */
function innermost<T>(parts: readonly string[], of: (part: string, i: number) => T | undefined): T | undefined {
  for (let i = parts.length - 1; i >= 0; i--) {
    const found = of(parts[i]!, i)
    if (found !== undefined) return found
  }
  return undefined
}

function containerAt(parts: readonly string[], i: number): Groups['container'] {
  const part = parts[i]!
  const parent = parts[i - 1] ?? ''
  const [, prefix, id] = scoped.exec(part) ?? notation.exec(part) ?? []
  if (id !== undefined) return { runtime: runtimes[prefix!]!, id }
  if (bareId.test(part) || fargateId.test(part)) {
    if (parent === 'docker') return { runtime: 'docker', id: part }
    if (podFolder.test(parent) || podSlice.test(parent)) return { runtime: 'kubernetes', id: part }
    if (parts.includes('ecs')) return { runtime: 'ecs', id: part }
    if (parent === 'buildkit') return { runtime: 'buildkit', id: part }
  }
  return named(parts, i, part, parent)
}

/** Containers whose id is a name that somebody chose. */
function named(parts: readonly string[], i: number, part: string, parent: string): Groups['container'] {
  const lxc = /^lxc\.payload\.(.+)$/.exec(part)?.[1] ?? (parent === 'lxc' || parent === 'lxc.payload' ? part : undefined)
  if (lxc) return { runtime: 'lxc', id: lxc }
  const nspawn = /^systemd-nspawn@(.+)\.service$/.exec(part)?.[1]
  // What runs beside the payload is the supervisor, outside of the container.
  if (nspawn && parts[i + 1] !== 'supervisor') return { runtime: 'systemd-nspawn', id: unescaped(nspawn) }
  const machine = parent === 'machine.slice' ? /^machine-(?!qemu|lxc)(.+)\.scope$/.exec(part)?.[1] : undefined
  if (machine && parts[i + 1] !== 'supervisor') return { runtime: 'systemd-nspawn', id: unescaped(machine) }
  const isGarden = parent === 'garden' || ((parent === 'good' || parent === 'bad') && parts[i - 2] === 'garden')
  if (isGarden && part !== 'good' && part !== 'bad' && part !== '') return { runtime: 'garden', id: part }
  return undefined
}

const podIn = (parts: readonly string[]): string | undefined =>
  innermost(parts, part => podFolder.exec(part)?.[1] ?? podSlice.exec(part)?.[1]?.replaceAll('_', '-'))

/** `/user.slice/user-1000.slice`, as systemd has it. */
function userIn([first, second = '']: readonly string[]): number | undefined {
  const uid = first === 'user.slice' ? /^user-(\d{1,10})\.slice$/.exec(second)?.[1] : undefined
  return uid === undefined ? undefined : Number(uid)
}

/** The innermost unit that is not a container: `nginx.service`, `session-3.scope`. */
const unitIn = (parts: readonly string[]): string | undefined =>
  innermost(parts, part => {
    const isUnit = part.length <= maxName && /.\.(?:service|scope|socket|mount|swap)$/.test(part)
    return isUnit && !scoped.test(part) && !part.startsWith('libpod-conmon-') ? unescaped(part) : undefined
  })

/** Systemd writes bytes that a name may not have as `\x2d`. */
const unescaped = (name: string): string =>
  name.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => {
    const code = Number.parseInt(hex, 16)
    return code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : `\\x${hex}`
  })
