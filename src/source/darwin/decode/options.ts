// The options that are set on a socket. Pure.

import type { Options } from '../../../model/socket.ts'

/** bsd/sys/socketvar.h */
const SS_CANTSENDMORE = 0x10
const SS_CANTRCVMORE = 0x20

/** bsd/sys/socket.h: what was set with setsockopt. */
const optionNames: readonly (readonly [number, string])[] = [
  [0x1, 'debug'],
  [0x4, 'reuseaddr'],
  [0x8, 'keepalive'],
  [0x10, 'dontroute'],
  [0x20, 'broadcast'],
  [0x80, 'linger'],
  [0x100, 'oobinline'],
  [0x200, 'reuseport'],
  [0x400, 'timestamp'],
]

/** The options that every kind of socket has, from `so_options` and `so_state`. */
export function optionsOf(options: number, state: number): Options {
  const noReceive = (state & SS_CANTRCVMORE) !== 0
  const noSend = (state & SS_CANTSENDMORE) !== 0
  return {
    v6only: undefined,
    tos: undefined,
    trafficClass: undefined,
    shutdown: noReceive && noSend ? 'both' : noReceive ? 'receive' : noSend ? 'send' : 'none',
    flags: optionNames.filter(([bit]) => (options & bit) !== 0).map(([, name]) => name),
    upperLayer: undefined,
    md5Keys: undefined,
    bpfStorage: undefined,
  }
}
