// A recording of a Windows machine that was made under Wine, with what Wine lacks from the look-alike DLL. It plays on every operating system, and
// whatever is done to the answers in it, what comes of them is sockets, DecodeError or OsError.
import { planQuery } from '../../src/filter/plan.ts'
import { after, test } from 'node:test'
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openRecording } from '../../src/source/open.ts'
import { DecodeError, OsError } from '../../src/model/errors.ts'
import { recordKinds } from '../../src/source/replay/format.ts'
import { bytesOf, recordingOf, recordsOf } from '../recordings.ts'

const golden = 'test/golden/windows.recording'
const folder = mkdtempSync(join(tmpdir(), 'sockscope-'))
after(() => rmSync(folder, { recursive: true }))

test('it shows the sockets that were recorded', async () => {
  const machine = await openRecording(golden)
  equal(machine.name, 'replay windows')
  const first = await machine.takeSnapshot(planQuery({ details: ['tcp'] }))
  deepEqual(
    first.sockets.map(s => [s.key.replace(/ \d+(?=@)/, ' PID'), s.state, s.detail?.fields?.module]),
    [
      ['tcp4 0.0.0.0:8080 PID@133000000000000000', 'LISTEN', 'Dienst \u4f60'],
      ['tcp4 10.0.0.1:50000>10.0.0.2:443 PID@133000000000010000', 'ESTABLISHED', 'Dienst \u4f60'],
      ['tcp4 10.0.0.1:50001>10.0.0.2:443 0', 'TIME_WAIT', undefined],
      ['tcp6 fe80::1%7:5000>fe80::2%7:443 PID@133000000000000000', 'ESTABLISHED', 'Six'],
      ['tcp6 :::8080 PID@133000000000000000', 'LISTEN', 'Six'],
      ['udp4 127.0.0.1:53 PID@133000000000000000', 'UNCONNECTED', 'Udp'],
      ['udp6 ::1:53 PID@133000000000000000', 'UNCONNECTED', 'Udp6'],
    ],
  )
  const owner = first.processes.get(first.sockets[0]!.owners[0]!.pid)!
  deepEqual(
    [owner.name, owner.exe, owner.user, owner.unit, owner.command],
    ['node.exe', 'C:\\nodejs\\node.exe', 'VM\\root', 'Erster, Zweiter \u4f60', undefined],
  )
  const second = await machine.takeSnapshot(planQuery({ details: ['tcp'] }))
  deepEqual(
    [first, second].map(snapshot => snapshot.sockets[1]!.tcp?.sentBytes),
    [undefined, 1015],
  )
  ok((await machine.interfaces()).some(i => i.loopback))
  ok((await machine.abilities()).some(a => a.name === 'elevated' && a.works))
  equal(machine.ended, true)
  machine.close()
})

test('it contains nothing of the machine or the user that made it', () => {
  const text = recordsOf(readFileSync(golden))
    .map(r => Buffer.from(r.content).toString('latin1'))
    .join('\n')
  for (const [, path] of text.matchAll(/"exe":"([^"]*)"/g)) match(path!, /^C:\\\\nodejs\\\\node\.exe$/)
  ok(!/"command"|"script"|geheim|hostname|\/home\/|\/work|\/tmp|Z:/.test(text))
})

test('answers of Windows that are damaged are sockets, DecodeError or OsError', async () => {
  const whole = readFileSync(golden)
  const all = recordsOf(whole)
  const answers = all.filter(r => r.kind === recordKinds.answer && r.content.length > 0)
  let seed = 11
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below
  const seen = new Map<string, number>()
  for (let i = 0; i < 300; i++) {
    const hit = answers[random(answers.length)]!
    const changed = Buffer.from(hit.content)
    for (let n = random(4); n >= 0; n--) changed[random(changed.length)] = random(256)
    const cut = random(3) === 0 ? changed.subarray(0, random(changed.length)) : changed
    const bytes = bytesOf(all.map(r => (r === hit ? { ...r, content: cut } : r)))
    const name = await play(recordingOf(bytes))
    seen.set(name, (seen.get(name) ?? 0) + 1)
  }
  ok(seen.get('sockets')! > 30 && seen.get('DecodeError')! > 30, JSON.stringify([...seen]))
})

test('answers that are JSON of another shape are DecodeErrors', async () => {
  const whole = readFileSync(golden)
  const all = recordsOf(whole)
  for (const hit of all.filter(r => r.kind === recordKinds.answer && /^[[{]/.test(Buffer.from(r.content.subarray(0, 1)).toString()))) {
    for (const other of [
      'null',
      '7',
      '{}',
      '[]',
      '[null]',
      '{"facts":[null],"users":[7],"services":[["a"]]}',
      '{"known":[[1,2,3]],"late":"x","refused":7}',
    ]) {
      const bytes = bytesOf(all.map(r => (r === hit ? { ...r, content: Buffer.from(other) } : r)))
      const name = await play(recordingOf(bytes))
      ok(['sockets', 'DecodeError', 'OsError'].includes(name), `${other}: ${name}`)
    }
  }
})

/** Plays a file to its end, and requests everything. */
async function play(bytes: Uint8Array): Promise<string> {
  const file = join(folder, 'played')
  writeFileSync(file, bytes)
  let machine
  try {
    machine = await openRecording(file)
    for (let i = 0; i < 4 && !machine.ended; i++) await machine.takeSnapshot(planQuery({ details: ['tcp'] }))
    await machine.interfaces()
    await machine.abilities()
    return 'sockets'
  } catch (error) {
    ok(error instanceof DecodeError || error instanceof OsError, error instanceof Error ? error.stack : String(error))
    return error.name
  } finally {
    machine?.close()
  }
}
