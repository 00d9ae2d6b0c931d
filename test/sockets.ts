// A socket for tests: everything unknown except what the test sets.
import { readdirSync, readlinkSync } from 'node:fs'
import type { Socket } from '../src/model/socket.ts'
import type { Process } from '../src/model/process.ts'
import { draft } from '../src/source/draft.ts'
import type { Tcp } from '../src/model/tcp.ts'

/** A TCP socket between two ends, with what a test wants changed. */
export function aSocket(change: Partial<Socket> = {}): Socket {
  const socket = draft('a', 'tcp', 'ipv4', 'ESTABLISHED', { address: '10.0.0.1', port: 40000 })
  return { ...socket, remote: { address: '10.0.0.2', port: 443 }, ...change }
}

/** A process with only these values. */
export function aProcess(change: Partial<Process> & { readonly pid: number }): Process {
  return {
    key: `${change.pid}`,
    name: 'node',
    parentPid: undefined,
    uid: undefined,
    user: undefined,
    startedAtMs: undefined,
    exe: undefined,
    command: undefined,
    script: undefined,
    container: undefined,
    unit: undefined,
    ...change,
  }
}

/** TCP statistics with only these values. */
export const someTcp = (known: Partial<Tcp>): Tcp => known as Tcp

/** Linux: the inodes of the sockets of this process, which distinguish them from all others of the machine, whatever their ports. */
export function ownInodes(): ReadonlySet<number> {
  const inodes = new Set<number>()
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1]
      if (inode !== undefined) inodes.add(Number(inode))
    } catch {
      // The descriptor that read the folder is closed again.
    }
  }
  return inodes
}
