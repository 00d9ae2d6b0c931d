// The record of a protocol that runs on top of TCP inside the kernel: INET_DIAG_ULP_INFO. Pure.

import type { UpperLayer } from '../../../model/socket.ts'
import { bitNames } from './draft.ts'
import { attributes, textOf, u16Of, u32Of, u64Of, u8Of, type Message } from '../kernel/netlink.ts'

// include/uapi/linux/inet_diag.h: INET_ULP_INFO_*
const NAME = 1
const TLS = 2
const MPTCP = 3

type Fields = Record<string, string | number | boolean>
type Readers = Readonly<Record<number, readonly [string, (view: DataView, a: Message) => string | number | boolean]>>

const tlsVersions: Readonly<Record<number, string>> = { 0x303: '1.2', 0x304: '1.3' }
/** include/uapi/linux/tls.h: TLS_CIPHER_* */
const tlsCiphers: Readonly<Record<number, string>> = {
  51: 'aes-gcm-128',
  52: 'aes-gcm-256',
  53: 'aes-ccm-128',
  54: 'chacha20-poly1305',
  55: 'sm4-gcm',
  56: 'sm4-ccm',
  57: 'aria-gcm-128',
  58: 'aria-gcm-256',
}
const tlsPlaces: Readonly<Record<number, string>> = { 1: 'none', 2: 'software', 3: 'hardware', 4: 'hardware-record' }
const named = (names: Readonly<Record<number, string>>) => (view: DataView, a: Message) => names[u16Of(view, a)] ?? u16Of(view, a)

/** include/uapi/linux/tls.h: TLS_INFO_* */
const tls: Readers = {
  1: ['version', named(tlsVersions)],
  2: ['cipher', named(tlsCiphers)],
  3: ['send', named(tlsPlaces)],
  4: ['receive', named(tlsPlaces)],
  5: ['zeroCopySend', () => true],
  6: ['noPadding', () => true],
}

/** include/uapi/linux/mptcp.h: MPTCP_SUBFLOW_FLAG_*, from bit 0 on. */
const subflowFlags = [
  'remote-capable',
  'local-capable',
  'remote-join',
  'local-join',
  'remote-backup',
  'local-backup',
  'fully-established',
  'connected',
  'mapping-valid',
] as const

/** include/uapi/linux/mptcp.h: MPTCP_SUBFLOW_ATTR_* */
const mptcp: Readers = {
  1: ['remoteToken', u32Of],
  2: ['localToken', u32Of],
  3: ['relativeWriteSequence', u32Of],
  4: ['mapSequence', (view, a) => String(u64Of(view, a))],
  5: ['mapSubflowSequence', u32Of],
  6: ['subflowSequenceOffset', u32Of],
  7: ['mapLengthBytes', u16Of],
  8: ['flags', (view, a) => bitNames(subflowFlags, u32Of(view, a)) ?? ''],
  9: ['remoteId', u8Of],
  10: ['localId', u8Of],
}

function readFields(view: DataView, at: number, end: number, readers: Readers, fields: Fields): void {
  for (const a of attributes(view, at, end)) {
    const reader = readers[a.type]
    if (reader) fields[reader[0]] = reader[1](view, a)
  }
}

/** Reads the content of the attribute, from `at` to `end`. */
export function readUpperLayer(view: DataView, at: number, end: number): UpperLayer {
  let name = ''
  const fields: Fields = {}
  for (const a of attributes(view, at, end)) {
    if (a.type === NAME) name = textOf(view, a)
    else if (a.type === TLS) readFields(view, a.at, a.end, tls, fields)
    else if (a.type === MPTCP) readFields(view, a.at, a.end, mptcp, fields)
  }
  return { name, fields: Object.keys(fields).length === 0 ? undefined : fields }
}
