// Reads the events of a source while something else happens. When nobody takes them it stops reading: then they wait in the kernel,
// which counts what it has no room for.

import type { Query } from '../filter/plan.ts'
import type { EventGap, SocketEvent } from '../model/event.ts'
import { nextTurn } from '../source/yielding.ts'
import type { Source, DrainPending } from '../source/source.ts'
import { pause } from './pause.ts'

const maxWaiting = 50_000
/** A source need not say when it listens. */
const readyMs = 2000

/** Events that are being read. */
export interface Tap {
  /** Ends of sockets are told. */
  readonly tells: boolean
  /** Comes when nothing that happens is missed any more: what is looked at then begins whole. */
  readonly ready: Promise<void>
  /** Takes what has come. */
  take(): (SocketEvent | EventGap)[]
  /** Comes when whatever happened before the call has come, where the source can tell that. */
  catchUp(): Promise<void>
  /** Waits until something has come, or the reading has ended. */
  wait(): Promise<void>
  /** Ends the reading; what was on its way can still be taken. */
  stop(): Promise<void>
}

/** Starts to read. */
export function openTap(source: Source, query: Query | undefined): Tap {
  const stopping = new AbortController()
  let events: (SocketEvent | EventGap)[] = []
  let failed: { readonly error: unknown } | undefined
  let open = source.events !== undefined
  const came = signalled()
  const taken = signalled()
  const listening = signalled()
  const heard = listening.heard()
  const enough = new AbortController()
  const ready = Promise.race([heard, pause(readyMs, enough.signal)]).then(() => enough.abort())
  let drainPending: DrainPending | undefined

  async function read(): Promise<void> {
    if (source.events === undefined) return
    const listens = (now?: DrainPending): void => {
      drainPending = now
      listening.ring()
    }
    for await (const event of source.events(query, stopping.signal, listens)) {
      events.push(event)
      came.ring()
      listening.ring() // Who tells something listens.
      while (events.length >= maxWaiting && !stopping.signal.aborted) await taken.heard()
    }
  }
  const reading = read()
    .catch((error: unknown) => {
      failed = { error }
    })
    .finally(() => {
      open = false
      came.ring()
      listening.ring()
    })

  return {
    ready,
    get tells() {
      return open
    },
    take() {
      if (failed !== undefined && events.length === 0) throw failed.error
      const all = events
      events = []
      taken.ring()
      return all
    },
    async catchUp() {
      for (let isAll = drainPending === undefined; !isAll && events.length < maxWaiting;) {
        await nextTurn() // What the iteration has given is on its way.
        const more = drainPending!()
        isAll = more.length === 0
        for (const event of more) events.push(event)
      }
    },
    wait: async () => {
      if (events.length === 0 && open) await came.heard()
    },
    async stop() {
      stopping.abort()
      taken.ring()
      await reading
    },
  }
}

/** A bell: `heard` waits for the next ring. */
function signalled(): { ring(): void; heard(): Promise<void> } {
  let ring: () => void = () => {}
  let next = new Promise<void>(resolve => (ring = resolve))
  return {
    ring() {
      ring()
      next = new Promise<void>(resolve => (ring = resolve))
    },
    heard: () => next,
  }
}
