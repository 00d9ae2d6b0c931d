import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { endpoint, scoped, unixPath } from './address.ts'

const zones = new Map([[4, 'en0']])
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
const v4 = bytes('000000000000000000000000 0a000005')

test('the zone of a link-local address is taken out of it', () => {
  deepEqual(scoped(bytes('fe80 0004 0000 0000 0000 0000 0000 0001'), zones), { address: 'fe80::1', zone: 'en0' })
  deepEqual(scoped(bytes('fe80 0105 0000 0000 0000 0000 0000 0001'), zones), { address: 'fe80::1', zone: '261' })
  deepEqual(scoped(bytes('fe80 0000 0000 0000 0000 0000 0000 0001'), zones, 4), { address: 'fe80::1', zone: 'en0' })
  deepEqual(scoped(bytes('fe80 0000 0000 0000 0000 0000 0000 0001'), zones), { address: 'fe80::1' })
  deepEqual(scoped(bytes('ff02 0004 0000 0000 0000 0000 0000 00fb'), zones), { address: 'ff02::fb', zone: 'en0' })
  deepEqual(scoped(bytes('2001 0db8 0000 0000 0000 0000 0000 0001'), zones), { address: '2001:db8::1' })
  deepEqual(scoped(bytes('ff0e 0db8 0000 0000 0000 0000 0000 0001'), zones), { address: 'ff0e:db8::1' }, 'a global group has no zone')
})

test('an IPv6 socket that uses IPv4 has the one form of all platforms', () => {
  const zero = new Uint8Array(16)
  equal(endpoint(v4, 80, 1, true, zones).address, '::ffff:10.0.0.5')
  equal(endpoint(v4, 80, 5, true, zones).address, '::ffff:10.0.0.5', 'also with the flag INP_V4MAPPEDV6')
  equal(endpoint(v4, 80, 1, false, zones).address, '10.0.0.5')
  deepEqual(
    [1, 2, 3, 0].map(flags => endpoint(zero, 80, flags, true, zones).address),
    ['::ffff:0.0.0.0', '::', '::', '::'],
  )
})

test('the path of a UNIX socket is as long as it states, and never longer than its bytes', () => {
  const path = new Uint8Array(104).fill(0x61)
  equal(unixPath(5, path), 'aaa')
  equal(unixPath(255, path), 'a'.repeat(104))
  equal(unixPath(0, path), undefined)
  equal(unixPath(2, path), undefined)
  equal(unixPath(12, Uint8Array.from(Buffer.from('/tmp/x\0garbage'))), '/tmp/x')
})
