// A recording of a Linux machine that was made once and kept (test/golden/record-linux.sh): it plays on every operating system, and whatever
// is done to it, the answer is sockets, DecodeError or OsError.
import { planQuery } from '../src/filter/plan.ts'
import { after, test } from 'node:test'
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DecodeError, OsError } from '../src/model/errors.ts'
import { protocols, type Endpoint } from '../src/model/socket.ts'
import { openRecording } from '../src/source/open.ts'
import { recordKinds } from '../src/source/replay/format.ts'
import { bytesOf, recordingOf, recordsOf } from './recordings.ts'

const golden = 'test/golden/linux.recording'
const folder = mkdtempSync(join(tmpdir(), 'sockscope-'))
after(() => rmSync(folder, { recursive: true }))
const end = (e: Endpoint | undefined): string => (e === undefined ? '*' : (e.path ?? `${e.address}:${e.port}`))

test('it shows the sockets that were recorded', async () => {
  const machine = await openRecording(golden)
  equal(machine.name, 'replay linux')
  const { sockets, processes, gaps, atMs } = await machine.takeSnapshot(planQuery({ details: ['tcp'] }))
  const lines = sockets.map(
    s => `${s.protocol} ${s.state} ${end(s.local)} ${end(s.remote)} ${s.owners.map(o => `${processes.get(o.pid)?.name}/${o.fd}`).join()}`,
  )
  deepEqual(lines, readFileSync('test/golden/linux.txt', 'utf8').trimEnd().split('\n'))
  deepEqual(gaps, [])
  ok(atMs > Date.UTC(2020, 0))
  const sender = sockets.find(s => s.remote?.port === 8080)!
  deepEqual([sender.tcp?.sentBytes, sender.tcp?.retransmittedBytes], [200_000, 0])
  const client = processes.get(sender.owners[0]!.pid)!
  deepEqual([client.name, client.user, client.command], ['client', 'root', undefined])
  equal(processes.get(client.parentPid!)?.name, 'web')
  const unix = await machine.takeSnapshot(planQuery({ protocols: ['unix'] }))
  ok(unix.sockets.some(s => s.state === 'LISTEN' && s.local.path?.startsWith('@sockscope-scene')))
  deepEqual(
    (await machine.interfaces()).map(i => [i.name, i.loopback, i.up]),
    [['lo', true, true]],
  )
  ok((await machine.abilities()).some(a => a.name === 'owners'))
  machine.close()
})

test('it contains nothing of the machine or the user that made it', () => {
  const text = recordsOf(readFileSync(golden))
    .map(r => Buffer.from(r.content).toString('latin1'))
    .join('\n')
  for (const [, path] of text.matchAll(/"exe":"([^"]*)"/g)) match(path!, /^\/usr\/bin\/(node|dash|sh)$/)
  ok(!/"command"|"script"|hostname|\/home\/|\/root\b|\/work|\/tmp/.test(text))
})

/** Plays a file to its end, and reads everything. */
async function play(bytes: Uint8Array): Promise<string> {
  const file = join(folder, 'played')
  writeFileSync(file, bytes)
  let machine
  try {
    machine = await openRecording(file)
    let count = 0
    for (let i = 0; i < 10 && !machine.ended; i++)
      count += (await machine.takeSnapshot(planQuery({ protocols, details: ['tcp', 'options'] }))).sockets.length
    await machine.interfaces()
    await machine.abilities()
    return `${count} sockets`
  } catch (error) {
    ok(error instanceof DecodeError || error instanceof OsError, error instanceof Error ? error.stack : String(error))
    return error.name
  } finally {
    machine?.close()
  }
}

test('any changed byte of it is detected', async () => {
  const bytes = readFileSync(golden)
  for (let at = 0; at < bytes.length; at += at < 64 ? 3 : 37) {
    const changed = Buffer.from(bytes)
    changed[at]! ^= 1 << (at % 8)
    equal(await play(changed), 'DecodeError', `byte ${at}`)
  }
})

test('cut anywhere, it plays what is complete', async () => {
  const bytes = readFileSync(golden)
  const seen = new Set<string>()
  for (let cut = 0; cut < bytes.length; cut += 97) seen.add(await play(bytes.subarray(0, cut)))
  ok(seen.has('DecodeError'))
})

test('answers of the kernel that are damaged are sockets, DecodeError or OsError', async () => {
  const whole = readFileSync(golden)
  const all = recordsOf(whole)
  const answers = all.filter(r => r.kind === recordKinds.answer && r.content.length > 0)
  let seed = 7
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below
  const seen = new Map<string, number>()
  for (let i = 0; i < 300; i++) {
    const hit = answers[random(answers.length)]!
    const changed = Buffer.from(hit.content)
    for (let n = random(4); n >= 0; n--) changed[random(changed.length)] = random(256)
    const cut = random(3) === 0 ? changed.subarray(0, random(changed.length)) : changed
    const bytes = bytesOf(all.map(r => (r === hit ? { ...r, content: cut } : r)))
    const outcome = await play(recordingOf(bytes))
    const name = outcome.replace(/^\d+ /, '')
    seen.set(name, (seen.get(name) ?? 0) + 1)
  }
  ok(seen.get('sockets')! > 30 && seen.get('DecodeError')! > 30, JSON.stringify([...seen]))
})
