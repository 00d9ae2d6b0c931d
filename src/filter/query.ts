// What is wanted from a look. A source asks the kernel for that and no more.

import type { Family, Protocol, Socket, State } from '../model/socket.ts'
import type { Process } from '../model/process.ts'

/** What is wanted. Everything that is left out has its default. */
export interface Query {
  /** Default: tcp and udp. */
  readonly protocols?: readonly Protocol[]
  /** Default: all families of the protocols. */
  readonly families?: readonly Family[]
  /** Default: every state. */
  readonly states?: readonly State[]
  /** Default: true. Without owners a look is faster. */
  readonly owners?: boolean
  /** What to ask the kernel for beside the plain record. Default: nothing. */
  readonly details?: readonly DetailName[]
  /** Which network namespaces. Default: the own one. */
  readonly namespaces?: 'own' | 'all' | { readonly name: string } | { readonly pid: number } | { readonly path: string }
  /** Which sockets: text in the filter language, or a function. */
  readonly filter?: string | SocketTest
}

/** Groups of fields that cost more: TCP statistics, socket memory, options, cgroup. */
export type DetailName = 'tcp' | 'memory' | 'options' | 'cgroup'

/** Says whether a socket is wanted. */
export type SocketTest = (socket: Socket, processes: ReadonlyMap<number, Process>) => boolean
