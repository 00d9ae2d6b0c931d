import { test } from 'node:test'
import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { tableOf, utf16 } from '../../../../test/windows/made-up.ts'
import { DecodeError } from '../../../model/errors.ts'
import { interfaceTableLength, readInterfaces } from './interfaces.ts'
import { interfaceRow } from '../kernel/structs.ts'

const captured = new Uint8Array(readFileSync('test/golden/windows/interfaces.bin'))

test('a captured table', () => {
  const found = readInterfaces(captured)
  deepEqual(
    found.map(i => [i.index, i.name, i.up, i.carrier, i.loopback, i.mtuBytes]),
    [
      [1, 'lo', true, true, true, 65536],
      [2, 'ifb0', false, false, false, 1500],
      [3, 'ifb1', false, false, false, 1500],
      [4, 'eth0', true, true, false, 1400],
    ],
  )
  ok(found[0]!.counters!.inBytes > 0 && found[0]!.counters!.inBytes === found[0]!.counters!.outBytes)
})

test('counters, and values that mean that nothing is known', () => {
  const row = {
    Alias: utf16('WLAN \u4f60'),
    InterfaceIndex: 12,
    OperStatus: 1,
    Mtu: 0xffffffff,
    TransmitLinkSpeed: 2n ** 64n - 1n,
    InOctets: 2 ** 40,
    InUcastPkts: 3,
    InNUcastPkts: 4,
    OutDiscards: 5,
  }
  const filter = { ...row, InterfaceAndOperStatusFlags: 2 }
  const found = readInterfaces(
    tableOf(interfaceRow, row, filter, { ...row, Mtu: 1500, TransmitLinkSpeed: 10n ** 9n, MediaConnectState: 2, OperStatus: 2 }),
  )
  deepEqual(
    found.map(i => [i.name, i.index, i.up, i.carrier, i.mtuBytes, i.bitsPerSecond]),
    [
      ['WLAN \u4f60', 12, true, undefined, undefined, undefined],
      ['WLAN \u4f60', 12, false, false, 1500, 1e9],
    ],
  )
  deepEqual([found[0]!.counters!.inBytes, found[0]!.counters!.inPackets, found[0]!.counters!.outDrops], [2 ** 40, 7, 5])
})

test('a table that is cut short is refused', () => {
  equal(interfaceTableLength(captured.subarray(0, 8)), captured.length)
  for (const length of [0, 3, 8, 1359, captured.length - 1]) throws(() => readInterfaces(captured.subarray(0, length)), DecodeError)
})
