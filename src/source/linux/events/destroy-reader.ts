// Events from the kernel's messages that a socket was destroyed. They report no openings, and no owners.

import type { ClosedReport, EventGap, PeerEvidence, SourceEvent } from '../../../model/event.ts'
import type * as calls from '../kernel/calls.ts'
import type { Draft } from '../decode/draft.ts'
import { ClosedPeers } from './closed-peers.ts'
import { openDestroyMessages, type DestroyMessages } from './destroy-messages.ts'
import type { EventScope } from './scope.ts'
import { eventGap, type LinuxEventReader } from './reader.ts'

const maxMessages = 1000

/** Reads destroy messages. */
export class DestroyReader implements LinuxEventReader {
  readonly tier = 'destroy'
  /** Without privileges the kernel keeps some two hundred messages. */
  readonly maxIdleMs = 10
  readonly opens = []
  readonly ends = ['tcp', 'udp', 'udplite'] as const
  readonly everyEnd = this.ends
  #readUntilMs = 0
  readonly #tcp: DestroyMessages
  readonly #udp: DestroyMessages
  readonly #peers: ClosedPeers

  constructor(tcp: DestroyMessages, udp: DestroyMessages, peers: ClosedPeers) {
    this.#tcp = tcp
    this.#udp = udp
    this.#peers = peers
  }

  get readUntilMs(): number {
    return this.#readUntilMs
  }

  drain(): readonly (SourceEvent | EventGap)[] {
    const fromMs = Date.now()
    const events: (SourceEvent | EventGap)[] = []
    const ended: Draft[] = []
    if (this.#tcp.take(ended, maxMessages)) {
      events.push(lostGap())
      this.#peers.forget()
    }
    this.#peers.add(ended)
    const atMs = Date.now()
    for (const socket of ended) events.push(destroyedReport(socket, atMs, this.#peers.evidenceOf(socket)))
    const datagram: Draft[] = []
    if (this.#udp.take(datagram, maxMessages)) events.push(lostGap())
    for (const socket of datagram) events.push(destroyedReport(socket, atMs, undefined))
    if (ended.length < maxMessages && datagram.length < maxMessages) this.#readUntilMs = fromMs
    return events
  }

  close(): void {
    this.#tcp.close()
    this.#udp.close()
    this.#peers.close()
  }
}

/** Opens the reader, or throws the OsError that says why it cannot be used. */
export function openDestroyReader(c: typeof calls, scope: EventScope): DestroyReader {
  const opened: { close(): void }[] = []
  const keep = <T extends { close(): void }>(one: T): T => {
    opened.push(one)
    return one
  }
  try {
    const messages = (protocol: 'tcp' | 'udp'): DestroyMessages => keep(openDestroyMessages(c, protocol, scope))
    const peersFd = scope.inside(() => c.openDiag())
    const peers = keep(new ClosedPeers(c, peersFd))
    return new DestroyReader(messages('tcp'), messages('udp'), peers)
  } catch (error) {
    for (const one of opened) one.close()
    throw error
  }
}

const lostGap = (): EventGap =>
  eventGap('events-lost', 'events', 'lost', 'more sockets closed at once than the kernel could report', {
    help: 'run as root: the queue is longer then',
  })

/** The end of a socket, as its message has it. */
export function destroyedReport(socket: Draft, atMs: number, peer: PeerEvidence | undefined): ClosedReport {
  socket.inode = undefined // The kernel fills in 0 for both of a socket without a process.
  socket.uid = undefined
  socket.ownerless = 'unknown'
  return {
    type: 'closed',
    atMs,
    tier: 'destroy',
    key: socket.key,
    socket,
    inBytes: undefined,
    outBytes: undefined,
    accuracy: undefined,
    peer,
  }
}
