// Which way of reading events works is found by trying: programs in the kernel, then the kernel's messages that a socket was destroyed. What
// the first could not and why is a gap; with none of them there are no events, only snapshots.

import { viewOf } from '../../../bytes/text.ts'
import type { Plan } from '../../../filter/plan.ts'
import type { Ability } from '../../../model/ability.ts'
import { OsError } from '../../../model/errors.ts'
import type { EventGap } from '../../../model/event.ts'
import type { GapCode } from '../../../model/gap.ts'
import type { Protocol } from '../../../model/socket.ts'
import type { EventReader } from '../../source.ts'
import type { Draft } from '../decode/draft.ts'
import type { openMeter } from '../bpf/meter.ts'
import type { InetProtocol } from '../decode/numbers.ts'
import type * as calls from '../kernel/calls.ts'
import { messages } from '../kernel/netlink.ts'
import { inetRequest } from '../sockdiag/inet-request.ts'
import { bootTimeMs, readProcess } from '../processes/processes.ts'
import { passwdUsers } from '../processes/users.ts'
import type { BpfReader } from './bpf-reader.ts'
import type { DestroyMessages } from './destroy-messages.ts'
import { eventGap, lacksHelp, type LinuxEventReader } from './reader.ts'
import type { EventScope } from './scope.ts'

/** The methods of reading events, each opened by trying. Tests put in ones that fail. */
export interface EventMethods {
  readonly bpf: (plan: Plan) => Promise<LinuxEventReader>
  readonly destroy: (plan: Plan) => Promise<LinuxEventReader>
}

/** The event readers of one machine. */
export class EventReaders {
  readonly #methods: EventMethods
  /** The reader behind each that was given out. */
  readonly #open = new Map<EventReader, LinuxEventReader>()

  constructor(methods: EventMethods) {
    this.#methods = methods
  }

  /** Opens the best reader that works here. Its first events are the gaps of those that do not. */
  async open(plan: Plan): Promise<EventReader> {
    const { reader = noEvents, gaps } = await this.#try(plan)
    const { tier, opens, ends, everyEnd, maxIdleMs } = reader
    let first = gaps
    const opened: EventReader = {
      tier,
      opens,
      ends,
      everyEnd,
      maxIdleMs,
      get readUntilMs() {
        return reader.readUntilMs
      },
      drain() {
        if (first.length === 0) return reader.drain()
        const taken = first
        first = []
        return taken
      },
      close: () => {
        reader.close()
        this.#open.delete(opened)
      },
    }
    this.#open.set(opened, reader)
    return opened
  }

  /** What the reader counted is put into the sockets of a snapshot that is being made. */
  complete(reader: EventReader | undefined, sockets: readonly Draft[]): void {
    if (reader !== undefined) this.#open.get(reader)?.complete?.(sockets)
  }

  /** After each snapshot, readers find the ends that nothing reports. */
  async observe(): Promise<void> {
    for (const reader of this.#open.values()) await reader.observe?.()
  }

  async abilities(plan: Plan): Promise<readonly Ability[]> {
    const { reader, gaps } = await this.#try(plan)
    reader?.close()
    const lacks = reader?.tier === 'bpf' ? (reader as BpfReader).lacks : undefined
    const works = reader?.tier === 'bpf' ? bpfText(lacks) : 'every closed socket with its final counters; owners from snapshots'
    const help = lacks === undefined ? '' : lacksHelp
    const refused = gaps.map(({ gap }) => gap)
    return [
      { name: 'bpf-events', works: reader?.tier === 'bpf', text: refused[0]?.text ?? works, help: refused[0]?.help ?? help },
      {
        name: 'events',
        works: reader !== undefined,
        text: reader ? works : refused.at(-1)!.text,
        help: reader ? help : refused.at(-1)!.help,
      },
    ]
  }

  close(): void {
    for (const reader of this.#open.values()) reader.close()
    this.#open.clear()
  }

  async #try(plan: Plan): Promise<{ readonly reader: LinuxEventReader | undefined; readonly gaps: readonly EventGap[] }> {
    const gaps: EventGap[] = []
    for (const [code, name, open] of [
      ['events-bpf-refused', 'programs in the kernel', this.#methods.bpf],
      ['events-destroy-refused', "the kernel's destroy messages", this.#methods.destroy],
    ] as const) {
      try {
        return { reader: await open(plan), gaps }
      } catch (error) {
        if (!(error instanceof OsError)) throw error
        gaps.push(refusal(code, name, error))
      }
    }
    return { reader: undefined, gaps }
  }
}

/** Where no way works: snapshots are all there is. */
const noEvents: LinuxEventReader = {
  tier: 'snapshot',
  opens: [],
  ends: [],
  everyEnd: [],
  maxIdleMs: 1000,
  readUntilMs: Infinity,
  drain: () => [],
  close() {},
}

const bpfText = (lacks: string | undefined): string =>
  lacks === undefined
    ? 'by programs in the kernel: every socket, with owner and bytes'
    : `by programs in the kernel: TCP sockets with owner and bytes, ends of UDP; ${lacks}`

function refusal(code: GapCode, name: string, error: OsError): EventGap {
  const isDenied = error.code === 'EPERM' || error.code === 'EACCES'
  const help = isDenied ? 'run as root, or with CAP_BPF and CAP_PERFMON' : ''
  return eventGap(code, 'events', isDenied ? 'permission' : 'kernel', `${name} cannot be used: ${error.message}`, { help })
}

/** What the methods of the live machine consist of. */
export const loadEvents = () =>
  Promise.all([
    import('../bpf/meter.ts'),
    import('./bpf-reader.ts'),
    import('./scope.ts'),
    import('./destroy-reader.ts'),
    import('./destroy-messages.ts'),
  ])

/** The methods of the live machine. Tests open a meter with small tables. */
export function liveMethods(call: typeof calls, open?: typeof openMeter): EventMethods {
  return {
    async bpf(plan) {
      const [{ openMeter: openLive, ownNamespace }, { BpfReader: Reader }, { scopeOf }] = await Promise.all([
        import('../bpf/meter.ts'),
        import('./bpf-reader.ts'),
        import('./scope.ts'),
      ])
      const scope = await scopeOf(call, plan)
      const keyedByInode = inodeKeys(call, plan)
      const meter = (open ?? openLive)({ namespace: plan.namespaces === 'own' ? ownNamespace() : scope.only, protocols: plan.protocols })
      const needsMessages = !meter.reportsReleases && plan.protocols.some(protocol => protocol === 'udp' || protocol === 'udplite')
      const udp = needsMessages ? await udpMessages(call, scope) : undefined
      const bootMs = bootTimeMs()
      const users = passwdUsers()
      const process = (pid: number) => readProcess(pid, bootMs, { of: (uid: number) => users.get(uid) })
      return new Reader(meter, { bootMs, users, scope, readProcess: process, udp, keyedByInode })
    },
    async destroy(plan) {
      const [{ openDestroyReader }, { scopeOf }] = await Promise.all([import('./destroy-reader.ts'), import('./scope.ts')])
      return openDestroyReader(call, await scopeOf(call, plan))
    },
  }
}

/** The protocols whose tables are text, which has inodes and no cookies. */
function inodeKeys(call: typeof calls, { protocols }: Plan): ReadonlySet<Protocol> {
  const found = new Set<Protocol>(['icmp'])
  if (protocols.includes('raw') && !hasTable(call, 'raw')) found.add('raw')
  return found
}

/** Whether sock_diag lists a protocol. */
function hasTable(call: typeof calls, protocol: InetProtocol): boolean {
  const fd = call.openDiag()
  try {
    call.send(fd, inetRequest({ protocol, family: 'ipv4', states: 0, details: [] }))
    const buffer = new Uint8Array(64 * 1024)
    const length = call.receiveNow(fd, buffer)
    if (length !== undefined) messages(viewOf(buffer.subarray(0, length)))
    return true
  } catch (error) {
    if (error instanceof OsError) return false
    throw error
  } finally {
    call.closeFd(fd)
  }
}

/** The ends of UDP; undefined where the kernel does not report them: then a snapshot shows that a socket is gone. */
async function udpMessages(call: typeof calls, scope: EventScope): Promise<DestroyMessages | undefined> {
  const { openDestroyMessages } = await import('./destroy-messages.ts')
  try {
    return openDestroyMessages(call, 'udp', scope)
  } catch (error) {
    if (error instanceof OsError) return undefined
    throw error
  }
}
