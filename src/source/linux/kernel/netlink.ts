// The framing of netlink: messages, and attributes in a message. Pure: bytes in, values out.

import { littleEndian } from '../../../bytes/struct.ts'
import { cString } from '../../../bytes/text.ts'
import { DecodeError, OsError } from '../../../model/errors.ts'
import { nlattr, nlmsgerr, nlmsghdr } from './structs.ts'

export const SOCK_DIAG_BY_FAMILY = 20
export const NLM_F_REQUEST = 0x1
export const NLM_F_ACK = 0x4
export const NLM_F_DUMP_INTR = 0x10
export const NLM_F_DUMP = 0x300
export const NLMSG_NOOP = 1
export const NLMSG_ERROR = 2
export const NLMSG_DONE = 3

/** Lengths are rounded up to 4. */
export const align4 = (n: number): number => (n + 3) & ~3

const typeAt = nlmsghdr.offsets.type!
const flagsAt = nlmsghdr.offsets.flags!
const attributeTypeAt = nlattr.offsets.type!

/** One message of an answer, or one attribute of a message: what it is and where its content starts and ends. */
export interface Message {
  readonly type: number
  readonly flags: number
  readonly at: number
  readonly end: number
}

/** Passes on the messages of one answer. An error from the kernel is thrown, never skipped. */
export function eachMessage(view: DataView, take: (type: number, at: number, end: number, flags: number) => void): void {
  for (let at = 0; at < view.byteLength;) {
    const left = view.byteLength - at
    const length = left < nlmsghdr.size ? 0 : view.getUint32(at, littleEndian)
    if (length < nlmsghdr.size || length > left) throw new DecodeError('netlink message', Math.max(length, nlmsghdr.size), left, `at ${at}`)
    const type = view.getUint16(at + typeAt, littleEndian)
    if (type === NLMSG_ERROR || type === NLMSG_DONE) checkError(view, at + nlmsghdr.size, at + length, type)
    take(type, at + nlmsghdr.size, at + length, view.getUint16(at + flagsAt, littleEndian))
    at += align4(length)
  }
}

/** The messages of one answer, as a list. */
export function messages(view: DataView): Message[] {
  const all: Message[] = []
  eachMessage(view, (type, at, end, flags) => all.push({ type, flags, at, end }))
  return all
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
  11: 'EAGAIN',
  12: 'ENOMEM',
  13: 'EACCES',
  16: 'EBUSY',
  22: 'EINVAL',
  90: 'EMSGSIZE',
  93: 'EPROTONOSUPPORT',
  95: 'EOPNOTSUPP',
  97: 'EAFNOSUPPORT',
  105: 'ENOBUFS',
}

/** The length of the attribute at `at`, with its header and without the rounding. It never reaches past `end`. */
export function attributeLength(view: DataView, at: number, end: number): number {
  const length = end - at < nlattr.size ? 0 : view.getUint16(at, littleEndian)
  if (length < nlattr.size || at + length > end)
    throw new DecodeError('netlink attribute', Math.max(length, nlattr.size), end - at, `at ${at}`)
  return length
}

/** The type of the attribute at `at`, without the flags for nested and big-endian content. */
export const attributeType = (view: DataView, at: number): number => view.getUint16(at + attributeTypeAt, littleEndian) & 0x3fff

/** The attributes from `at` to `end`, as a list. */
export function attributes(view: DataView, at: number, end: number): Message[] {
  const all: Message[] = []
  while (at < end) {
    const length = attributeLength(view, at, end)
    all.push({ type: attributeType(view, at), flags: 0, at: at + nlattr.size, end: at + length })
    at += align4(length)
  }
  return all
}

/** A number of 32 bits that is the whole content of an attribute. */
export const u32Of = (view: DataView, a: Message): number => view.getUint32(needs(a, 4), littleEndian)
/** A number of 16 bits that is the whole content of an attribute. */
export const u16Of = (view: DataView, a: Message): number => view.getUint16(needs(a, 2), littleEndian)
/** A number of 8 bits that is the whole content of an attribute. */
export const u8Of = (view: DataView, a: Message): number => view.getUint8(needs(a, 1))
/** A number of 64 bits that is the whole content of an attribute. */
export const u64Of = (view: DataView, a: Message): bigint => view.getBigUint64(needs(a, 8), littleEndian)

/** Text that is the whole content of an attribute, up to its first NUL. */
export const textOf = (view: DataView, a: Message): string => cString(new Uint8Array(view.buffer, view.byteOffset + a.at, a.end - a.at))

function needs(a: Message, size: number): number {
  if (a.end - a.at < size) throw new DecodeError(`netlink attribute ${a.type}`, size, a.end - a.at, `at ${a.at}`)
  return a.at
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

/** One attribute, with its header. */
export function attribute(type: number, content: Uint8Array): Uint8Array {
  const all = new Uint8Array(nlattr.size + content.length)
  all.set(nlattr.write({ len: all.length, type }))
  all.set(content, nlattr.size)
  return all
}
