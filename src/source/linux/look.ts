// One look: what is asked of the kernel, and how the answers are joined.

import { OsError } from '../../model/error.ts'
import type { Gap } from '../../model/gap.ts'
import type { Look } from '../../model/look.ts'
import type { Process } from '../../model/process.ts'
import { fillQuery, type FullQuery, type Query } from '../../filter/query.ts'
import { breath } from '../breath.ts'
import type { Tape } from '../tape.ts'
import type * as calls from './calls.ts'
import type { Draft } from './draft.ts'
import { inetDump, inetProtocols, readInet, stateMask, type InetProtocol } from './inet.ts'
import type { OwnerFinder } from './owners.ts'
import { processReader } from './processes.ts'

/** The calls into the kernel; undefined when a tape is played. */
export type Calls = typeof calls | undefined

/** Makes the function that looks once. */
export function looker(tape: Tape, calls: Calls, owners: OwnerFinder): (wanted?: Query) => Promise<Look> {
  const buffer = new Uint8Array(256 * 1024)
  const readOwners = processReader(tape)

  /** One request, and the answers as they come. The bytes are valid until the next one. */
  function* exchange(request: Uint8Array, isDone: () => boolean): Generator<Uint8Array> {
    if (calls === undefined) return
    const fd = calls.openDiag()
    try {
      calls.send(fd, request)
      while (!isDone()) yield buffer.subarray(0, calls.receive(fd, buffer))
    } finally {
      calls.closeFd(fd)
    }
  }

  async function table(protocol: InetProtocol, family: 'ipv4' | 'ipv6', query: FullQuery, found: Draft[], gaps: Gap[]): Promise<void> {
    const breathe = breath()
    const request = inetDump({
      protocol,
      family,
      states: tape.whole ? stateMask(undefined) : stateMask(query.states),
      tcpInfo: tape.whole || query.details.includes('tcp'),
    })
    let done = false
    let interrupted = false
    try {
      for (const answer of tape.bytes(`${protocol} ${family}`, () => exchange(request, () => done))) {
        const end = readInet(answer, protocol, found)
        done ||= end.done
        interrupted ||= end.interrupted
        await breathe()
      }
    } catch (error) {
      if (!(error instanceof OsError)) throw error
      gaps.push({
        what: 'sockets',
        why: 'kernel',
        text: `${protocol} over ${family} could not be listed: ${error.message}`,
        help: '',
        count: undefined,
      })
    }
    if (interrupted) {
      gaps.push({
        what: 'sockets',
        why: 'interrupted',
        text: `the table of ${protocol} over ${family} changed while the kernel listed it`,
        help: 'look again',
        count: undefined,
      })
    }
  }

  async function look(wanted?: Query): Promise<Look> {
    const query = fillQuery(wanted)
    tape.look()
    const atMs = await tape.value('clock', Date.now)
    const gaps: Gap[] = []
    const found: Draft[] = []
    for (const protocol of Object.keys(inetProtocols) as InetProtocol[]) {
      if (!query.protocols.includes(protocol)) continue
      for (const family of ['ipv4', 'ipv6'] as const) if (query.families.includes(family)) await table(protocol, family, query, found, gaps)
    }
    let processes: ReadonlyMap<number, Process> = new Map()
    if (query.owners) {
      await owners.find(found, gaps)
      processes = await readOwners(found)
    }
    const sockets = found.filter(s => query.test(s, processes))
    return { atMs, source: tape.played ? 'replay linux' : 'linux', sockets, processes, gaps }
  }

  return look
}
