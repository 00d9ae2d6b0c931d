import { test } from 'node:test'
import { deepEqual, equal } from 'node:assert/strict'
import { isIP } from 'node:net'
import fc from 'fast-check'
import { addressWords, prefixTest, printAddress } from './address.ts'

test('addresses are parsed and printed as by Node and URLs', () => {
  const any = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string({ unit: fc.constantFrom('0', '1', 'f', ':', '::', '.', '255', 'g'), maxLength: 20 }))
  fc.assert(
    fc.property(any, text => {
      const words = addressWords(text)
      // A leading zero in IPv4 is refused by Node, and decimal here.
      if (/(^|[.:])0\d/.test(text) && text.includes('.')) return
      equal(words === undefined, isIP(text) === 0, text)
      if (words === undefined) return
      const host = words.length === 1 ? text : `[${text}]`
      const expected = new URL(`http://${host}`).hostname.replace(/[[\]]/g, '')
      // The URL writes IPv4 inside IPv6 in hexadecimal.
      if (!printAddress(words).startsWith('::ffff:')) equal(printAddress(words), expected)
      deepEqual(addressWords(printAddress(words)), words)
    }),
    { numRuns: 3000 },
  )
})

for (const [text, printed] of [
  ['::', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['::FFFF:7f00:1', '::ffff:127.0.0.1'],
  ['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
] as const)
  test(text, () => equal(printAddress(addressWords(text)!), printed))

test('a prefix matches the first bits, for IPv4 also inside IPv6', () => {
  const within = (prefix: string, bits: number, address: string): boolean => prefixTest(addressWords(prefix)!, bits)(address)
  equal(within('10.0.0.0', 8, '10.255.0.1'), true)
  equal(within('10.0.0.0', 9, '10.128.0.1'), false)
  equal(within('255.255.255.255', 32, '255.255.255.255'), true)
  equal(within('128.0.0.0', 1, '::ffff:200.0.0.1'), true)
  equal(within('0.0.0.0', 0, '::1'), false)
  equal(within('2001:db8::', 33, '2001:db8:7fff::1'), true)
  equal(within('2001:db8::', 33, '2001:db8:8000::1'), false)
  equal(within('::1', 128, '::1'), true)
  equal(within('::', 0, '10.0.0.1'), false)
})
