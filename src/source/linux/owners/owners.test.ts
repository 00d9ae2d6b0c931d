import { planQuery } from '../../../filter/plan.ts'
import { after, test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { OsError } from '../../../model/errors.ts'
import { needs } from '../../../../test/needs.ts'
import { ProcFs } from '../kernel/proc-fs.ts'
import { readInode } from './descriptor-cache.ts'
import { inodesOf, type Inodes } from './inodes.ts'
import { OwnerSearch } from './search.ts'
import { OwnerFinder, type OwnerMachine } from './owners.ts'
import { live } from '../../tape.ts'
import type { Draft } from '../decode/draft.ts'

const here: OwnerMachine = { proc: new ProcFs(), sweeps: undefined, shares: () => undefined }
const inodes = (list: readonly number[]): Inodes => inodesOf(list.map(inode => ({ inode })))
const bpf = async () => import('../bpf/owners.ts')
const folders: string[] = []
const children: ChildProcess[] = []
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  for (const child of children) child.kill('SIGKILL')
})

/** A folder that looks like /proc: pid, then descriptor and what it is. */
function tree(processes: Record<number, Record<number, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'proc-'))
  folders.push(root)
  for (const [pid, fds] of Object.entries(processes)) {
    mkdirSync(join(root, pid, 'fd'), { recursive: true })
    for (const [fd, target] of Object.entries(fds)) symlinkSync(target, join(root, pid, 'fd', fd))
  }
  return root
}

const triples = (holders: { triples: readonly number[] }): string[] => {
  const found: string[] = []
  for (let i = 0; i < holders.triples.length; i += 3) found.push(holders.triples.slice(i, i + 3).join(' '))
  return found.sort()
}

/** A program that listens, and prints the inodes and pids that it was asked for, line by line. */
async function child(script: string): Promise<{ process: ChildProcess; lines: string[] }> {
  const process_ = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(process_)
  process_.stdout.setEncoding('utf8')
  const [first] = (await once(process_.stdout, 'data')) as [string]
  return { process: process_, lines: first.trim().split('\n') }
}
const listener = `const s = require('net').createServer().listen(0, '127.0.0.1', () => console.log(require('fs').readlinkSync('/proc/self/fd/' + s._handle.fd).slice(8, -1)));`

async function listen(): Promise<{ server: Server; fd: number; inode: number }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.unref()
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle
  return { server, fd, inode: readInode(`/proc/self/fd/${fd}`)! }
}

test('all holders are found, with their descriptors', async () => {
  const root = tree({
    1: { 0: '/dev/null' },
    100: { 3: 'socket:[7]', 4: 'socket:[8]', 5: 'pipe:[9]' },
    101: { 3: 'socket:[7]', 9: 'socket:[7]' },
  })
  const found = await new OwnerSearch({ ...here, proc: new ProcFs(root) }).find(inodes([7, 9]))
  deepEqual(triples(found), ['7 100 3', '7 101 3', '7 101 9'])
  deepEqual({ ...found, triples: 0 }, { triples: 0, missing: new Set([9]), hidden: 0, exited: [], blind: undefined })
})

test('the holder of a single socket is asked for each time', async () => {
  const root = tree({ 1: { 0: '/dev/null' }, 100: Object.fromEntries([...Array(300).keys()].map(fd => [fd, `socket:[${fd + 1000}]`])) })
  const search = new OwnerSearch({ ...here, proc: new ProcFs(root) })
  deepEqual(triples(await search.find(inodes([1290]))), ['1290 100 290'])
  unlinkSync(join(root, '100', 'fd', '290'))
  symlinkSync('socket:[7]', join(root, '100', 'fd', '290'))
  deepEqual(triples(await search.find(inodes([1290]))), [])
  deepEqual(triples(await search.find(inodes([7]))), ['7 100 290'])
})

test('a process that holds a socket no more is not listed beside those that do', async () => {
  const sockets = Object.fromEntries([...Array(300).keys()].map(fd => [fd, `socket:[${fd + 1000}]`]))
  const root = tree({ 1: { 0: '/dev/null' }, 100: sockets, 200: { 3: 'socket:[1000]' } })
  const search = new OwnerSearch({ ...here, proc: new ProcFs(root) })
  const requested = inodes([...Array(300).keys()].map(fd => fd + 1000))
  const of200 = (found: { triples: readonly number[] }): string[] => triples(found).filter(line => line.includes(' 200 '))
  deepEqual(of200(await search.find(requested)), ['1000 200 3'])
  unlinkSync(join(root, '200', 'fd', '3')) // As dup2 does it: as many descriptors as before, and one of them another.
  symlinkSync('socket:[1001]', join(root, '200', 'fd', '3'))
  deepEqual(of200(await search.find(requested)), ['1001 200 3'])
  unlinkSync(join(root, '200', 'fd', '3'))
  symlinkSync('socket:[1002]', join(root, '200', 'fd', '3'))
  const ahead = search.begin()
  deepEqual(of200(await search.find(requested, undefined, ahead)), ['1002 200 3'])
})

test('what comes after looking ahead is found, too', async () => {
  const root = tree({ 1: { 0: '/dev/null' }, 100: { 3: 'socket:[7]' } })
  const search = new OwnerSearch({ ...here, proc: new ProcFs(root) })
  const come = (pid: number, fd: number, inode: number): void => {
    mkdirSync(join(root, String(pid), 'fd'), { recursive: true })
    symlinkSync(`socket:[${inode}]`, join(root, String(pid), 'fd', String(fd)))
  }
  const first = search.begin()
  await first
  come(100, 4, 8)
  come(101, 3, 9)
  deepEqual(triples(await search.find(inodes([7, 8, 9]), undefined, first)), ['7 100 3', '8 100 4', '9 101 3'])
  const second = search.begin()
  await second
  come(101, 4, 10)
  come(102, 3, 11)
  unlinkSync(join(root, '100', 'fd', '3'))
  symlinkSync('socket:[12]', join(root, '100', 'fd', '3'))
  deepEqual(triples(await search.find(inodes([8, 9, 10, 11, 12]), undefined, second)), [
    '10 101 4',
    '11 102 3',
    '12 100 3',
    '8 100 4',
    '9 101 3',
  ])
  const third = search.begin()
  await third
  rmSync(join(root, '102'), { recursive: true })
  const last = await search.find(inodes([8, 11]), undefined, third)
  deepEqual(triples(last), ['8 100 4'])
  deepEqual(last.exited, [11])
})

test('what one snapshot has noticed and not read, the next one reads', async () => {
  const root = tree({ 1: { 0: '/dev/null' }, 100: { 3: 'socket:[7]' } })
  const search = new OwnerSearch({ ...here, proc: new ProcFs(root) })
  const come = (pid: number): void => {
    mkdirSync(join(root, String(pid), 'fd'), { recursive: true })
    symlinkSync('socket:[7]', join(root, String(pid), 'fd', '3'))
  }
  await search.find(inodes([]), undefined, search.begin()) // Nothing was left after the filter.
  come(101)
  deepEqual(triples(await search.find(inodes([7]))), ['7 100 3', '7 101 3'])
  come(102)
  const slow = search.begin()
  await slow
  come(103)
  const all = ['7 100 3', '7 101 3', '7 102 3', '7 103 3']
  deepEqual(triples(await search.find(inodes([7]))), all) // Another snapshot overtakes it.
  deepEqual(triples(await search.find(inodes([7]), undefined, slow)), all)
})

test('a source that is closed while it loads the sweep opens none', async () => {
  let opened = 0
  let load: () => void = () => undefined
  const loading = new Promise<void>(resolve => (load = resolve))
  const fake = { isPrepared: () => true, openSweep: () => (opened++, assertNever()), readRecords: () => undefined }
  const search = new OwnerSearch({ ...here, sweeps: async () => loading.then(() => fake) })
  const asked = search.abilities()
  search.close()
  load()
  await asked
  equal(opened, 0)
})

const assertNever = (): never => {
  throw new Error('opened')
}

test('a sweep ahead, and a socket that comes after it', needs('linux', 'root'), async () => {
  const search = new OwnerSearch({ ...here, sweeps: async () => ({ ...(await bpf()), isPrepared: () => true }) })
  const busy = await child(`const fs = require('fs'); for (let i = 0; i < 6000; i++) fs.openSync('/dev/null'); console.log(1)`)
  const ahead = search.begin()
  // Before Linux 6.2 the number of all open files stands in for that of the descriptors, and either way may be taken.
  if (statSync('/proc/self/fd').size > 0) ok((await ahead).isSwept)
  const { server, fd, inode } = await listen()
  deepEqual(triples(await search.find(inodes([inode]), undefined, ahead)), [`${inode} ${process.pid} ${fd}`])
  server.close()
  busy.process.kill('SIGKILL')
  search.close()
})

test('an inode above 32 bits is the one that sock_diag cuts', async () => {
  const root = tree({ 1: { 3: `socket:[${2 ** 32 + 7}]`, 4: 'socket:[-1]', 5: 'socket:[x]', 6: `socket:[${2 ** 80}]`, 7: 'socket:[' } })
  deepEqual(triples(await new OwnerSearch({ ...here, proc: new ProcFs(root) }).find(inodes([7, 0]))), ['7 1 3'])
})

test('what changes between snapshots is seen', async () => {
  const root = tree({ 1: {}, 100: { 3: 'socket:[7]' }, 101: { 3: 'socket:[8]' } })
  const search = new OwnerSearch({ ...here, proc: new ProcFs(root) })
  const takeSnapshot = async (...list: number[]): Promise<string[]> => triples(await search.find(inodes(list)))
  deepEqual(await takeSnapshot(7, 8), ['7 100 3', '8 101 3'])
  // Closed and opened again under the same number: the count of descriptors is the same.
  unlinkSync(join(root, '100/fd/3'))
  symlinkSync('socket:[10]', join(root, '100/fd/3'))
  deepEqual(await takeSnapshot(8, 10), ['10 100 3', '8 101 3'])
  // A new process.
  cpSync(join(root, '101'), join(root, '102'), { recursive: true, verbatimSymlinks: true })
  deepEqual(await takeSnapshot(8, 10), ['10 100 3', '8 101 3', '8 102 3'])
  // A process that ends.
  rmSync(join(root, '101'), { recursive: true })
  deepEqual(await takeSnapshot(8, 10), ['10 100 3', '8 102 3'])
  // The last holder ends, and the socket is still in the table.
  rmSync(join(root, '102'), { recursive: true })
  const last = await search.find(inodes([8, 10]))
  deepEqual([triples(last), last.exited], [['10 100 3'], [8]])
})

test('a holder that changes while all counts stay the same is seen within a few snapshots', async () => {
  const root = tree({ 1: {}, 100: { 3: 'socket:[7]' }, 101: { 3: 'socket:[7]', 4: '/dev/null' } })
  const search = new OwnerSearch({ ...here, proc: new ProcFs(root) })
  equal((await search.find(inodes([7]))).triples.length, 6)
  unlinkSync(join(root, '101/fd/3'))
  symlinkSync('/dev/null', join(root, '101/fd/3'))
  unlinkSync(join(root, '101/fd/4'))
  symlinkSync('socket:[7]', join(root, '101/fd/4'))
  for (let snapshot = 0; snapshot < 3; snapshot++) await search.find(inodes([7]))
  deepEqual(triples(await search.find(inodes([7]))), ['7 100 3', '7 101 4'])
})

test('a descriptor that a child inherits is seen in the next snapshot', needs('linux'), async () => {
  const { server, fd, inode } = await listen()
  const search = new OwnerSearch(here)
  deepEqual(triples(await search.find(inodes([inode]))), [`${inode} ${process.pid} ${fd}`])
  const heir = spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1000)'], { stdio: ['ignore', 'pipe', 'ignore', fd] })
  children.push(heir)
  await once(heir.stdout!, 'data')
  deepEqual(triples(await search.find(inodes([inode]))), [`${inode} ${process.pid} ${fd}`, `${inode} ${heir.pid} 3`].sort())
  heir.kill('SIGKILL')
  await once(heir, 'exit')
  deepEqual(triples(await search.find(inodes([inode]))), [`${inode} ${process.pid} ${fd}`])
  server.close()
})

test('a socket that closes after it was listed has no owner because it has gone', needs('linux', 'root'), async () => {
  const calls = await import('../kernel/calls.ts')
  const { isGone } = await import('../byfd/actions.ts')
  const { openLinux } = await import('../index.ts')
  const source = await openLinux()
  const { server, inode } = await listen()
  const listed = (await source.takeSnapshot(planQuery({ protocols: ['tcp'] }))).sockets.find(s => s.inode === inode)
  source.close()
  ok(listed)
  const takeSnapshot = async (root: string): Promise<string | undefined> => {
    const socket = { ...listed, owners: [], ownerless: undefined } as Draft
    const finder = new OwnerFinder(live, { ...here, proc: new ProcFs(root), isGone: s => isGone(calls, s) })
    await finder.find([socket])
    return socket.ownerless
  }
  const whole = tree({ 1: {} })
  mkdirSync(join(whole, 'self/ns'), { recursive: true })
  symlinkSync('pid:[4026531836]', join(whole, 'self/ns/pid'))
  const hiding = tree({ 100: {} })
  equal(await takeSnapshot(whole), 'kernel') // It is there, and in this /proc nobody has it.
  equal(await takeSnapshot(hiding), 'permission') // Or nobody that we see.
  server.close()
  await once(server, 'close')
  equal(await takeSnapshot(whole), 'exited')
  equal(await takeSnapshot(hiding), 'exited')
})

test('no /proc, or one without processes: nothing is found, and it says so', async () => {
  const nothing = await new OwnerSearch({ ...here, proc: new ProcFs('/nonexistent') }).find(inodes([7]))
  deepEqual(nothing, { triples: [], missing: new Set([7]), hidden: 0, exited: [], blind: 'proc' })
  const hidden = await new OwnerSearch({ ...here, proc: new ProcFs(tree({ 100: {} })) }).find(inodes([7]))
  equal(hidden.blind, 'hidepid')
  const empty = await new OwnerSearch({ ...here, proc: new ProcFs(tree({})) }).find(inodes([7]))
  equal(empty.blind, 'proc') // A folder that /proc was never mounted on.
})

test('processes of another user', needs('linux', 'root'), async () => {
  const { server, inode } = await listen()
  // The other user looks for our socket, with the same program.
  const folder = process.cwd()
  const script = `process.setgroups([]); process.setgid(65534); process.setuid(65534);
    import('${folder}/src/source/linux/owners/search.ts').then(async m => {
      const { inodesOf } = await import('${folder}/src/source/linux/owners/inodes.ts');
      const { ProcFs } = await import('${folder}/src/source/linux/kernel/proc-fs.ts');
      const s = new m.OwnerSearch({ proc: new ProcFs(), sweeps: () => import('${folder}/src/source/linux/bpf/owners.ts'), shares: () => undefined });
      const h = await s.find(inodesOf([{ inode: ${inode} }]));
      console.log(JSON.stringify([h.triples, h.hidden > 0]));
      console.log(JSON.stringify((await s.abilities()).map(a => [a.name, a.works, a.help !== ''])));
      process.exit() })`
  const lines = (await promisify(execFile)(process.execPath, ['-e', script])).stdout.split('\n')
  deepEqual(JSON.parse(lines[0]!), [[], true])
  deepEqual(JSON.parse(lines[1]!), [
    ['owners', false, true],
    ['bpf-owners', false, true],
  ])
  server.close()
})

test('/proc that hides the processes of others (hidepid)', needs('linux', 'root', 'command unshare'), async () => {
  const { server, inode } = await listen()
  const script = `process.setgroups([]); process.setgid(65534); process.setuid(65534);
    import('${process.cwd()}/src/source/linux/owners/search.ts').then(async m => {
      const { inodesOf } = await import('${process.cwd()}/src/source/linux/owners/inodes.ts');
      const { ProcFs } = await import('${process.cwd()}/src/source/linux/kernel/proc-fs.ts');
      const h = await new m.OwnerSearch({ proc: new ProcFs(), sweeps: undefined, shares: () => undefined }).find(inodesOf([{ inode: ${inode} }]));
      console.log(JSON.stringify([h.triples, h.blind]));
      process.exit() })`
  // The shell stays: it is process 1 there, and root's.
  const hide = 'mount -o remount,hidepid=2 /proc && "$0" -e "$1"; exit $?'
  const run = promisify(execFile)
  // In a pid namespace of its own, so that only its own /proc is changed.
  const { stdout } = await run('unshare', ['--pid', '--fork', '--mount-proc', 'sh', '-c', hide, process.execPath, script])
  deepEqual(JSON.parse(stdout), [[], 'hidepid'])
  server.close()
})

test('a thread with descriptors of its own', needs('linux', 'root', 'command python3'), async () => {
  // unshare(CLONE_FILES) in a thread: what it opens then is in no other table.
  const code = `
import ctypes, os, socket, threading
def run():
    assert ctypes.CDLL(None, use_errno=True).unshare(0x400) == 0
    s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen()
    os.write(1, b'%d %d\\n' % (os.fstat(s.fileno()).st_ino, s.fileno()))
    threading.Event().wait()
threading.Thread(target=run).start()
`
  const thread = spawn('python3', ['-c', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(thread)
  const [line] = (await once(thread.stdout, 'data')) as [Buffer]
  const [inode, fd] = String(line).trim().split(' ').map(Number)
  const { sharesFiles } = await import('../kernel/calls.ts')
  const search = new OwnerSearch({ ...here, shares: sharesFiles })
  for (let snapshot = 0; snapshot < 2; snapshot++) deepEqual(triples(await search.find(inodes([inode!]))), [`${inode} ${thread.pid} ${fd}`])
  // The sweep sees it too.
  const module = await bpf()
  const sweep = module.openSweep(join(tmpdir(), `none-${process.pid}`))
  const found: string[] = []
  for await (const bytes of sweep.run([inode!])) module.readRecords(bytes, (i, pid, at) => i === inode && found.push(`${i} ${pid} ${at}`))
  sweep.close()
  rmSync(join(tmpdir(), `none-${process.pid}`), { recursive: true, force: true })
  deepEqual(found, [`${inode} ${thread.pid} ${fd}`])
})

test('processes that end meanwhile do no harm', needs('linux'), async () => {
  const { server, inode } = await listen()
  const search = new OwnerSearch(here)
  const busy = Promise.all([...Array(10).keys()].map(async () => once(spawn('true', { stdio: 'ignore' }), 'exit')))
  for (let i = 0; i < 10; i++) ok((await search.find(inodes([inode]))).triples.length >= 3)
  await busy
  server.close()
})

test('a sweep finds what the walk finds', needs('linux', 'root', 'file /sys/kernel/btf/vmlinux'), async () => {
  const { process: other, lines } = await child(listener)
  const inode = Number(lines[0])
  const { server, fd, inode: own } = await listen()
  const module = await bpf()
  const folder = mkdtempSync(join(tmpdir(), 'cache-'))
  folders.push(folder)
  const cache = join(folder, 'sockscope')
  for (const only of [undefined, [inode, own]]) {
    const sweep = module.openSweep(cache)
    const found: string[] = []
    for await (const bytes of sweep.run(only)) {
      module.readRecords(bytes, (i, pid, at) => {
        if (i === inode || i === own) found.push(`${i} ${pid} ${at}`)
      })
    }
    sweep.close()
    const walked = await new OwnerSearch(here).find(inodes([inode, own]))
    deepEqual(found.sort(), triples(walked))
    ok(found.includes(`${own} ${process.pid} ${fd}`) && found.some(f => f.startsWith(`${inode} ${other.pid} `)))
    ok(module.isPrepared(cache))
  }
  server.close()
})

test('snapshots at the same time, and many of them, leave nothing behind', needs('linux'), async () => {
  const { server, fd, inode } = await listen()
  const open = (): number => readdirSync('/proc/self/fd').length
  const search = new OwnerSearch({ ...here, sweeps: bpf })
  const want = [`${inode} ${process.pid} ${fd}`]
  for (const found of await Promise.all([...Array(8).keys()].map(async () => search.find(inodes([inode]))))) deepEqual(triples(found), want)
  const before = open()
  for (let i = 0; i < 100; i++) deepEqual(triples(await search.find(inodes([inode, i]), gone => gone === i)), want)
  ok(open() <= before, `${open()} descriptors, ${before} before`)
  search.close()
  server.close()
})

test('when BPF is refused, the owners come from /proc, with the reason', async () => {
  const root = tree({ 1: {}, 100: { 3: 'socket:[7]' } })
  mkdirSync(join(root, 'self'))
  writeFileSync(join(root, 'self/status'), 'CapEff:\t000001ffffffffff\n')
  const refused = {
    isPrepared: () => true,
    readRecords: () => {},
    openSweep() {
      throw new OsError('bpf(PROG_LOAD)', 'EPERM')
    },
  }
  const search = new OwnerSearch({ ...here, proc: new ProcFs(root), sweeps: async () => refused })
  deepEqual(triples(await search.find(inodes([7]))), ['7 100 3'])
  const [walk, sweep] = await search.abilities()
  deepEqual([walk!.works, sweep!.works], [true, false])
  ok(sweep!.text.includes('bpf(PROG_LOAD) failed: EPERM'))
  // Without /proc, BPF is all there is; refused, the answer is still an answer.
  equal((await new OwnerSearch({ ...here, proc: new ProcFs('/nonexistent'), sweeps: async () => refused }).find(inodes([7]))).blind, 'proc')
})
