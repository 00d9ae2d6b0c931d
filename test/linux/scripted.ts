// A machine made of answers, for tests of tables: each question has its answers, or errors, in the order in which it is asked.
import { OsError } from '../../src/model/errors.ts'
import type { Gap } from '../../src/model/gap.ts'
import type { Protocol, Socket } from '../../src/model/socket.ts'
import { SnapshotGaps } from '../../src/source/linux/gaps.ts'
import { CgroupTable } from '../../src/source/linux/host/cgroups.ts'
import { OwnSockets } from '../../src/source/linux/kernel/own-sockets.ts'
import { ownNetworkNamespace } from '../../src/source/linux/netns/network-namespace.ts'
import { Dumper } from '../../src/source/linux/sockdiag/dumper.ts'
import type { Requested } from '../../src/source/linux/sockdiag/requests.ts'
import { listTables } from '../../src/source/linux/sockdiag/tables.ts'
import { live, type Tape } from '../../src/source/tape.ts'

/** One time that a question is asked: what comes, piece by piece. An error is thrown where it stands. */
export type Take = readonly (Uint8Array | Error)[]

/** A tape that answers from a script. A question that is not in it fails like a table that is not there. */
export function scripted(script: Readonly<Record<string, readonly Take[]>>): Tape & { readonly asked: string[] } {
  const asked: string[] = []
  return {
    ...live,
    asked,
    *bytes(question) {
      const takes = script[question]
      const take = takes?.[Math.min(asked.filter(q => q === question).length, takes.length - 1)]
      asked.push(question)
      if (!take) throw new OsError('sock_diag', 'ENOENT')
      for (const piece of take) {
        if (piece instanceof Error) throw piece
        yield piece
      }
    },
    async *stream(question) {
      yield* this.bytes(question, () => [])
    },
  }
}

/** Lists tables from a script. */
export async function listScripted(
  script: Readonly<Record<string, readonly Take[]>>,
  protocols: readonly Protocol[],
  requested: Partial<Requested> = {},
): Promise<{ readonly sockets: readonly Socket[]; readonly gaps: readonly Gap[]; readonly asked: readonly string[] }> {
  const tape = scripted(script)
  const gaps = new SnapshotGaps()
  const context = { tape, dumper: new Dumper(tape, undefined, new OwnSockets()), cgroupOf: new CgroupTable(tape).of }
  const netns = ownNetworkNamespace(undefined, { root: '/proc' })
  const full: Requested = {
    protocols,
    families: ['ipv4', 'ipv6', 'unix', 'packet', 'netlink', 'vsock', 'xdp', 'tipc'],
    states: undefined,
    details: [],
    filter: undefined,
    ...requested,
  }
  const sockets = await listTables(context, netns, full, full, gaps)
  return { sockets, gaps: gaps.list(), asked: tape.asked }
}
