import { test } from 'node:test'
import { equal } from 'node:assert/strict'
import { ipv6 } from './address.ts'

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex.replace(/\s/g, ''), 'hex'))
for (const [hex, text] of [
  ['00000000 00000000 00000000 00000000', '::'],
  ['00000000 00000000 00000000 00000001', '::1'],
  ['20010db8 00000000 00000000 00000000', '2001:db8::'],
  ['20010db8 00000000 00010000 00000001', '2001:db8::1:0:0:1'],
  ['20010db8 00000001 00010001 00010001', '2001:db8:0:1:1:1:1:1'],
  ['00000000 00000000 0000ffff 7f000001', '::ffff:127.0.0.1'],
  ['fe800000 00000000 00000000 00000000', 'fe80::'],
] as const)
  test(text, () => equal(ipv6(bytes(hex)), text))
