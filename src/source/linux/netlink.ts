// The framing of netlink: messages, and attributes in a message. Pure: bytes in, values out.

import { DecodeError, OsError } from '../../model/error.ts'
import { nlattr, nlmsgerr, nlmsghdr } from './structs.ts'

export const NLM_F_REQUEST = 0x1
export const NLM_F_DUMP_INTR = 0x10
export const NLM_F_DUMP = 0x300
export const NLMSG_ERROR = 2
export const NLMSG_DONE = 3

const align4 = (n: number): number => (n + 3) & ~3

/** One message of an answer, or one attribute of a message: what it is and where its content starts and ends. */
export interface Message {
  readonly type: number
  readonly flags: number
  readonly at: number
  readonly end: number
}

/** Walks the messages of one answer. An error from the kernel is thrown, never skipped. */
export function* messages(view: DataView): Generator<Message> {
  for (let at = 0; at < view.byteLength;) {
    const header = nlmsghdr.read(view, at)
    const end = at + header.len
    if (header.len < nlmsghdr.size || end > view.byteLength)
      throw new DecodeError('netlink message', header.len, view.byteLength - at, `at ${at}`)
    if (header.type === NLMSG_ERROR || header.type === NLMSG_DONE) checkError(view, at + nlmsghdr.size, end, header.type)
    yield { type: header.type, flags: header.flags, at: at + nlmsghdr.size, end }
    at += align4(header.len)
  }
}

/** NLMSG_ERROR holds an errno; NLMSG_DONE does when a dump broke off. 0 is success. */
function checkError(view: DataView, at: number, end: number, type: number): void {
  if (type === NLMSG_DONE && end - at < nlmsgerr.size) return
  const { error } = nlmsgerr.read(view, at, end - at)
  if (error < 0) throw new OsError('sock_diag', errnoNames[-error] ?? `errno ${-error}`)
  if (error > 0) throw new DecodeError('netlink error', 0, error, `at ${at}`)
}

/** The errors that a dump is known to end with; the numbers are the same on every architecture that Node runs on. */
const errnoNames: Readonly<Record<number, string>> = {
  1: 'EPERM',
  2: 'ENOENT',
  12: 'ENOMEM',
  13: 'EACCES',
  16: 'EBUSY',
  22: 'EINVAL',
  93: 'EPROTONOSUPPORT',
  95: 'EOPNOTSUPP',
  97: 'EAFNOSUPPORT',
  105: 'ENOBUFS',
}

/** Walks the attributes from `at` to `end`. */
export function* attributes(view: DataView, at: number, end: number): Generator<Message> {
  while (at < end) {
    const header = nlattr.read(view, at, Math.min(nlattr.size, end - at))
    if (header.len < nlattr.size || at + header.len > end) throw new DecodeError('netlink attribute', header.len, end - at, `at ${at}`)
    yield { type: header.type & 0x3fff, flags: header.type >>> 14, at: at + nlattr.size, end: at + header.len }
    at += align4(header.len)
  }
}

/** Puts a header before the parts of a body. */
export function message(type: number, flags: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + align4(part.length), nlmsghdr.size)
  const all = new Uint8Array(length)
  all.set(nlmsghdr.write({ len: length, type, flags }))
  let at = nlmsghdr.size
  for (const part of parts) {
    all.set(part, at)
    at += align4(part.length)
  }
  return all
}
