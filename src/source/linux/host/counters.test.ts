import { after, test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { needs } from '../../../../test/needs.ts'
import { ProcFs } from '../kernel/proc-fs.ts'
import { readCounters } from './counters.ts'

const root = mkdtempSync(join(tmpdir(), 'proc-'))
after(() => rmSync(root, { recursive: true, force: true }))

/** A /proc with these files below `net`. */
function procWith(files: Readonly<Record<string, string>>): ProcFs {
  rmSync(join(root, 'net'), { recursive: true, force: true })
  mkdirSync(join(root, 'net'), { recursive: true })
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, 'net', name), text)
  return new ProcFs(root)
}

const snmp = `Ip: Forwarding DefaultTTL
Ip: 1 64
Tcp: RtoAlgorithm MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors
Tcp: 1 -1 10 20 3 4 5 6000000000 7000 80 9 11 12
Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors
Udp: 100 2 3 400 5 6 7
`
const netstat = 'TcpExt: SyncookiesSent ListenOverflows ListenDrops TCPTimeouts TCPHPHits\nTcpExt: 1 2 3 4 5\nIpExt: InOctets\nIpExt: 99\n'
const snmp6 = 'Ip6InReceives \t1\nUdp6InDatagrams                 \t40\nUdp6NoPorts \t1\nUdp6OutDatagrams \t41\nUdpLite6InDatagrams \t2\n'
const sockstat = 'sockets: used 74\nTCP: inuse 11 orphan 1 tw 3 alloc 12 mem 5\nUDP: inuse 2 mem 0\n'

test('each counter under its name, and the others by the names of the kernel', () => {
  const counters = readCounters(procWith({ snmp, netstat, snmp6, sockstat, sockstat6: 'TCP6: inuse 6\nUDP6: inuse 7\n' }))
  deepEqual(counters.tcp, {
    ipv4: undefined,
    ipv6: undefined,
    combined: {
      opened: 10,
      accepted: 20,
      failed: 3,
      reset: 4,
      established: 5,
      receivedSegments: 6_000_000_000,
      sentSegments: 7000,
      retransmittedSegments: 80,
      receiveErrors: 9,
      sentResets: 11,
    },
  })
  deepEqual([counters.udp.ipv4?.receivedDatagrams, counters.udp.ipv4?.refusedDatagrams, counters.udp.ipv4?.sendBufferErrors], [100, 2, 6])
  deepEqual(
    [counters.udp.ipv6?.receivedDatagrams, counters.udp.ipv6?.sentDatagrams, counters.udp.ipv6?.checksumErrors],
    [40, 41, undefined],
  )
  const { synCookiesSent, listenOverflows, listenDrops, timeouts, synRetransmits } = counters.tcpExtended!
  deepEqual([synCookiesSent, listenOverflows, listenDrops, timeouts, synRetransmits], [1, 2, 3, 4, undefined])
  deepEqual(counters.sockets, {
    used: 74,
    tcp: { ipv4: 11, ipv6: 6 },
    udp: { ipv4: 2, ipv6: 7 },
    udplite: { ipv4: undefined, ipv6: undefined },
    raw: { ipv4: undefined, ipv6: undefined },
    tcpOrphans: 1,
    tcpTimeWaits: 3,
    tcpAllocated: 12,
  })
  deepEqual(counters.fields, {
    'Tcp.RtoAlgorithm': 1,
    'Tcp.MaxConn': -1,
    'Tcp.InCsumErrors': 12,
    'TcpExt.TCPHPHits': 5,
    'UdpLite6.InDatagrams': 2,
  })
})

test('without the files nothing is known, and nothing is 0', () => {
  deepEqual(readCounters(new ProcFs('/nonexistent')), {
    tcp: { ipv4: undefined, ipv6: undefined, combined: undefined },
    udp: { ipv4: undefined, ipv6: undefined },
    tcpExtended: undefined,
    sockets: undefined,
    fields: {},
  })
})

test('damaged text: what cannot be read is unknown, and the rest is there', () => {
  const damaged = 'TcpExt: ListenOverflows ListenDrops TCPTimeouts __proto__\nTcpExt: x 3\nTcp\n\nUdp: InDatagrams\nTcpExt: 7\n: a\n: 1\n'
  const { tcp, udp, tcpExtended } = readCounters(
    procWith({ snmp: 'Tcp: ActiveOpens\n', netstat: damaged, sockstat: 'TCP: inuse\nTCP: inuse many\n' }),
  )
  deepEqual([tcp.combined, udp.ipv4], [undefined, undefined])
  deepEqual([tcpExtended!.listenOverflows, tcpExtended!.listenDrops, tcpExtended!.timeouts], [undefined, 3, undefined])
  // Whatever byte is cut or changed, there are numbers or nothing.
  const whole = snmp + netstat
  for (let at = 0; at < whole.length; at++) {
    const texts = [whole.slice(0, at), `${whole.slice(0, at)}\u0000${whole.slice(at + 1)}`]
    for (const text of texts) {
      const counters = readCounters(procWith({ snmp: text }))
      ok(Object.values(counters.fields!).every(Number.isFinite))
      ok(Object.values(counters.tcpExtended ?? {}).every(value => value === undefined || Number.isFinite(value)))
    }
  }
})

test('a connection on this machine is counted', needs('linux', 'file /proc/net/snmp'), async () => {
  const before = readCounters()
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await Promise.all([once(client, 'connect'), once(server, 'connection')])
  const counters = readCounters()
  client.destroy()
  server.close()
  ok(counters.tcp.combined!.opened > before.tcp.combined!.opened)
  ok(counters.tcp.combined!.accepted > before.tcp.combined!.accepted)
  equal(counters.tcp.ipv4, undefined)
  // Every counter that the kernel has is somewhere.
  const names = /^TcpExt: (.*)$/m.exec(readFileSync('/proc/net/netstat', 'utf8'))![1]!.split(' ')
  const named = Object.values(counters.tcpExtended!).filter(value => value !== undefined).length
  equal(named + Object.keys(counters.fields!).filter(name => name.startsWith('TcpExt.')).length, names.length)
  ok(counters.sockets!.used! > 0)
})
