// What a look finds on the stand-in for macOS: sockets, owners, versions, the gate of macOS 27, and what goes wrong on the way.
import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import type { Look } from '../../src/model/look.ts'
import type { Socket } from '../../src/model/socket.ts'
import { needs } from '../needs.ts'
import { machine, scenario } from './standin.ts'

const desk = scenario('desk')
const everything = { protocols: ['tcp', 'udp', 'raw', 'icmp', 'unix'], details: ['tcp', 'memory', 'options'] } as const
const need = needs('linux', 'command gcc')

const end = (e: Socket['local'] | undefined): string =>
  e === undefined ? '-' : (e.path ?? `${e.address ?? ''}${e.zone === undefined ? '' : `%${e.zone}`}:${e.port ?? ''}`)
const line = (s: Socket): string =>
  [
    s.key.replace(/^unix\.[0-9a-f]+/, 'unix'),
    s.family,
    s.state,
    end(s.local),
    end(s.remote),
    s.owners.map(o => `${o.pid}/${o.fd ?? ''}`).join(',') || s.ownerless,
  ].join(' ')
const lines = (look: Look): string[] => look.sockets.map(line)
const find = (look: Look, key: string): Socket => {
  const found = look.sockets.find(s => s.key.startsWith(key))
  ok(found, `${key} is listed`)
  return found
}

async function lookAt(text: string, query: Parameters<Awaited<ReturnType<ReturnType<typeof machine>['open']>>['sockets']>[0] = everything) {
  const source = await machine(text).open()
  try {
    return await source.sockets(query)
  } finally {
    source.close()
  }
}

const expected = [
  'tcp.1 ipv4 LISTEN 0.0.0.0:3000 - 1000/20,1001/',
  'tcp.2 ipv4 ESTABLISHED 127.0.0.1:3000 127.0.0.1:50111 1000/21,1001/30',
  'tcp.3 ipv6 ESTABLISHED fe80::1%en0:22 fe80::2%en0:50000 400/',
  'tcp.6 ipv6 LISTEN :::8080 - 1001/9',
  'tcp.7 ipv6 LISTEN :::8443 - 1001/10',
  'tcp.8 ipv6 ESTABLISHED ::ffff:10.0.0.5:8080 ::ffff:10.0.0.9:41000 1001/11',
  'tcp.9 ipv4 TIME_WAIT 10.0.0.5:50500 93.184.216.34:443 time-wait',
  'tcp.flow.1002.10.0.0.5%:50501.93.184.216.34%:443 ipv4 ESTABLISHED 10.0.0.5:50501 93.184.216.34:443 1002/',
  'tcp.13 ipv4 CLOSED 0.0.0.0:0 - 1000/',
  'tcp.14 ipv4 BOUND 10.0.0.5:6000 - 1000/',
  'udp.4 ipv4 UNCONNECTED 0.0.0.0:5353 - 300/',
  'udp.flow.1002.2001:db8::1%:60000.2001:db8::2%:443 ipv6 ESTABLISHED 2001:db8::1:60000 2001:db8::2:443 1002/',
  'icmp.11 ipv4 ESTABLISHED 0.0.0.0: 8.8.8.8: 1000/',
  'raw.12 ipv4 UNCONNECTED 0.0.0.0: - 400/',
  'unix.20 unix LISTEN /tmp/app.sock - 1000/22',
  'unix.21 unix ESTABLISHED /tmp/app.sock : 1000/23',
  'unix.22 unix ESTABLISHED : /tmp/app.sock 1001/24',
  'unix.23 unix UNCONNECTED /var/run/syslog - 1/',
]

for (const major of [22, 23, 24, 25]) {
  test(`Darwin ${major}: every socket with its state, its ends and its owners`, need, async () => {
    const look = await lookAt(desk.replace('darwin 24', `darwin ${major}`))
    deepEqual(lines(look), expected)
    deepEqual(look.gaps, [])
  })
}

for (const major of [20, 21]) {
  test(`Darwin ${major}: shorter records, and UNIX sockets without their last user`, need, async () => {
    const look = await lookAt(desk.replace('darwin 24', `darwin ${major}`))
    deepEqual(lines(look), expected.slice(0, -1).concat('unix.23 unix UNCONNECTED /var/run/syslog - permission'))
    deepEqual(
      look.gaps.map(g => [g.what, g.why, g.count]),
      [['owners', 'permission', 1]],
    )
    equal(find(look, 'tcp.2').tcp?.rttMicros, 12_000)
  })
}
