import { after, test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { needs } from '../../../../test/needs.ts'
import { live } from '../../tape.ts'
import type { Draft } from '../decode/draft.ts'
import { ProcFs } from '../kernel/proc-fs.ts'
import { ProcessReader } from './processes.ts'
import { readStat } from './proc-stat.ts'
import { UserNames } from './users.ts'

const root = mkdtempSync(join(tmpdir(), 'proc-'))
after(() => rmSync(root, { recursive: true, force: true }))
cpSync('test/golden/proc-processes', root, { recursive: true })

/** A link that git would rather not keep. */
const exe = (pid: number, target: string): void => symlinkSync(target, join(root, `${pid}/exe`))
exe(100, '/usr/bin/node')
exe(101, '/usr/lib/sshd (deleted)')

const held = (...pids: number[]): Draft[] => [{ owners: pids.map(pid => ({ pid, fd: 3 })) }] as unknown as Draft[]
const users = new UserNames(undefined, join(root, 'passwd'))

test('a process and its parents', async () => {
  const found = await new ProcessReader(live, users, new ProcFs(root)).ofSockets(held(100))
  deepEqual([...found.keys()], [100, 50, 1])
  deepEqual(found.get(100), {
    key: '100.5000',
    pid: 100,
    name: 'a) R 1 (node',
    parentPid: 50,
    uid: 1000,
    user: 'ann',
    startedAtMs: 1_700_000_050_000,
    exe: '/usr/bin/node',
    command: ['node', '--inspect', '/srv/app.js', '--token=secret', ''],
    script: '/srv/app.js',
    container: { runtime: 'lxc', id: 'web1', name: 'web1', pod: undefined },
    unit: 'app.service',
  })
})

test('a program that was replaced while it runs, and one that may not be looked into', async () => {
  const found = await new ProcessReader(live, users, new ProcFs(root)).ofSockets(held(101))
  const process = found.get(101)!
  deepEqual(
    [process.exe, process.command, process.script, process.uid, process.container],
    ['/usr/lib/sshd', ['sshd: ann'], undefined, 0, undefined],
  )
  deepEqual([found.get(1)?.exe, found.get(1)?.command, found.get(1)?.parentPid], [undefined, undefined, undefined])
})

test('a process that has the name of its first thread has that of its program', async () => {
  const put = (pid: number, command: string): void => {
    mkdirSync(join(root, String(pid)))
    writeFileSync(join(root, `${pid}/stat`), `${pid} (MainThread) S 1 ${'0 '.repeat(17)}77 0 0`)
    writeFileSync(join(root, `${pid}/cmdline`), command)
  }
  put(110, 'node\0app.js\0')
  exe(110, '/opt/node24/bin/node')
  put(111, '/opt/node24/bin/node\0app.js\0')
  put(112, '')
  const found = await new ProcessReader(live, users, new ProcFs(root)).ofSockets(held(110, 111, 112))
  deepEqual(
    [110, 111, 112].map(pid => found.get(pid)?.name),
    ['node', 'node', 'MainThread'],
  )
})

test('a recording leaves command lines out, unless it is to hold them', async () => {
  const quiet = { ...live, keepsArguments: false }
  const found = await new ProcessReader(quiet, users, new ProcFs(root)).ofSockets(held(100))
  ok(!JSON.stringify([...found]).includes('secret'))
  deepEqual([found.get(100)?.command, found.get(100)?.script], [undefined, '/srv/app.js'])
})

test('a pid that is used again is another process, and so is a new program', async () => {
  const reader = new ProcessReader(live, users, new ProcFs(root))
  const first = (await reader.ofSockets(held(100))).get(100)
  equal((await reader.ofSockets(held(100))).get(100)?.command?.[0], 'node')
  const line = 'R 50 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 6000 0 0 0 7 0 8 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 9\n'
  writeFileSync(join(root, '100/stat'), `100 (java) ${line}`)
  writeFileSync(join(root, '100/cmdline'), 'java\0-jar\0app.jar\0')
  const second = (await reader.ofSockets(held(100))).get(100)
  deepEqual([first?.key, second?.key, second?.name], ['100.5000', '100.6000', 'java'])
  writeFileSync(join(root, '100/stat'), `100 (perl) ${line}`)
  writeFileSync(join(root, '100/cmdline'), 'perl\0x.pl\0')
  const third = (await reader.ofSockets(held(100))).get(100)
  deepEqual([third?.key, third?.name, third?.command], ['100.6000', 'perl', ['perl', 'x.pl']])
})

test('what has ended, or says nothing', async () => {
  const reader = new ProcessReader(live, users, new ProcFs(root))
  equal(await reader.one(99), undefined)
  equal((await reader.ofSockets(held(99, 98))).size, 0)
  mkdirSync(join(root, '97'), { recursive: true })
  for (const bad of ['', '97', '97 (x', '97 (x) R', ')(', 'x (y) R 1']) {
    writeFileSync(join(root, '97/stat'), bad)
    equal(await reader.one(97), undefined, bad)
    equal(readStat(bad), undefined)
  }
})

test('processes that are parents of each other come to an end', async () => {
  for (const [pid, parent] of [
    [201, 202],
    [202, 201],
  ]) {
    mkdirSync(join(root, String(pid)), { recursive: true })
    writeFileSync(join(root, `${pid}/stat`), `${pid} (x) S ${parent} ${'0 '.repeat(17)}5 0 0 0 0 0 0 0\n`)
  }
  equal((await new ProcessReader(live, users, new ProcFs(root)).ofSockets(held(201))).size, 2)
})

test('the name of a thread cannot give its process another user', needs('linux', 'root', 'command python3'), async () => {
  const script = `import ctypes, os, sys
os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
for line in sys.stdin:
    ctypes.CDLL(None).prctl(15, bytes.fromhex(line.strip()), 0, 0, 0) # PR_SET_NAME
    print('named', flush=True)`
  const child = spawn('python3', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  try {
    for (const end of ['\r', '\u2028', '\u2029', '\u0085', '\v', '\f']) {
      const name = `${end}Uid:\t0`
      child.stdin.write(`${Buffer.from(name).toString('hex')}\n`)
      equal((await lines.next()).value, 'named')
      const found = await new ProcessReader(live, new UserNames()).one(child.pid!)
      deepEqual([found?.name, found?.uid], [name, 65_534])
    }
  } finally {
    child.kill('SIGKILL')
  }
})

test('a process that started after the search for owners began is one only while it has the socket', async () => {
  const put = (pid: number, parent: number, startTicks: number, link?: string): void => {
    mkdirSync(join(root, `${pid}/fd`), { recursive: true })
    writeFileSync(join(root, `${pid}/stat`), `${pid} (p${pid}) S ${parent} ${'0 '.repeat(17)}${startTicks} 0 0 0 0 0 0 0\n`)
    if (link !== undefined) symlinkSync(link, join(root, `${pid}/fd/3`))
  }
  const holds = (pid: number) => ({ owners: [{ pid, fd: 3 }], inode: 77 }) as unknown as Draft
  put(301, 310, 50)
  put(302, 310, 60, 'socket:[78]')
  put(303, 310, 60, 'socket:[77]')
  put(304, 311, 60, 'socket:[77]')
  put(310, 0, 40)
  put(311, 0, 61) // Younger than its child: the parent has ended, and its pid is used again.
  const found = await new ProcessReader(live, users, new ProcFs(root)).ofSockets([301, 302, 303, 304].map(holds), 55)
  deepEqual([...found.keys()], [301, 310, 303, 304])
})

test('a real process, with a command line that is much too long', needs('linux'), async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log(1)', 'x'.repeat(100_000)], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await once(child.stdout, 'data')
  try {
    const found = await new ProcessReader(live, new UserNames()).one(child.pid!)
    ok(found)
    deepEqual([found.pid, found.parentPid, found.uid, found.exe], [child.pid, process.pid, process.getuid!(), process.execPath])
    ok(found.command!.join('').length <= 65_536 && found.command![1] === '-e')
    ok(Math.abs(found.startedAtMs! - Date.now()) < 60_000)
  } finally {
    child.kill('SIGKILL')
  }
})
