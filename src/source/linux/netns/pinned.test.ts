import { planQuery } from '../../../filter/plan.ts'
import { after, test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { needs } from '../../../../test/needs.ts'
import { openLinux } from '../index.ts'
import { ProcFs } from '../kernel/proc-fs.ts'
import { pinnedByName, readLinks, SocketNamespaces } from './pinned.ts'

const asRoot = needs('linux', 'root', 'network namespaces', 'command python3')
const source = asRoot.skip ? undefined : await openLinux()
const children: ChildProcess[] = []
const root = mkdtempSync(join(tmpdir(), 'proc-'))
after(() => {
  source?.close()
  rmSync(root, { recursive: true, force: true })
  for (const child of children) child.kill('SIGKILL')
})

test('what descriptors stand for', async () => {
  for (const [path, target] of [
    ['7/fd/3', 'net:[40]'],
    ['7/fd/4', 'socket:[50]'],
    ['8/fd/3', 'net:[40]'],
    ['8/fd/4', 'net:[41]'],
    ['8/fd/5', 'mnt:[42]'],
    ['8/fd/6', '/tmp/net:[43]'],
    ['8/fd/7', 'socket:[50]'],
    ['8/fd/8', 'socket:[51]'],
    ['self/fd/1', 'net:[44]'],
  ] as const) {
    mkdirSync(join(root, path, '..'), { recursive: true })
    symlinkSync(target, join(root, path))
  }
  mkdirSync(join(root, '9')) // It ends during the walk.
  const links = await readLinks(new ProcFs(root))
  deepEqual(
    [...links.namespaces.values()].map(found => [found.inode, found.name, found.file]),
    [
      [40, '7/fd/3', join(root, '7/fd/3')],
      [41, '8/fd/4', join(root, '8/fd/4')],
    ],
  )
  deepEqual([links.sockets, links.skipped], [[7, 4, 50, 8, 8, 51], 0])
  equal(pinnedByName('8/fd/5', new ProcFs(root)), undefined)
  equal(pinnedByName('../fd/3', new ProcFs(root)), undefined)
})

test('a snapshot asks so many sockets and no more, says how many are left, and goes on in the next', async () => {
  let asked = 0
  const call = {
    openPid: () => openSync('/dev/null', 'r'),
    borrowFd: () => openSync('/dev/null', 'r'),
    openNamespaceOf: () => (asked++, openSync('/dev/null', 'r')),
    closeFd: closeSync,
  }
  const { ino } = statSync('/dev/null')
  // Each is /dev/null, which so is its own inode and that of its namespace.
  const sockets = Array.from({ length: 5000 }, (_, i) => [1, 3, ino + i * 2 ** 32]).flat()
  const socketNamespaces = new SocketNamespaces()
  const ask = async (isListed: boolean) =>
    socketNamespaces.ask(
      call,
      { namespaces: new Map(), sockets, skipped: 0 },
      () => false,
      () => isListed,
    )
  deepEqual([(await ask(true)).skipped, asked], [904, 4096])
  deepEqual([(await ask(true)).skipped, asked], [0, 5000])
  deepEqual([(await ask(true)).skipped, asked], [0, 5000])
  // The last process of that namespace has ended.
  const { opened } = await ask(false)
  deepEqual([[...opened.keys()], asked], [[ino], 5001])
  for (const fd of opened.values()) closeSync(fd)
})

const script = `
import ctypes, os, socket, sys
setns = ctypes.CDLL(None).setns
own = os.open('/proc/self/ns/net', os.O_RDONLY)
def space(kept):
    assert ctypes.CDLL(None).unshare(0x40000000) == 0
    fd = os.open('/proc/self/ns/net', os.O_RDONLY)
    s = socket.socket(); s.bind(('0.0.0.0', 0)); s.listen()
    words.append('%d %d %d' % (os.fstat(fd).st_ino, fd, s.getsockname()[1]))
    if not kept: os.close(fd)
    assert setns(own, 0x40000000) == 0
    return s
words = []
sockets = [space(True), space(False)]
print(' '.join(words) + '\\n', end='', flush=True)
sys.stdin.readline()
`

interface Space {
  readonly inode: number
  readonly fd: number
  readonly port: number
}

/** A program that is in neither of two namespaces: one it keeps by a descriptor and a socket, one by a socket alone. */
async function keeper(): Promise<{ pid: number; byDescriptor: Space; bySocket: Space }> {
  const child = spawn('python3', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const [a, b, c, d, e, f] = String(line).trim().split(' ').map(Number)
  return { pid: child.pid!, byDescriptor: { inode: a!, fd: b!, port: c! }, bySocket: { inode: d!, fd: e!, port: f! } }
}

test('namespaces in which no process is', asRoot, async () => {
  const { pid, byDescriptor, bySocket } = await keeper()
  let open = Infinity
  for (let snapshot = 0; snapshot < 3; snapshot++) {
    const { sockets } = await source!.takeSnapshot(planQuery({ namespaces: 'all', protocols: ['tcp'] }))
    const at = ({ port, inode }: Space) => sockets.find(s => s.local.port === port && s.namespace?.inode === inode)
    deepEqual([at(byDescriptor)?.namespace?.name, at(byDescriptor)?.owners.map(o => o.pid)], [`${pid}/fd/${byDescriptor.fd}`, [pid]])
    deepEqual([at(bySocket)?.namespace?.name, at(bySocket)?.owners.map(o => o.pid)], [undefined, [pid]])
    const now = readdirSync('/proc/self/fd').length
    // The first snapshot opens what stays open.
    ok(snapshot === 0 || now <= open, `${now} descriptors, ${open} before`)
    open = now
  }
  const named = await source!.takeSnapshot(planQuery({ namespaces: { name: `${pid}/fd/${byDescriptor.fd}` }, protocols: ['tcp'] }))
  ok(named.sockets.some(s => s.local.port === byDescriptor.port && s.namespace?.inode === byDescriptor.inode))
})

test('a listener there is ended there', asRoot, async () => {
  const { bySocket, byDescriptor } = await keeper()
  const find = async ({ port, inode }: Space) =>
    (await source!.takeSnapshot(planQuery({ namespaces: 'all', protocols: ['tcp'] }))).sockets.find(
      s => s.local.port === port && s.namespace?.inode === inode && s.state === 'LISTEN',
    )
  for (const space of [byDescriptor, bySocket]) {
    const socket = await find(space)
    ok(socket)
    await source!.actions!.close!(socket)
    equal(await find(space), undefined)
  }
})
