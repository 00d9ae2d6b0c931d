// Which part of a filter goes into a request for internet sockets, so that the kernel does not send what is not wanted: names of this machine become the
// kernel's numbers here, and bytecode.ts makes the program.

import { statSync } from 'node:fs'
import { join } from 'node:path'
import { kernelFilter, type KernelFilter } from './bytecode.ts'
import { cgroupPath } from '../../../filter/compile.ts'
import type { Filter } from '../../../filter/language/tree.ts'
import type { Family, Protocol } from '../../../model/socket.ts'
import { cgroupRoot } from '../host/cgroups.ts'
import { attempt } from '../../attempt.ts'
import { readText } from '../kernel/files.ts'
import type { NetworkNamespace } from '../netns/network-namespace.ts'

/** The part of a filter that the kernel tests for one table. */
export const toKernelFilter = (filter: Filter, netns: NetworkNamespace, protocol: Protocol, family: Family): KernelFilter =>
  kernelFilter(filter, {
    protocol,
    family,
    // Interfaces of another namespace have other numbers, which /sys does not list here.
    ...(netns.namespace === undefined ? { interfaceIndex } : {}),
    cgroupId,
    // Without the right to test marks the request is refused, and sent again without the bytecode.
    marks: true,
  })

function interfaceIndex(name: string): number | undefined {
  if (!/^[^/\0]{1,15}$/.test(name) || name === '.' || name === '..') return undefined
  return Number(readText(`/sys/class/net/${name}/ifindex`)) || undefined
}

function cgroupId(path: string): bigint | undefined {
  const root = cgroupRoot()
  if (root === undefined || path.includes('\0') || path.split('/').includes('..')) return undefined
  return attempt(() => statSync(join(root, cgroupPath(path)), { bigint: true }).ino)
}
