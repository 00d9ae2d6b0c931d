// Why a socket has no process, as displayed.

import type { Ownerless } from './socket.ts'

/** The reason in brackets, so that it is not mistaken for the name of a process: `(hidden)`. */
export const ownerlessText = (ownerless: Ownerless | undefined): string =>
  `(${ownerless === 'permission' ? 'hidden' : (ownerless ?? 'unknown')})`
