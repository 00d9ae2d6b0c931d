// From sock_diag bytes of UNIX sockets to sockets. Pure.

import { littleEndian } from '../../../bytes/struct.ts'
import { utf8Text } from '../../../bytes/text.ts'
import type { Detail, Endpoint } from '../../../model/socket.ts'
import { diagDraft, looseStates, optionsOf, queuesOf, shutdownOf, socketTypes, type DetailFields, type Draft } from './draft.ts'
import { readMemory } from './memory.ts'
import { unixDiagMsg, unixDiagRqlen, unixDiagVfs } from '../kernel/structs.ts'
import { attributes, u32Of, u8Of } from '../kernel/netlink.ts'

// include/uapi/linux/unix_diag.h: UNIX_DIAG_*
const NAME = 0
const VFS = 1
const PEER = 2
const ICONS = 3
const RQLEN = 4
const MEMINFO = 5
const SHUTDOWN = 6
const UID = 7

/** Reads one socket. Its other end is only known by inode until `joinUnix`. */
export function readUnix(view: DataView, at: number, end: number): Draft {
  const m = unixDiagMsg.read(view, at, end - at)
  const state = looseStates[m.state]
  const local: { path?: string; inode: number } = { inode: m.ino }
  const socket = diagDraft(m, 'unix', state, local)
  const fields: DetailFields = {}
  for (const a of attributes(view, at + unixDiagMsg.size, end)) {
    const size = a.end - a.at
    if (a.type === NAME) local.path = unixPath(new Uint8Array(view.buffer, view.byteOffset + a.at, size))
    else if (a.type === PEER) socket.remote = { inode: u32Of(view, a) }
    else if (a.type === RQLEN) {
      const q = unixDiagRqlen.read(view, a.at, size)
      socket.queues = queuesOf(state === 'LISTEN', q.rqueue, q.wqueue)
    } else if (a.type === SHUTDOWN) socket.options = shutdowns[u8Of(view, a) & 3]
    else if (a.type === UID) socket.uid = u32Of(view, a)
    else if (a.type === MEMINFO) socket.memory = readMemory(view, a.at, size)
    else if (a.type === VFS) {
      const vfs = unixDiagVfs.read(view, a.at, size)
      fields.fileInode = vfs.ino
      fields.fileDevice = `${vfs.dev >>> 20}:${vfs.dev & 0xfffff}` // The kernel's own dev_t: 12 bits and 20.
    } else if (a.type === ICONS) fields.pending = inodes(view, a.at, a.end)
  }
  socket.detail = detailOf(m.type, fields)
  return socket
}

const shutdowns = [0, 1, 2, 3].map(mask => optionsOf({ shutdown: shutdownOf(mask) }))
const plain: readonly Detail[] = socketTypes.map(type => ({ type }))

const detailOf = (type: number, fields: NonNullable<Detail['fields']>): Detail | undefined =>
  Object.keys(fields).length === 0 ? plain[type] : { type: socketTypes[type], fields }

/** Sockets that wait to be accepted, by the inodes of the ends that have connected. */
function inodes(view: DataView, at: number, end: number): string {
  const all: number[] = []
  for (let i = at; i + 4 <= end; i += 4) all.push(view.getUint32(i, littleEndian))
  return all.join(' ')
}

/** The path as ss writes it: a first NUL makes an abstract name, and each NUL is written `@`. */
export function unixPath(name: Uint8Array): string | undefined {
  if (name.length === 0) return undefined
  // The name of a file ends with a NUL that does not belong to it; an abstract name has any bytes.
  const text = utf8Text(name[0] !== 0 && name.at(-1) === 0 ? name.subarray(0, -1) : name)
  return text.replaceAll('\0', '@')
}

/** Joins both ends of each connection. */
export function joinUnix(sockets: readonly Draft[]): void {
  const byInode = new Map<number, Draft>()
  const listeners = new Map<number, Draft>()
  for (const socket of sockets) {
    if (socket.inode !== undefined) byInode.set(socket.inode, socket)
    const pending = socket.detail?.fields?.pending
    if (typeof pending === 'string') for (const inode of pending.split(' ')) listeners.set(Number(inode), socket)
  }
  for (const socket of sockets) {
    const inode = socket.remote?.inode
    if (inode === undefined) continue
    // The other end of a connection that waits to be accepted has no inode, but its listener is known.
    const other = inode === 0 ? listeners.get(socket.inode ?? 0) : byInode.get(inode)
    socket.remote = end(other, inode)
  }
}

const end = (other: Draft | undefined, inode: number): Endpoint => ({ path: other?.local.path, inode: inode === 0 ? undefined : inode })
