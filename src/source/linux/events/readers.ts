// Which way of reading events works is found by trying: programs in the kernel, then the kernel's messages that a socket was destroyed. What
// the first could not and why is a gap; with none of them there are no events, only snapshots.

import type { Plan } from '../../../filter/plan.ts'
import type { Ability } from '../../../model/ability.ts'
import { OsError } from '../../../model/errors.ts'
import type { EventGap } from '../../../model/event.ts'
import type { GapCode } from '../../../model/gap.ts'
import type { Snapshot } from '../../../model/snapshot.ts'
import type { Family, Protocol } from '../../../model/socket.ts'
import type { EventReader } from '../../source.ts'
import type { Draft } from '../decode/draft.ts'
import type * as calls from '../kernel/calls.ts'
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

  /** Readers take note of each snapshot: what it misses may have ended. */
  observe(snapshot: Snapshot, plan: Plan): void {
    if (this.#open.size === 0) return
    const complete = new Set(isBroken(snapshot) ? [] : completeProtocols(plan))
    for (const reader of this.#open.values()) reader.observe?.(snapshot, complete)
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

/** The protocols of which a snapshot by this plan holds every socket of the own network namespace. */
function completeProtocols({ query }: Plan): readonly Protocol[] {
  const { protocols = ['tcp', 'udp'], families, filter, states, namespaces = 'own' } = query
  if (filter !== undefined || states !== undefined || namespaces !== 'own') return []
  const needed = (protocol: Protocol): readonly Family[] => (protocol === 'unix' ? ['unix'] : ['ipv4', 'ipv6'])
  return protocols.filter(protocol => families === undefined || needed(protocol).every(family => families.includes(family)))
}

const isBroken = (snapshot: Snapshot): boolean => snapshot.gaps.some(gap => gap.what === 'sockets')

function refusal(code: GapCode, name: string, error: OsError): EventGap {
  const isDenied = error.code === 'EPERM' || error.code === 'EACCES'
  const help = isDenied ? 'run as root, or with CAP_BPF and CAP_PERFMON' : ''
  return eventGap(code, 'events', isDenied ? 'permission' : 'kernel', `${name} cannot be used: ${error.message}`, { help })
}

/** The methods of the live machine. */
export function liveMethods(call: typeof calls): EventMethods {
  return {
    async bpf(plan) {
      const [{ openMeter, ownNamespace }, { BpfReader: Reader }, { scopeOf }] = await Promise.all([
        import('../bpf/meter.ts'),
        import('./bpf-reader.ts'),
        import('./scope.ts'),
      ])
      const scope = await scopeOf(call, plan)
      const meter = openMeter({ namespace: plan.namespaces === 'own' ? ownNamespace() : scope.only, unix: plan.protocols.includes('unix') })
      const udp = await udpMessages(call, scope)
      const bootMs = bootTimeMs()
      const users = passwdUsers()
      const process = (pid: number) => readProcess(pid, bootMs, { of: (uid: number) => users.get(uid) })
      return new Reader(meter, { bootMs, users, scope, readProcess: process, udp })
    },
    async destroy(plan) {
      const [{ openDestroyReader }, { scopeOf }] = await Promise.all([import('./destroy-reader.ts'), import('./scope.ts')])
      return openDestroyReader(call, await scopeOf(call, plan))
    },
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
