// On another kernel: what is reported where a sandbox refuses netlink and bpf(2), and where the kernel is too old to count bytes by process.
import { test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import type { Ability } from '../../src/model/ability.ts'
import { bind, listen, listing, loopback, portOf, socket, sockscope } from './calls.ts'

const refused = { before: ['--import', './test/kernel/refuse.ts'] }

test('without netlink and BPF the tables are read as text, and what these lack is a gap', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const sctp = socket(2, 1, 132)
  bind(sctp, loopback(0))
  listen(sctp, 5)
  const dccp = socket(2, 6, 33)
  bind(dccp, loopback(0))
  listen(dccp, 5)
  try {
    const { sockets, gaps } = listing(['list', '--json', '-a', '-A', 'inet'], refused)
    const found = sockets.filter(s => s.local.port === port || s.local.port === portOf(sctp))
    deepEqual(found.map(s => [s.protocol, s.state, s.owners[0]?.pid]).sort(), [
      ['sctp', 'LISTEN', process.pid],
      ['tcp', 'LISTEN', process.pid],
    ])
    const lacking = gaps.filter(gap => gap.what === 'sockets')
    deepEqual(
      lacking.map(gap => [/sockets of dccp over ipv4: socket\(NETLINK_SOCK_DIAG\) failed: EPERM/.test(gap.text), gap.why, gap.count]),
      [[true, 'permission', 1]],
    )
    ok(gaps.some(gap => gap.what === 'statistics' && /could only be read from \/proc\/net/.test(gap.text)))
  } finally {
    server.close()
  }
})

const doctor = (who = {}): Map<string, Ability> => {
  const { out } = sockscope(['doctor', '--json'], who)
  return new Map((JSON.parse(out) as { abilities: Ability[] }).abilities.map(ability => [ability.name, ability]))
}

test('doctor reports what a sandbox refuses', () => {
  const abilities = doctor(refused)
  for (const name of ['bpf-owners', 'bpf-events', 'events']) {
    equal(abilities.get(name)!.works, false, name)
    ok(/EPERM/.test(abilities.get(name)!.text), abilities.get(name)!.text)
  }
})

test('doctor reports that this kernel does not count bytes by process', () => {
  const abilities = doctor()
  const events = abilities.get('bpf-events')!
  ok(events.works)
  ok(/bytes of UDP and UNIX sockets are not counted here: tracepoint sock_send_length/.test(events.text), events.text)
  equal(events.help, 'Linux 6.3 or newer counts them')
  ok(abilities.get('bpf-owners')!.works)
})
