// Filters over UNIX, netlink and packet sockets: what ss shows for the same words.
import { planQuery } from '../src/filter/plan.ts'
import { after, before, test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { Server, Socket as Stream } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { servicePort } from '../src/names/services.ts'
import { parseFilter } from '../src/filter/language/parse.ts'
import type { Protocol, Socket } from '../src/model/socket.ts'
import type { Source } from '../src/source/source.ts'
import { needs } from './needs.ts'
import { ownInodes } from './sockets.ts'

const folder = mkdtempSync(join(tmpdir(), 'sockscope-'))
let source: Source
let server: Server
let client: Stream
let other: Stream

before(async () => {
  if (process.platform !== 'linux') return
  const { openLinux } = await import('../src/source/linux/index.ts')
  source = await openLinux()
  server = createServer().listen(join(folder, 'a b.sock'))
  await once(server, 'listening')
  const accepted = once(server, 'connection')
  client = connect(join(folder, 'a b.sock'))
  other = ((await accepted) as [Stream])[0]
})
after(() => {
  for (const one of [client, other]) one?.destroy()
  server?.close()
  source?.close()
  rmSync(folder, { recursive: true })
})

async function ask(filter: string, protocol: Protocol): Promise<readonly Socket[]> {
  const snapshot = await source.takeSnapshot(
    planQuery({
      protocols: [protocol],
      filter: parseFilter(filter, { family: protocol as 'unix' }),
      owners: false,
    }),
  )
  return snapshot.sockets
}

test('paths are globs, as in ss', needs('linux', 'command ss'), async () => {
  const own = ownInodes()
  const some: string[] = []
  for (const [filter, words = filter.split(' ')] of [
    [`src ${folder}/*`],
    [`src unix:${folder}/*`],
    [`src ${folder}/a?b.sock`],
    [`src ${folder}/a\\ b.sock`, ['src', `${folder}/a\\ b.sock`]],
    [`src ${folder}/[ab]\\ b.sock`, ['src', `${folder}/[ab]\\ b.sock`]],
    [`src ${folder}`],
    ['src *'],
    [`! src ${folder}/*`],
    [`state listening`],
  ] as [string, string[]?][]) {
    const text = execFileSync('ss', ['-Hxa', ...words], { encoding: 'utf8', maxBuffer: 1 << 28 })
    // The numbers of a row: two queues, the inode, and that of the other end.
    const shown = text.split('\n').map(row => Number(row.split(/\s+/).filter(word => /^\d+$/.test(word))[2]))
    const requested = shown.filter(inode => own.has(inode)).sort()
    const found = (await ask(filter, 'unix')).map(s => s.inode!).filter(inode => own.has(inode))
    deepEqual(found.sort(), requested, `${filter}\n${text}`)
    if (requested.length > 0) some.push(filter)
  }
  ok(some.length >= 6, some.join('\n'))
  // ss does not have the path of the other end when it filters; sockscope does.
  equal((await ask(`dst ${folder}/*`, 'unix')).length, 1)
})

test('netlink sockets are found by protocol and kernel', needs('linux'), async () => {
  const filters = ['', 'src rtnl', 'src route', 'src 0', 'src 0:kernel', '']
  const snapshots: Awaited<ReturnType<typeof ask>>[] = []
  for (const filter of filters) snapshots.push(await ask(filter, 'netlink'))
  // Other programs open and close theirs meanwhile: only those that existed all the time count.
  const last = new Set(snapshots.at(-1)!.map(s => s.key))
  const stays = new Set(snapshots[0]!.map(s => s.key).filter(key => last.has(key)))
  const [all, named, byNumber, route, kernel] = snapshots.map(snapshot => snapshot.filter(s => stays.has(s.key)))
  const right = all!.filter(s => s.detail?.protocolNumber === 0)
  ok(right.length > 0)
  equal(named!.length + byNumber!.length, right.length, JSON.stringify(right[0]))
  equal(route!.length, right.length)
  equal(kernel!.length, right.filter(s => s.local.id === 0).length)
})

test('the services of this machine have names', needs('file /etc/services'), () => {
  equal(servicePort('ssh'), 22)
  equal(servicePort('no-such-service'), undefined)
  equal(servicePort('ssh', '/no/such/file'), undefined)
})

test(
  'names that are not UTF-8 stay apart, and case does not matter, as in ss',
  needs('linux', 'command python3', 'command ss'),
  async () => {
    const script = `import socket, sys
for name in (b'/Bad\\xff.sock', b'/Bad\\xfe.sock'):
    s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1].encode() + name); s.listen(); globals()[str(name)] = s
print('ready', flush=True); sys.stdin.read()`
    const holder = spawn('python3', ['-c', script, folder], { stdio: ['pipe', 'pipe', 'inherit'] })
    try {
      await once(holder.stdout, 'data')
      const found = await ask(`src ${folder}/bAd*`, 'unix')
      deepEqual(found.map(socket => socket.local.path).sort(), [`${folder}/Bad\uDCFE.sock`, `${folder}/Bad\uDCFF.sock`])
      const shown = execFileSync('ss', ['-xlH', 'src', `${folder}/bAd*`], { encoding: 'latin1' })
      equal(shown.trimEnd().split('\n').length, 2)
    } finally {
      holder.stdin.end()
      await once(holder, 'exit')
    }
  },
)
