// Sockets as they open and close. Which way of seeing works is found by trying: programs in the kernel, then the kernel's word that
// a socket was destroyed. What the first could not and why is a gap; with none of them there are no events, only snapshots.

import type { Ability } from '../../../model/ability.ts'
import { OsError } from '../../../model/errors.ts'
import type { EventGap, SocketEvent } from '../../../model/event.ts'
import type { Snapshot } from '../../../model/snapshot.ts'
import type { Family, Protocol } from '../../../model/socket.ts'
import type { Query } from '../../../filter/plan.ts'
import { nextTurn } from '../../yielding.ts'
import type { Source, DrainPending } from '../../source.ts'
import type { Meter } from '../bpf/meter.ts'
import type { Destroyed } from './destroy-messages.ts'
import type { bpfWatcher } from './bpf-tier.ts'
import type { Where } from './where.ts'
import type { Calls } from '../snapshot.ts'
import { bootTimeMs, readProcess } from '../processes/processes.ts'
import { passwdUsers } from '../processes/users.ts'
import { eventGap, lacksHelp, type Watcher } from './tier.ts'

/** So often the queues are looked at while something comes, and at most so much more seldom while nothing does. */
const pollMs = 10

/** The ways of seeing, each opened by trying. Tests put in ones that fail. */
export interface Ways {
  readonly bpf: (query: Query | undefined) => Promise<Watcher>
  readonly destroy: (query: Query | undefined) => Promise<Watcher>
}

/** The events of this machine. */
export interface Events {
  readonly events: NonNullable<Source['events']>
  /** Shows a snapshot to those who watch; they add to it what they counted. */
  see(snapshot: Snapshot, query: Query | undefined): Snapshot
  abilities(): Promise<readonly Ability[]>
  close(): void
}

/** Makes the events of a machine. */
export function eventSource(ways: Ways): Events {
  const watchers = new Set<Watcher>()
  /** The last snapshot, for a watcher that opens after it: as long as somebody else keeps it. */
  let latest: { readonly snapshot: WeakRef<Snapshot>; readonly whole: ReadonlySet<Protocol> } | undefined

  async function open(query: Query | undefined): Promise<{ readonly watcher: Watcher | undefined; readonly gaps: readonly EventGap[] }> {
    const gaps: EventGap[] = []
    for (const [name, way] of [
      ['programs in the kernel', () => ways.bpf(query)],
      ["the kernel's destroy messages", () => ways.destroy(query)],
    ] as const) {
      try {
        return { watcher: await way(), gaps }
      } catch (error) {
        if (!(error instanceof OsError)) throw error
        gaps.push(refusal(name, error))
      }
    }
    return { watcher: undefined, gaps }
  }

  async function* events(
    query?: Query,
    signal?: AbortSignal,
    listening?: (drainPending?: DrainPending) => void,
  ): AsyncGenerator<SocketEvent | EventGap, void, undefined> {
    const { watcher, gaps } = await open(query)
    if (watcher === undefined) {
      listening?.()
      yield* gaps
      return
    }
    watchers.add(watcher)
    // What was taken, and how much of it is told. A batch can be long: every socket that a snapshot misses is in one.
    let batch: readonly (SocketEvent | EventGap)[] = gaps
    let told = 0
    const drainPending = (): readonly (SocketEvent | EventGap)[] => {
      const rest = batch.slice(told)
      batch = []
      return [...rest, ...(watchers.has(watcher) ? watcher.take() : [])]
    }
    try {
      const last = latest?.snapshot.deref()
      if (last !== undefined) watcher.see(last, latest!.whole)
      listening?.(drainPending)
      let restMs = pollMs
      for (; told < batch.length;) yield batch[told++]!
      while (watchers.has(watcher)) {
        const stopping = signal?.aborted ?? false
        batch = watcher.take()
        const some = batch.length > 0
        for (told = 0; told < batch.length;) yield batch[told++]!
        if (stopping && !some) return
        if (some) await nextTurn()
        else await pause(restMs, signal)
        restMs = some ? pollMs : Math.min(restMs * 2, watcher.restMs)
      }
    } finally {
      if (watchers.delete(watcher)) watcher.close()
    }
  }

  return {
    events,
    see(snapshot, query) {
      const whole = new Set(isBroken(snapshot) ? [] : wholeProtocols(query))
      latest = { snapshot: new WeakRef(snapshot), whole }
      for (const watcher of watchers) watcher.see(snapshot, whole)
      return snapshot
    },
    async abilities() {
      const { watcher, gaps } = await open(undefined)
      watcher?.close()
      const text = watcher?.tier === 'bpf' ? usedText(watcher.lacks) : 'every closed socket with its final counters; owners by looking'
      const help = watcher?.lacks === undefined ? '' : lacksHelp
      return [
        { name: 'bpf-events', works: watcher?.tier === 'bpf', text: gaps[0]?.gap.text ?? text, help: gaps[0]?.gap.help ?? help },
        {
          name: 'events',
          works: watcher !== undefined,
          text: watcher ? text : gaps.at(-1)!.gap.text,
          help: watcher ? help : gaps.at(-1)!.gap.help,
        },
      ]
    },
    close() {
      for (const watcher of watchers) {
        watchers.delete(watcher)
        watcher.close()
      }
    },
  }
}

/** What programs in the kernel tell. */
const usedText = (lacks: string | undefined): string =>
  lacks === undefined
    ? 'by programs in the kernel: every socket, with owner and bytes'
    : `by programs in the kernel: TCP sockets with owner and bytes, ends of UDP; ${lacks}`

/** The protocols of which a snapshot by this query holds every socket of the own network namespace. */
function wholeProtocols(query: Query = {}): readonly Protocol[] {
  const { protocols = ['tcp', 'udp'], families, filter, states, namespaces = 'own' } = query
  if (filter !== undefined || states !== undefined || namespaces !== 'own') return []
  const needed = (protocol: Protocol): readonly Family[] => (protocol === 'unix' ? ['unix'] : ['ipv4', 'ipv6'])
  return protocols.filter(protocol => families === undefined || needed(protocol).every(family => families.includes(family)))
}

const isBroken = (snapshot: Snapshot): boolean => snapshot.gaps.some(gap => gap.what === 'sockets')

function refusal(name: string, error: OsError): EventGap {
  const denied = error.code === 'EPERM' || error.code === 'EACCES'
  const help = denied ? 'run as root, or with CAP_BPF and CAP_PERFMON' : ''
  return eventGap(denied ? 'permission' : 'kernel', `${name} cannot be used: ${error.message}`, help)
}

/** Waits for the next look at the queues, or until it is called off. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    if (signal?.aborted) done()
    else signal?.addEventListener('abort', done)
  })
}

/** The ways of the live machine. */
export function liveWays(calls: NonNullable<Calls>): Ways {
  return {
    async bpf(query) {
      const [{ openMeter }, { bpfWatcher }, { insideOf, whereOf }] = await Promise.all([
        import('../bpf/meter.ts'),
        import('./bpf-tier.ts'),
        import('./where.ts'),
      ])
      const where = await whereOf(query)
      const meter = openMeter({ namespace: where.only, unix: query?.protocols?.includes('unix') ?? false })
      return openBpf(meter, bpfWatcher, where.namespaceOf, await insideOf(calls, query, await udpOpener(calls)))
    },
    async destroy(query) {
      const [{ destroyWatcher }, { insideOf }] = await Promise.all([import('./destroy-tier.ts'), import('./where.ts')])
      return insideOf(calls, query, () => destroyWatcher(calls))
    },
  }
}

function openBpf(meter: Meter, make: typeof bpfWatcher, namespaceOf: Where['namespaceOf'], udp: Destroyed | undefined): Watcher {
  const bootMs = bootTimeMs()
  const names = passwdUsers()
  return make(meter, {
    bootMs,
    users: names,
    namespaceOf,
    readProcess: pid => readProcess(pid, bootMs, { of: uid => names.get(uid) }),
    udp,
  })
}

async function udpOpener(calls: NonNullable<Calls>): Promise<() => Destroyed | undefined> {
  const { openDestroyed } = await import('./destroy-messages.ts')
  return () => {
    try {
      return openDestroyed(calls, 'udp')
    } catch (error) {
      if (error instanceof OsError) return undefined // Then a snapshot shows that the socket is gone.
      throw error
    }
  }
}
