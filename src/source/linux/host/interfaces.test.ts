import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { DecodeError } from '../../../model/errors.ts'
import type { Interface } from '../../../model/interface.ts'
import { needs } from '../../../../test/needs.ts'
import { live } from '../../tape.ts'
import { interfaceReader, readInterfaces } from './interfaces.ts'
import { message } from '../kernel/netlink.ts'
import { ProcFs } from '../kernel/proc-fs.ts'
import { ifinfomsg } from '../kernel/structs.ts'
import { ownNetworkNamespace } from '../netns/network-namespace.ts'

test('the interfaces are those of /sys/class/net, with counters that grow', needs('linux'), async () => {
  const calls = await import('../kernel/calls.ts')
  const read = interfaceReader(live, calls, ownNetworkNamespace(calls, new ProcFs()))
  const before = Number(readFileSync('/sys/class/net/lo/statistics/rx_bytes', 'utf8'))
  const found = await read()
  deepEqual(found.map(one => one.name).sort(), readdirSync('/sys/class/net').sort())
  const lo = found.find(one => one.name === 'lo')!
  ok(lo.loopback && lo.bitsPerSecond === undefined)
  equal(lo.mtuBytes, Number(readFileSync('/sys/class/net/lo/mtu', 'utf8')))
  ok(lo.counters!.inBytes >= before)
  equal(lo.counters!.inBytes, lo.counters!.outBytes)
})

test('a message that is cut is an error, not an interface', () => {
  const found: Interface[] = []
  const whole = message(16, 0, ifinfomsg.write({ index: 7, flags: 1 }))
  equal(readInterfaces(whole, found), false)
  deepEqual([found[0]!.index, found[0]!.up, found[0]!.counters], [7, true, undefined])
  throws(() => readInterfaces(message(16, 0, new Uint8Array(8)), found), DecodeError)
})
