import { after, test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { needs } from '../../../../test/needs.ts'
import { ProcFs } from '../kernel/proc-fs.ts'
import { readLimits } from './limits.ts'

const root = mkdtempSync(join(tmpdir(), 'proc-'))
after(() => rmSync(root, { recursive: true, force: true }))

test('each limit from its file', () => {
  for (const [name, text] of Object.entries({
    'sys/net/ipv4/ip_local_port_range': '32768\t60999\n',
    'sys/net/ipv4/ip_local_reserved_ports': '40000-40010,50000\n',
    'sys/net/ipv4/ip_unprivileged_port_start': '1024\n',
    'sys/net/ipv4/tcp_max_orphans': '100\n',
    'sys/net/ipv4/tcp_mem': '1\t2\t3\n',
    'net/sockstat': 'sockets: used 74\nTCP: inuse 11 orphan 4 tw 3 alloc 12 mem 5\n',
    'sys/fs/file-nr': '900\t0\t1000\n',
    'self/limits':
      'Limit                     Soft Limit           Hard Limit\nMax open files            256                  512   files\n',
    'self/fd/0': '',
    'self/auxv': new Uint8Array(BigUint64Array.of(33n, 7n, 6n, 16_384n, 0n, 0n).buffer), // A kernel of arm64 with pages of 16 KiB.
  })) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  const limits = readLimits(new ProcFs(root))
  deepEqual(limits.ephemeralPorts, { first: 32768, last: 60999 })
  deepEqual(limits.reservedPorts, [
    { first: 40000, last: 40010 },
    { first: 50000, last: 50000 },
  ])
  deepEqual([limits.privilegedBelow, limits.tcpOrphans, limits.openFiles], [1024, { used: 4, limit: 100 }, { used: 900, limit: 1000 }])
  deepEqual(
    [limits.descriptors, limits.tcpMemoryBytes],
    [
      { used: 1, limit: 256 },
      { used: 5 * 16_384, limit: 3 * 16_384 },
    ],
  )
  deepEqual(
    [limits.tcpTimeWaits, limits.udpMemoryBytes],
    [
      { used: 3, limit: undefined },
      { used: undefined, limit: undefined },
    ],
  )
})

test('without the size of a page, memory is unknown', () => {
  rmSync(join(root, 'self/auxv'))
  const limits = readLimits(new ProcFs(root))
  deepEqual([limits.tcpMemoryBytes, limits.tcpOrphans.used], [{ used: undefined, limit: undefined }, 4])
})

test('what is not there is unknown', () => {
  const limits = readLimits(new ProcFs('/nonexistent'))
  deepEqual([limits.ephemeralPorts, limits.descriptors.used, limits.tcpOrphans.used], [undefined, undefined, undefined])
})

test('this machine', needs('linux', 'command getconf'), () => {
  const limits = readLimits()
  ok(limits.descriptors.limit! > 0)
  ok(Math.abs(limits.descriptors.used! - readdirSync('/proc/self/fd').length) <= 2)
  equal(limits.ephemeralPorts!.first < limits.ephemeralPorts!.last, true)
  const page = Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }))
  equal(limits.tcpMemoryBytes.limit, Number(readFileSync('/proc/sys/net/ipv4/tcp_mem', 'utf8').split('\t')[2]) * page)
})
