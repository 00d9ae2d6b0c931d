import { planQuery } from '../../../filter/plan.ts'
import { after, test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { needs } from '../../../../test/needs.ts'
import type { Gap } from '../../../model/gap.ts'
import { live } from '../../tape.ts'
import type { Draft } from '../decode/draft.ts'
import { openLinux } from '../index.ts'
import { ProcFs } from '../kernel/proc-fs.ts'
import { OwnerFinder } from './owners.ts'

const folders: string[] = []
const children: ChildProcess[] = []
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  for (const child of children) child.kill('SIGKILL')
})

const files = 'UserFiles:\t'
const ring = (...lines: string[]): string =>
  `pos:\t0\nSqMask:\t0x7\n${files}${lines.length}\n${lines.join('\n')}\nUserBufs:\t1\n    0: 0x1/9\n`
const unix = (n: number): string => `pos:\t0\nino:\t1\nscm_fds: ${n}\n`
/** A process that holds a UNIX socket of inode 50, in which so many descriptors wait. */
const messages = (n: number): Files => ({
  '100/fd/0': '-> /dev/null',
  '100/fdinfo/0': 'pos:\t0\n',
  '100/fd/3': '-> socket:[50]',
  '100/fdinfo/3': unix(n),
  'self/net/unix': unixTable(50),
})
const unixTable = (inode: number): string =>
  `Num       RefCount Protocol Flags    Type St Inode Path\n0000000000000000: 00000002 00000000 00000000 0001 02     0 /run/a\n0000000000000000: 00000003 00000000 00000000 0001 03 ${inode} /run/a\n`

type Files = Record<string, string>

/** A folder that looks like /proc, with a process 1 and our own pid namespace. */
function tree(more: Files, release = '6.14.0-1-test'): string {
  const root = mkdtempSync(join(tmpdir(), 'proc-'))
  folders.push(root)
  mkdirSync(join(root, '1/fd'), { recursive: true })
  put(root, { 'self/ns/pid': '-> pid:[4026531836]', 'self/ns/net': '-> net:[1]', 'sys/kernel/osrelease': release, ...more })
  return root
}

function put(root: string, more: Files): void {
  for (const [path, content] of Object.entries(more)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    rmSync(join(root, path), { force: true })
    if (content.startsWith('-> ')) symlinkSync(content.slice(3), join(root, path))
    else writeFileSync(join(root, path), content)
  }
}

const listener = (inode: number): Draft =>
  ({
    key: `k${inode}`,
    protocol: 'tcp',
    family: 'ipv4',
    state: 'LISTEN',
    inode,
    local: {},
    owners: [],
    ownerless: undefined,
  }) as unknown as Draft

/** Looks for the holders of sockets: who has each, or why nobody. */
function snapshotTaker(root: string) {
  const finder = new OwnerFinder(live, { proc: new ProcFs(root), sweeps: undefined, shares: () => undefined })
  return async (...inodes: number[]): Promise<{ who: string[]; gaps: Gap[] }> => {
    const sockets = inodes.map(listener)
    const gaps = await finder.find(sockets)
    return { who: sockets.map(s => s.owners.map(o => `${o.pid}/${o.fd}`).join() || String(s.ownerless)), gaps }
  }
}

const io = (pid: number, content: string): Files => ({ [`${pid}/fd/5`]: '-> anon_inode:[io_uring]', [`${pid}/fdinfo/5`]: content })

test('a socket that only an io_uring holds has the process of the ring as its owner', async () => {
  const root = tree({
    ...io(100, ring('    0: socket:[7]', '    2: /tmp/a', `    3: socket:[${2 ** 32 + 9}]`)),
    ...io(101, ring('    0: socket:[7]')),
    '100/fd/4': '-> socket:[8]',
  })
  const { who, gaps } = await snapshotTaker(root)(7, 8, 9, 10)
  deepEqual(who, ['100/undefined,101/undefined', '100/4', '100/undefined', 'kernel'])
  deepEqual(gaps, [])
})

test('a file with the name of a socket is none', async () => {
  const root = tree(
    io(
      100,
      ring('    0: /tmp/socket:[7]', '    1: /tmp/a\\012    2:\\040socket:[7]', '    2: /tmp/b\r    3: socket:[7]', '    4: socket:[8]'),
    ),
  )
  deepEqual((await snapshotTaker(root)(7, 8)).who, ['kernel', '100/undefined'])
})

test('a kernel that does not name the files of a ring: it is not the kernel that keeps the socket, and not known who does', async () => {
  const { who, gaps } = await snapshotTaker(tree(io(100, ring('    0: socket:[7]')), '6.13.9'))(7)
  deepEqual(who, ['unknown'])
  ok(gaps[0]!.text.includes('io_uring') && gaps[0]!.help.includes('6.14'), gaps[0]?.text)
  deepEqual((await snapshotTaker(tree(io(100, ring()), '5.15.0'))(7)).who, ['kernel'])
})

test('a ring that is busy says nothing', async () => {
  const { who, gaps } = await snapshotTaker(tree(io(100, 'pos:\t0\nflags:\t02000002\n')))(7)
  deepEqual([who, gaps.map(g => g.why)], [['unknown'], ['interrupted']])
})

test('a socket that nobody holds while a descriptor is in flight', async () => {
  const { who, gaps } = await snapshotTaker(tree(messages(1)))(7, 50)
  deepEqual(who, ['in-flight', '100/3'])
  deepEqual(
    gaps.map(g => [g.what, g.why, g.count]),
    [['owners', 'kernel', 1]],
  )
})

test('more sockets than descriptors in flight: which of them is not known', async () => {
  const { who, gaps } = await snapshotTaker(tree(messages(1)))(7, 8, 9)
  deepEqual(who, ['unknown', 'unknown', 'unknown'])
  ok(gaps[0]!.text.startsWith('3 sockets') && gaps[0]!.text.includes('at most 1 of them'), gaps[0]!.text)
})

test('processes out of sight may hold it too', async () => {
  const root = tree(messages(1))
  rmSync(join(root, '1'), { recursive: true })
  const finder = new OwnerFinder(live, { proc: new ProcFs(root), sweeps: undefined, shares: () => undefined })
  const find = async (...sockets: Draft[]): Promise<unknown> => {
    const gaps = await finder.find(sockets)
    return [...sockets.map(s => s.ownerless), ...gaps.map(g => /in flight/.test(g.text))]
  }
  const own = (inode: number): Draft => ({ ...listener(inode), uid: process.geteuid!() })
  deepEqual(await find({ ...listener(6), uid: 4_000_000 }), ['permission', false])
  deepEqual(await find(own(7)), ['in-flight', true])
  deepEqual(await find(own(7), own(8)), ['permission', 'permission', true])
})

test('what the kernel kept before anything was in flight stays its own', async () => {
  const root = tree(messages(0))
  const takeSnapshot = snapshotTaker(root)
  deepEqual((await takeSnapshot(7, 8)).who, ['kernel', 'kernel'])
  put(root, messages(1))
  deepEqual((await takeSnapshot(7, 8, 9)).who, ['kernel', 'kernel', 'in-flight'])
})

test('UNIX sockets of other network namespaces count, and each once', async () => {
  const other = { 'fd/3': '-> socket:[60]', 'fdinfo/3': unix(2), 'ns/net': '-> net:[2]', 'net/unix': unixTable(60) }
  const process = (pid: number): Files => Object.fromEntries(Object.entries(other).map(([path, text]) => [`${pid}/${path}`, text]))
  deepEqual((await snapshotTaker(tree({ ...process(100), ...process(101) }))(7, 8)).who, ['in-flight', 'in-flight'])
  deepEqual((await snapshotTaker(tree({ ...process(100), ...process(101) }))(7, 8, 9)).who, ['unknown', 'unknown', 'unknown'])
})

test('a kernel that does not say what is in flight', async () => {
  const { who, gaps } = await snapshotTaker(tree({ ...messages(0), '100/fdinfo/3': 'pos:\t0\n' }))(7)
  deepEqual(who, ['unknown'])
  ok(gaps[0]!.help.includes('5.6'))
})

const script = `
import array, ctypes, socket, sys
ports = []
def listen():
    s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()
    ports.append(str(s.getsockname()[1]))
    return s
a, b = socket.socketpair()
s = listen()
a.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [s.fileno()]))])
s.close()
if sys.argv[1] == 'ring':
    c = ctypes.CDLL(None)
    ring = c.syscall(425, 8, (ctypes.c_char * 120)())
    s = listen()
    assert c.syscall(427, ring, 2, (ctypes.c_int * 1)(s.fileno()), 1) == 0
    s.close()
print(' '.join(ports) + '\\n', end='', flush=True)
sys.stdin.readline()
_, rights, _, _ = b.recvmsg(1, 100)
print('received', flush=True)
sys.stdin.readline()
`

async function holder(...args: string[]): Promise<{ child: ChildProcess; ports: number[] }> {
  const child = spawn('python3', ['-c', script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  const [line] = (await once(child.stdout!, 'data')) as [Buffer]
  return { child, ports: String(line).trim().split(' ').map(Number) }
}

test('in flight on this machine: said so until it is received', needs('linux', 'command python3'), async () => {
  const source = await openLinux()
  // There may be sockets of processes that even root may not look into: those are known after a snapshot.
  await source.takeSnapshot(planQuery({ protocols: ['tcp'] }))
  const { child, ports } = await holder('-')
  const find = async () => (await source.takeSnapshot(planQuery({ protocols: ['tcp'] }))).sockets.find(s => s.local.port === ports[0])
  equal((await find())?.ownerless, 'in-flight')
  equal((await find())?.ownerless, 'in-flight')
  child.stdin!.write('\n')
  await once(child.stdout!, 'data')
  const received = await find()
  deepEqual([received?.ownerless, received?.owners.map(o => o.pid)], [undefined, [child.pid]])
  source.close()
})

test('held by an io_uring on this machine', needs('linux', 'io_uring'), async () => {
  const { child, ports } = await holder('ring')
  const source = await openLinux()
  const snapshot = await source.takeSnapshot(planQuery({ protocols: ['tcp'] }))
  deepEqual(snapshot.sockets.find(s => s.local.port === ports[1])?.owners, [{ pid: child.pid, fd: undefined }])
  equal(snapshot.processes.get(child.pid!)?.name, 'python3')
  source.close()
})
