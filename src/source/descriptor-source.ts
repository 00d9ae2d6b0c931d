// One socket of a descriptor as a source, so that it can be followed like any other. It ends when the socket is closed.

import { planQuery } from '../filter/plan.ts'
import { OsError } from '../model/errors.ts'
import { ProcessTable } from '../model/process.ts'
import type { Snapshot } from '../model/snapshot.ts'
import type { Socket } from '../model/socket.ts'
import type { SocketStat } from '../model/stat.ts'
import { draft } from './draft.ts'
import { socketStat, type SocketTarget } from './stat.ts'
import type { Source } from './source.ts'

/** The errors when there is no such descriptor, it is not a socket, or there is no such process. */
const closedCodes = new Set(['EBADF', 'ENOTSOCK', 'ESRCH'])

/** Opens the source of one socket. It throws what `socketStat` throws when there is no such socket. */
export async function openDescriptor(target: SocketTarget): Promise<Source> {
  return new DescriptorSource(target, await socketStat(target))
}

class DescriptorSource implements Source {
  readonly name = 'descriptor'
  ended = false
  readonly #target: SocketTarget
  readonly #key: string | undefined
  #first: SocketStat | undefined

  constructor(target: SocketTarget, first: SocketStat) {
    this.#target = target
    this.#key = first.key
    this.#first = first
  }

  async takeSnapshot(plan = planQuery()): Promise<Snapshot> {
    const stat = this.#first ?? (await statUnlessClosed(this.#target))
    this.#first = undefined
    // The number may be that of another socket by now.
    const isSame = stat !== undefined && stat.key === this.#key
    if (!isSame) this.ended = true
    const sockets = isSame ? [socketOf(stat)] : []
    const processes = new ProcessTable()
    return { atMs: Date.now(), source: this.name, sockets: sockets.filter(socket => plan.test(socket, processes)), processes, gaps: [] }
  }

  async process(): Promise<undefined> {
    return undefined
  }

  async interfaces(): Promise<readonly []> {
    return []
  }

  async abilities(): Promise<readonly []> {
    return []
  }

  close(): void {
    this.ended = true
  }
}

/** Undefined once the socket is closed. */
async function statUnlessClosed(target: SocketTarget): Promise<SocketStat | undefined> {
  try {
    return await socketStat(target)
  } catch (error) {
    // A Node object whose socket is closed is refused as a target.
    if (error instanceof TypeError || (error instanceof OsError && closedCodes.has(error.code))) return undefined
    throw error
  }
}

function socketOf({ key, pid, fd, socketInfo, tcp, memory, ...counts }: SocketStat): Socket {
  const { protocol = 'tcp', family = 'ipv4', state, local, remote, mark } = socketInfo
  return {
    ...draft(key ?? `${pid}/${fd}`, protocol, family, state, local ?? {}),
    remote,
    owners: [{ pid, fd }],
    queues: {
      receivedBytes: counts.unreceived,
      sendBytes: counts.unsent === undefined ? counts.unacknowledged : counts.unsent + (counts.unacknowledged ?? 0),
      backlog: counts.backlog,
      backlogLimit: counts.backlogLimit,
    },
    mark,
    memory,
    tcp,
  }
}
