// A machine made of answers, for tests of tables: each question has its answers, or errors, in the order in which it is asked.
import { OsError } from '../../src/model/errors.ts'
import type { Gap } from '../../src/model/gap.ts'
import type { Protocol, Socket } from '../../src/model/socket.ts'
import { dumper } from '../../src/source/linux/sockdiag/dumper.ts'
import { cgroups } from '../../src/source/linux/host/naming.ts'
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
  const gaps: Gap[] = []
  const lister = { tape, ask: dumper(tape, undefined), cgroupOf: cgroups(tape).of }
  const place = { prefix: '', namespace: undefined, net: '/proc/net', open: () => -1 }
  const full: Requested = {
    protocols,
    families: ['ipv4', 'ipv6', 'unix', 'packet', 'netlink', 'vsock', 'xdp', 'tipc'],
    states: undefined,
    details: [],
    filter: undefined,
    ...requested,
  }
  const sockets = await listTables(lister, place, full, (_, gap) => gaps.push(gap))
  return { sockets, gaps, asked: tape.asked }
}
