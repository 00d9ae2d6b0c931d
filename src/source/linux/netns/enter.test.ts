import { planQuery } from '../../../filter/plan.ts'
import { after, test } from 'node:test'
import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { needs } from '../../../../test/needs.ts'
import { OsError } from '../../../model/errors.ts'
import { openLinux } from '../index.ts'
import { listNamespaces } from './namespaces.ts'
import { inNamespace, openNamespace } from './enter.ts'

const asRoot = needs('linux', 'root', 'network namespaces', 'command unshare', 'command prlimit')
const source = asRoot.skip ? undefined : await openLinux()
const children: ChildProcess[] = []
const netns = `sockscope-test-${process.pid}`
after(() => {
  source?.close()
  for (const child of children) child.kill('SIGKILL')
})

const own = (): string => readlinkSync('/proc/thread-self/ns/net')

/** A program in a namespace of its own that listens; its port and the inode of its namespace. */
async function listenerIn(command: readonly string[]): Promise<{ child: ChildProcess; port: number; inode: number }> {
  const script = `const s = require('net').createServer().listen(0, '0.0.0.0', () => console.log(s.address().port, require('fs').readlinkSync('/proc/self/ns/net')))`
  const child = spawn(command[0]!, [...command.slice(1), process.execPath, '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const [, port, inode] = /^(\d+) net:\[(\d+)\]/.exec(String(line))!
  return { child, port: Number(port), inode: Number(inode) }
}

test('the sockets of all namespaces in one snapshot, each with its namespace and owner', asRoot, async () => {
  const before = own()
  const { child, port, inode } = await listenerIn(['unshare', '--net'])
  const snapshot = await source!.takeSnapshot(planQuery({ namespaces: 'all', protocols: ['tcp', 'unix'] }))
  const socket = snapshot.sockets.find(s => s.local.port === port && s.namespace?.inode === inode)
  ok(socket)
  deepEqual(
    socket.owners.map(o => o.pid),
    [child.pid],
  )
  const ownInode = Number(/\d+/.exec(before)![0])
  ok(snapshot.sockets.some(s => s.namespace?.inode === ownInode))
  ok(snapshot.sockets.every(s => s.namespace !== undefined))
  equal(own(), before)
  // There may be a process that even root may not ask; a namespace that may not be entered has another code.
  ok(
    snapshot.gaps.every(g => g.what !== 'namespaces' || g.code === 'namespaces-hidden'),
    JSON.stringify(snapshot.gaps),
  )

  for (const namespaces of [{ pid: child.pid! }, { path: `/proc/${child.pid}/ns/net` }]) {
    const one = await source!.takeSnapshot(planQuery({ namespaces }))
    deepEqual([...new Set(one.sockets.map(s => s.namespace?.inode))], [inode])
    ok(one.sockets.some(s => s.local.port === port))
  }
  const mine = await source!.takeSnapshot(planQuery({ namespaces: { pid: process.pid }, protocols: ['unix'] }))
  deepEqual([...new Set(mine.sockets.map(s => s.namespace?.inode))], [ownInode])
  ok(
    !(await source!.takeSnapshot(planQuery({ protocols: ['tcp'] }))).sockets.some(
      s => s.local.port === port && s.owners[0]?.pid === child.pid,
    ),
  )
})

test('a connection in another namespace is reset there', asRoot, async () => {
  const { child, port } = await listenerIn(['unshare', '--net'])
  const find = async () =>
    (await source!.takeSnapshot(planQuery({ namespaces: { pid: child.pid! } }))).sockets.find(s => s.local.port === port)
  const socket = await find()
  ok(socket)
  await source!.actions!.close!(socket)
  equal((await find())?.state === 'LISTEN', false)
})

test('a namespace that has a name is found by it', asRoot, async () => {
  execFileSync('ip', ['netns', 'add', netns])
  try {
    const { port } = await listenerIn(['ip', 'netns', 'exec', netns])
    const { sockets } = await source!.takeSnapshot(planQuery({ namespaces: { name: netns } }))
    ok(sockets.some(s => s.local.port === port && s.namespace?.name === netns))
    const all = await source!.takeSnapshot(planQuery({ namespaces: 'all' }))
    ok(all.sockets.some(s => s.local.port === port && s.namespace?.name === netns))
  } finally {
    execFileSync('ip', ['netns', 'del', netns])
  }
})

test('a namespace of another kind in the folder of network namespaces is not one, and does not hide the others', asRoot, async () => {
  const { port } = await listenerIn(['unshare', '--net'])
  const file = `/run/netns/${netns}-uts`
  mkdirSync('/run/netns', { recursive: true })
  writeFileSync(file, '')
  execFileSync('mount', ['--bind', '/proc/self/ns/uts', file])
  try {
    const { sockets } = await source!.takeSnapshot(planQuery({ namespaces: 'all', protocols: ['tcp'] }))
    ok(sockets.some(s => s.local.port === port))
    await rejects(source!.takeSnapshot(planQuery({ namespaces: { path: file } })), /EINVAL/)
  } finally {
    execFileSync('umount', [file])
    rmSync(file)
  }
})

test('a snapshot of all namespaces that fails for lack of descriptors leaves none open, and throws our error', asRoot, async () => {
  for (let i = 0; i < 3; i++) await listenerIn(['unshare', '--net'])
  const script = `import('${process.cwd()}/src/source/linux/index.ts').then(async m => {
      const { planQuery } = await import('${process.cwd()}/src/filter/plan.ts');
      const { OsError } = await import('${process.cwd()}/src/model/errors.ts');
      const fs = require('fs'), open = () => fs.readdirSync('/proc/self/fd').length - 1;
      const source = await m.openLinux(), take = () => source.takeSnapshot(planQuery({ namespaces: 'all', protocols: ['tcp'], owners: false }));
      await take();
      const before = open(), seen = [];
      const fill = [];
      try { for (;;) fill.push(fs.openSync('/dev/null')); } catch {}
      // With each further free descriptor it fails at a later place.
      for (let free = 0; free < 12; free++) {
        const held = fill.length;
        await take().then(() => seen.push('taken'), error => seen.push(error instanceof OsError ? 'OsError' : String(error)));
        fs.closeSync(fill.pop());
      }
      for (const fd of fill) fs.closeSync(fd);
      console.log(JSON.stringify([open() - before, [...new Set(seen)]]));
      process.exit() })`
  const out = execFileSync('prlimit', ['--nofile=64:64', process.execPath, '-e', script], { encoding: 'utf8' })
  const [leaked, seen] = JSON.parse(out) as [number, string[]]
  equal(leaked, 0)
  ok(seen.every(one => one === 'taken' || one === 'OsError') && seen.includes('OsError'), out)
})

test('a namespace that is not there', asRoot, async () => {
  await rejects(
    source!.takeSnapshot(planQuery({ namespaces: { name: 'sockscope-none' } })),
    /ENOENT.*no network namespace of the name "sockscope-none"/,
  )
  await rejects(source!.takeSnapshot(planQuery({ namespaces: { path: '/dev/null' } })), OsError)
  await rejects(source!.takeSnapshot(planQuery({ namespaces: { pid: 2 ** 30 } })), /ENOENT/)
  const { others } = await listNamespaces()
  const gone = { inode: 1, name: undefined, file: '/proc/self/ns/net', pid: undefined }
  equal(openNamespace(gone), undefined) // The pid is another process now.
  equal(openNamespace({ ...gone, file: '/proc/1073741824/ns/net' }), undefined)
  ok(others.every(n => n.inode > 0))
})

test('another user gets the own namespace, and a gap for the others', asRoot, async () => {
  const { inode } = await listenerIn(['unshare', '--net'])
  const script = `process.setgroups([]); process.setgid(65534); process.setuid(65534);
    import('${process.cwd()}/src/source/linux/index.ts').then(async m => {
      const { planQuery } = await import('${process.cwd()}/src/filter/plan.ts');
      const seen = await (await m.openLinux()).takeSnapshot(planQuery({ namespaces: 'all', protocols: ['tcp'] }));
      console.log(JSON.stringify([seen.gaps.filter(g => g.what === 'namespaces'), seen.sockets.some(s => s.namespace.inode === ${inode})]));
      process.exit() })`
  const [gaps, isSeen] = JSON.parse(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' })) as [
    { code: string; why: string; help: string; count: number }[],
    boolean,
  ]
  equal(isSeen, false)
  const hidden = gaps.find(g => g.code === 'namespaces-hidden')
  ok(hidden && hidden.why === 'permission' && hidden.help !== '' && hidden.count > 0, JSON.stringify(gaps))
})

test('a namespace from which there is no return is not entered', asRoot, async () => {
  // In a user namespace, and still in the network namespace of the host, as in `podman unshare`.
  const script = `import('${process.cwd()}/src/source/linux/index.ts').then(async m => {
      const { planQuery } = await import('${process.cwd()}/src/filter/plan.ts');
      const net = () => require('fs').readlinkSync('/proc/thread-self/ns/net');
      const other = require('child_process').spawn('unshare', ['--net', process.execPath, '-e', 'console.log(1); process.stdin.resume()'], { stdio: ['pipe', 'pipe', 'inherit'] });
      await require('events').once(other.stdout, 'data');
      const held = require('net').createServer().listen(0, '127.0.0.1');
      await require('events').once(held, 'listening');
      const before = net();
      const source = await m.openLinux();
      const { gaps, sockets } = await source.takeSnapshot(planQuery({ namespaces: 'all' }));
      const one = await source.takeSnapshot(planQuery({ namespaces: { pid: other.pid } }));
      other.kill();
      console.log(JSON.stringify([net() === before, sockets.some(s => s.local.port === held.address().port), [gaps, one.gaps].map(all => all.find(g => g.what === 'namespaces')?.why)]));
      process.exit() })`
  const out = execFileSync('unshare', ['--user', '--map-root-user', process.execPath, '-e', script], { encoding: 'utf8' })
  deepEqual(JSON.parse(out), [true, true, ['permission', 'permission']])
})

test('sockets of processes outside of our pid namespace say so', asRoot, async () => {
  const server = spawn(process.execPath, [
    '-e',
    `const s = require('net').createServer().listen(0, '127.0.0.1', () => console.log(s.address().port))`,
  ])
  children.push(server)
  const port = Number(String(((await once(server.stdout, 'data')) as [Buffer])[0]))
  const script = `import('${process.cwd()}/src/source/linux/index.ts').then(async m => {
      const { planQuery } = await import('${process.cwd()}/src/filter/plan.ts');
      const source = await m.openLinux();
      const seen = await source.takeSnapshot(planQuery({ protocols: ['tcp'] }));
      console.log(JSON.stringify([seen.sockets.find(s => s.local.port === ${port})?.ownerless, seen.gaps, (await source.abilities()).find(a => a.name === 'bpf-owners')]));
      process.exit() })`
  const out = execFileSync('unshare', ['--pid', '--fork', '--mount-proc', process.execPath, '-e', script], { encoding: 'utf8' })
  const [ownerless, gaps, ability] = JSON.parse(out) as [string, { what: string; count: number }[], { works: boolean; text: string }]
  equal(ownerless, 'other-pid-namespace')
  ok(gaps.some(g => g.what === 'owners' && g.count > 0))
  equal(ability.works, false)
  ok(ability.text.includes('pid namespace'), ability.text)
})

test('whatever is thrown inside, the process is back; if it cannot be, nothing more is done', asRoot, async () => {
  const calls = await import('../kernel/calls.ts')
  const { inode, child } = await listenerIn(['unshare', '--net'])
  const before = own()
  const fd = openNamespace({ inode, name: undefined, file: `/proc/${child.pid}/ns/net`, pid: child.pid })!
  equal(
    inNamespace(calls, fd, () => own()),
    `net:[${inode}]`,
  )
  throws(
    () =>
      inNamespace(calls, fd, () => {
        throw new Error(own())
      }),
    new RegExp(String(inode)),
  )
  equal(own(), before)
  let entered = 0
  const oneWay = {
    enterNetwork() {
      if (++entered === 3) throw new OsError('setns', 'EPERM')
    },
  }
  throws(() => inNamespace(oneWay, fd, () => 1), /return .* barred/)
  throws(() => inNamespace(calls, fd, () => 1), /return .* barred/)
  closeSync(fd)
})
