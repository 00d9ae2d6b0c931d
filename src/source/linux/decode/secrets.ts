// What must not get into a recording: the kernel gives those with privileges the keys of TCP MD5 signatures (as of BGP), and what BPF programs keep. Pure.

import { viewOf } from '../../../bytes/text.ts'
import { MD5SIG, md5Bytes, SK_BPF_STORAGES } from './inet.ts'
import { attributes, eachMessage, SOCK_DIAG_BY_FAMILY } from '../kernel/netlink.ts'
import { inetDiagMsg } from '../kernel/structs.ts'

/** In struct tcp_diag_md5sig family, prefix, length and address come first. */
const keyAt = 20

/** Writes zeros over the secrets of an answer about internet sockets. The lengths stay. */
export function blankSecrets(answer: Uint8Array): void {
  const view = viewOf(answer)
  eachMessage(view, (type, at, end) => {
    if (type !== SOCK_DIAG_BY_FAMILY || end - at < inetDiagMsg.size) return
    for (const a of attributes(view, at + inetDiagMsg.size, end)) {
      if (a.type === SK_BPF_STORAGES) answer.fill(0, a.at, a.end)
      if (a.type === MD5SIG) for (let one = a.at; one < a.end; one += md5Bytes) answer.fill(0, one + keyAt, Math.min(one + md5Bytes, a.end))
    }
  })
}
