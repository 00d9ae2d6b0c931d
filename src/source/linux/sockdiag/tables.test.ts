// What a source makes of a kernel that fails, stops, repeats itself or sends damaged bytes.
import { test } from 'node:test'
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { viewOf } from '../../../bytes/text.ts'
import { OsError } from '../../../model/errors.ts'
import type { Protocol, Socket } from '../../../model/socket.ts'
import { parseFilter } from '../../../filter/language/parse.ts'
import { messages } from '../kernel/netlink.ts'
import { nlmsghdr } from '../kernel/structs.ts'
import { listScripted, type Take } from '../../../../test/linux/scripted.ts'

const golden = (name: string): Uint8Array => new Uint8Array(readFileSync(`test/golden/linux/${name}.bin`))
const dump = golden('tcp-ipv4')
const HEADER = nlmsghdr.size
/** The messages of the dump, one by one; the last is the end of the dump. */
const parts = messages(viewOf(dump)).map(m => dump.slice(m.at - HEADER, m.end))
const done = parts.at(-1)!
const join = (...list: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(list))
const whole = join(...parts)

/** A message of the kernel that holds an errno: NLMSG_ERROR is 2, NLMSG_DONE 3. */
function errorMessage(type: number, errno: number): Uint8Array {
  const bytes = new Uint8Array(HEADER + 4)
  bytes.set(nlmsghdr.write({ len: bytes.length, type }))
  viewOf(bytes).setInt32(HEADER, -errno, true)
  return bytes
}

/** The same message, marked as of an interrupted dump. */
function interrupted(message: Uint8Array): Uint8Array {
  const bytes = message.slice()
  const view = viewOf(bytes)
  view.setUint16(nlmsghdr.offsets.flags!, view.getUint16(nlmsghdr.offsets.flags!, true) | 0x10, true)
  return bytes
}

const tcp = (...takes: Take[]) => listScripted({ 'tcp ipv4': takes }, ['tcp'], { families: ['ipv4'] })
const keys = (sockets: readonly Socket[]): string[] => sockets.map(socket => socket.key)
const all = parts.length - 1

test('a dump in several answers', async () => {
  const { sockets, gaps } = await tcp([join(...parts.slice(0, 3)), join(...parts.slice(3, -1)), done])
  equal(sockets.length, all)
  deepEqual(gaps, [])
  equal(new Set(keys(sockets)).size, all)
})

test('an error in a dump is a gap, never its end', async () => {
  for (const type of [2, 3]) {
    const { sockets, gaps } = await tcp([join(...parts.slice(0, 3)), errorMessage(type, 12)])
    equal(sockets.length, 3)
    deepEqual(
      gaps.map(gap => [gap.what, gap.why]),
      [['sockets', 'kernel']],
    )
    match(gaps[0]!.text, /tcp over ipv4 was not listed to its end: sock_diag failed: ENOMEM/)
  }
})

test('a message of another kind is not a socket', async () => {
  const other = parts[1]!.slice()
  viewOf(other).setUint16(nlmsghdr.offsets.type!, 77, true)
  const { sockets, gaps } = await tcp([join(parts[0]!, other, parts[2]!, done)])
  equal(sockets.length, 1)
  equal(gaps[0]?.why, 'damaged')
})

test('a dump that stops without its end is a gap', async () => {
  const { sockets, gaps } = await tcp([join(...parts.slice(0, 4))])
  equal(sockets.length, 4)
  equal(gaps[0]?.why, 'damaged')
})

test('a table that changed is asked for again, and the whole answer counts', async () => {
  const { sockets, gaps, asked } = await tcp([interrupted(parts[0]!), interrupted(done)], [whole])
  equal(asked.length, 2)
  equal(sockets.length, all)
  deepEqual(gaps, [])
})

test('a table that changes each time: what was seen at all, each once, and a gap', async () => {
  const first = [join(parts[0]!, parts[1]!), interrupted(done)]
  const second = [join(parts[1]!, interrupted(parts[2]!)), done]
  const { sockets, gaps, asked } = await tcp(first, second, second)
  equal(asked.length, 3)
  equal(new Set(keys(sockets)).size, 3)
  equal(sockets.length, 3)
  deepEqual(
    gaps.map(gap => [gap.why, gap.help]),
    [['interrupted', 'take another snapshot']],
  )
})

test('no room for an answer: asked again once, then a gap with what was seen', async () => {
  const full = new OsError('recv', 'ENOBUFS')
  const better = await tcp([parts[0]!, full], [whole])
  equal(better.sockets.length, all)
  deepEqual(better.gaps, [])
  const worse = await tcp([parts[0]!, full], [parts[1]!, full])
  equal(worse.asked.length, 2)
  equal(worse.sockets.length, 2)
  deepEqual(
    worse.gaps.map(gap => gap.why),
    ['lost'],
  )
})

test('an answer that was cut short by the buffer, and one that never comes', async () => {
  const cut = await tcp([parts[0]!, new OsError('recv', 'EMSGSIZE')])
  equal(cut.sockets.length, 1)
  equal(cut.gaps[0]?.why, 'damaged')
  const late = await tcp([parts[0]!, new OsError('recv', 'EAGAIN')])
  equal(late.sockets.length, 1)
  match(late.gaps[0]!.text, /EAGAIN/)
})

test('netlink forbidden: the text is read, and a gap says what it leaves out', async () => {
  const text = new Uint8Array(readFileSync('test/golden/linux/proc/net/tcp'))
  for (const code of ['EPERM', 'EACCES', 'EPROTONOSUPPORT', 'EAFNOSUPPORT']) {
    const refused = new OsError('socket(NETLINK_SOCK_DIAG)', code)
    const { sockets, gaps } = await listScripted({ 'tcp ipv4': [[refused]], '/proc/net/tcp': [[text]] }, ['tcp'], { families: ['ipv4'] })
    ok(sockets.length > 5)
    deepEqual(
      gaps.map(gap => gap.what),
      ['statistics'],
    )
    match(gaps[0]!.help, /seccomp/)
  }
})

test('neither netlink nor text: a gap that shows whether it is forbidden or lacking', async () => {
  const refused = await listScripted({ 'tcp ipv4': [[new OsError('socket(NETLINK_SOCK_DIAG)', 'EPERM')]] }, ['tcp'], { families: ['ipv4'] })
  deepEqual(
    refused.gaps.map(gap => [gap.what, gap.why]),
    [['sockets', 'permission']],
  )
})

test('where netlink is forbidden no module would help', async () => {
  const refused = new OsError('socket(NETLINK_SOCK_DIAG)', 'EPERM')
  const { gaps } = await listScripted({ vsock: [[refused]] }, ['vsock'])
  deepEqual(
    gaps.map(gap => [gap.why, /seccomp/.test(gap.help), gap.help.includes('modprobe')]),
    [['permission', true, false]],
  )
})

test('text in pieces, with damaged lines, and paths with line feeds', async () => {
  const text = readFileSync('test/golden/linux/proc/net/tcp')
  const refused = new OsError('socket(NETLINK_SOCK_DIAG)', 'EPERM')
  const read = (net: Take, protocol: Protocol) =>
    listScripted({ [protocol === 'unix' ? 'unix' : 'tcp ipv4']: [[refused]], [`/proc/net/${protocol}`]: [net] }, [protocol], {
      families: ['ipv4', 'unix'],
    })
  const expected = (await read([text], 'tcp')).sockets
  const pieces: Uint8Array[] = []
  for (let at = 0; at < text.length; at += 7) pieces.push(text.subarray(at, at + 7))
  deepEqual((await read(pieces, 'tcp')).sockets, expected)
  const damaged = await read([text, Buffer.from('   9: 0100007F:zzzz\n')], 'tcp')
  deepEqual(damaged.sockets, expected)
  deepEqual(
    damaged.gaps.filter(gap => gap.why === 'damaged').map(gap => gap.count),
    [1],
  )
  const listens = (inode: number, path: string): string => `0000: 00000002 00000000 00010000 0001 01 ${inode} ${path}\n`
  const connected = '0000: 00000003 00000000 00000000 0001 03 78\n'
  // A path with a row of its own after a line feed: that row has the inode of a socket of another process.
  const forged = `${listens(79, `/tmp/x\n${listens(80, '/run/docker.sock').trimEnd()}`)}${listens(80, '/run/other')}`
  const { sockets, gaps } = await read(
    [Buffer.from(`Num RefCount\n${listens(77, '/run/a\nb')}${connected}${forged}${listens(81, '/run/c\rd')}`)],
    'unix',
  )
  deepEqual(
    sockets.map(socket => [socket.inode, socket.local.path, socket.state]),
    [
      [78, undefined, 'ESTABLISHED'],
      [79, '/tmp/x', 'LISTEN'],
      [81, '/run/c\rd', 'LISTEN'],
    ],
  )
  deepEqual(
    gaps.filter(gap => gap.code === 'table-damaged').map(gap => gap.count),
    [4],
  )
})

test('BPF storage is asked for first, and not by those who may not', async () => {
  const options = { families: ['ipv4' as const], details: ['options' as const] }
  const refused = await listScripted({ 'tcp ipv4': [[errorMessage(2, 1)], [whole]] }, ['tcp'], options)
  equal(refused.asked.length, 2)
  equal(refused.sockets.length, all)
  deepEqual(refused.gaps, [])
})

test('a single connection is looked up, and when that finds nothing the table is asked', async () => {
  const { sockets } = await tcp([whole])
  const at = sockets.findIndex(socket => socket.state === 'ESTABLISHED')
  const { local, remote } = sockets[at]!
  const filter = parseFilter(`src ${local.address}:${local.port} dst ${remote!.address}:${remote!.port}`)
  const found = await listScripted({ 'tcp ipv4': [[parts[at]!]] }, ['tcp'], { families: ['ipv4'], filter })
  equal(found.asked.length, 1)
  equal(found.sockets.length, 1)
  const lost = await listScripted({ 'tcp ipv4': [[errorMessage(2, 2)], [whole]] }, ['tcp'], { families: ['ipv4'], filter })
  equal(lost.asked.length, 2)
  equal(lost.sockets.length, all)
  const listener = parts.find(part => part[HEADER + 1] === 10)!
  const only = await listScripted({ 'tcp ipv4': [[listener], [whole]] }, ['tcp'], { families: ['ipv4'], filter })
  equal(only.sockets.length, all)
})

test('a table is not asked for when the kernel has none of its sockets', async () => {
  const none = await listScripted({ 'tcp ipv4': [[whole]] }, ['tcp'], { families: ['ipv4'], states: ['DELETE_TCB'] })
  deepEqual([none.asked, none.sockets, none.gaps], [[], [], []])
})
