// Filters over UNIX, netlink and packet sockets: what ss shows for the same words.
import { after, before, test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { Server, Socket as Stream } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { servicePort } from '../src/names/services.ts'
import { parseFilter } from '../src/filter/parse.ts'
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
  const look = await source.sockets({ protocols: [protocol], filter: parseFilter(filter, { family: protocol as 'unix' }), owners: false })
  return look.sockets
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
    const wanted = shown.filter(inode => own.has(inode)).sort()
    const found = (await ask(filter, 'unix')).map(s => s.inode!).filter(inode => own.has(inode))
    deepEqual(found.sort(), wanted, `${filter}\n${text}`)
    if (wanted.length > 0) some.push(filter)
  }
  ok(some.length >= 6, some.join('\n'))
  // ss does not know the path of the other end when it filters; we do.
  equal((await ask(`dst ${folder}/*`, 'unix')).length, 1)
})

test('netlink sockets are found by protocol and kernel', needs('linux'), async () => {
  const all = await ask('', 'netlink')
  const route = all.filter(s => s.detail?.protocolNumber === 0)
  ok(route.length > 0)
  equal((await ask('src rtnl', 'netlink')).length + (await ask('src route', 'netlink')).length, route.length, JSON.stringify(route[0]))
  equal((await ask('src 0', 'netlink')).length, route.length)
  equal((await ask('src 0:kernel', 'netlink')).length, route.filter(s => s.local.id === 0).length)
})

test('the services of this machine have names', needs('file /etc/services'), () => {
  equal(servicePort('ssh'), 22)
  equal(servicePort('no-such-service'), undefined)
  equal(servicePort('ssh', '/no/such/file'), undefined)
})
