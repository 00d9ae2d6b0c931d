import { after, test } from 'node:test'
import { deepEqual, equal } from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { OsError } from '../../../model/errors.ts'
import { ProcessTable, type Process } from '../../../model/process.ts'
import { live } from '../../tape.ts'
import { ProcFs } from '../kernel/proc-fs.ts'
import { addContexts, type ContextReader } from './contexts.ts'
import { draft, type Draft } from '../decode/draft.ts'

const folders: string[] = []
after(() => folders.forEach(folder => rmSync(folder, { recursive: true, force: true })))

/** A folder that looks like /proc, where these processes have these contexts. */
function tree(contexts: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'proc-'))
  folders.push(root)
  for (const [pid, context] of Object.entries(contexts)) {
    mkdirSync(join(root, pid, 'attr'), { recursive: true })
    mkdirSync(join(root, pid, 'fd'))
    writeFileSync(join(root, pid, 'attr/current'), context)
  }
  return root
}

const processes = (...pids: number[]): ProcessTable =>
  new ProcessTable(pids.map(pid => [pid, { key: String(pid), pid, name: 'x' } as unknown as Process]))
const socket = (key: string, inode: number, pid?: number, fd?: number): Draft => ({
  ...draft(key, 'tcp', 'ipv4', 'LISTEN', {}),
  inode,
  owners: pid === undefined ? [] : [{ pid, fd }],
})
const none: ContextReader['attributeOf'] = () => undefined

async function add(reader: ContextReader, sockets: Draft[], pids: number[], ...details: ('context' | 'socketContext')[]) {
  const found = await addContexts(live, reader, sockets, processes(...pids), details)
  return {
    gaps: found.gaps,
    processes: [...found.processes.values()].map(p => p.securityContext),
    sockets: sockets.map(s => s.securityContext),
  }
}

test('the contexts of processes, as SELinux ends them and as AppArmor does', async () => {
  const root = tree({ self: 'x', 1: 'system_u:system_r:init_t:s0\0', 2: '/usr/bin/man (enforce)\n', 3: '', 4: 'évil\u001b[31m\nx\n' })
  const found = await add({ proc: new ProcFs(root), attributeOf: none }, [socket('a', 7)], [1, 2, 3, 4, 5], 'context')
  // A name can hold anything: what is shown is made safe where it is shown.
  deepEqual(found.processes, ['system_u:system_r:init_t:s0', '/usr/bin/man (enforce)', undefined, 'évil\u001b[31m\nx', undefined])
  deepEqual([found.sockets, found.gaps], [[undefined], []])
})

test('the contexts of sockets, but not of what else a descriptor stands for by now', async () => {
  const root = tree({ self: 'x', 1: 'a' })
  for (const [fd, target] of [
    ['3', 'socket:[4294967303]'],
    ['4', '/etc/passwd'],
    ['5', 'socket:[99]'],
  ] as const)
    symlinkSync(target, join(root, '1/fd', fd))
  const asked: string[] = []
  const attributeOf: ContextReader['attributeOf'] = path => {
    asked.push(path.slice(root.length))
    return Buffer.from('system_u:object_r:web_t:s0\0')
  }
  const sockets = [socket('a', 7, 1, 3), socket('b', 8, 1, 4), socket('c', 9, 1, 5), socket('d', 10), socket('e', 11, 1)]
  const found = await add({ proc: new ProcFs(root), attributeOf }, sockets, [1], 'context', 'socketContext')
  deepEqual(found.sockets, ['system_u:object_r:web_t:s0', undefined, undefined, undefined, undefined])
  deepEqual([asked, found.processes, found.gaps], [['/1/fd/3', '/1/fd/4', '/1/fd/5'], ['a'], []])
})

test('without a security module there is one gap, and nothing is asked', async () => {
  const attributeOf = (): never => {
    throw new Error('asked')
  }
  const found = await add({ proc: new ProcFs(tree({})), attributeOf }, [socket('a', 7, 1, 3)], [1], 'context', 'socketContext')
  deepEqual(
    found.gaps.map(gap => [gap.why, gap.text]),
    [['kernel', 'this kernel gives no security contexts']],
  )
})

test('a module that labels processes only, and sockets that may not be asked', async () => {
  const root = tree({ self: 'unconfined', 1: 'unconfined' })
  const only = await add({ proc: new ProcFs(root), attributeOf: none }, [socket('a', 7, 1, 3)], [1], 'context', 'socketContext')
  deepEqual(
    only.gaps.map(gap => gap.text),
    ['this kernel gives sockets no security contexts of their own'],
  )
  const attributeOf = (): never => {
    throw new OsError('getxattr', 'EACCES')
  }
  const refused = await add(
    { proc: new ProcFs(root), attributeOf },
    [socket('a', 7, 1, 3), socket('b', 8, 1, 4)],
    [1],
    'context',
    'socketContext',
  )
  deepEqual(
    refused.gaps.map(gap => [gap.why, gap.count]),
    [['permission', 2]],
  )
  equal(refused.sockets[0], undefined)
})

test('a recording without contexts says so', async () => {
  const tape = {
    ...live,
    played: true,
    value: async (): Promise<never> => {
      throw new OsError('recording', 'ENODATA')
    },
  }
  const { gaps } = await addContexts(tape, { proc: new ProcFs('/nowhere'), attributeOf: none }, [], processes(1), ['context'])
  deepEqual(
    gaps.map(gap => gap.why),
    ['recording'],
  )
})
