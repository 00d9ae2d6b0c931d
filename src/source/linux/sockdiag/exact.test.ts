import { test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { parseFilter } from '../../../filter/language/parse.ts'
import { viewOf } from '../../../bytes/text.ts'
import type { Socket } from '../../../model/socket.ts'
import { draft } from '../decode/draft.ts'
import { inetDiagSockid } from '../kernel/structs.ts'
import { connectionId, exactId } from './exact.ts'

const read = (id: Uint8Array | undefined) => {
  ok(id)
  const { sport, dport, src, dst, if: device, cookie0 } = inetDiagSockid.read(viewOf(id))
  return { sport, dport, src: [...src], dst: [...dst], device, cookie0 }
}
const rest = (length: number): number[] => Array.from({ length }, () => 0)
const mapped = (...four: number[]): number[] => [...rest(10), 255, 255, ...four]

test('a filter that names both ends is one connection', () => {
  const filter = parseFilter('src 10.0.0.1:80 and dst 10.0.0.2:4000')
  deepEqual(read(exactId(filter, 'ipv4')), {
    sport: 80,
    dport: 4000,
    src: [10, 0, 0, 1, ...rest(12)],
    dst: [10, 0, 0, 2, ...rest(12)],
    device: 0,
    cookie0: 0xffffffff,
  })
  // An IPv6 socket can hold it, with mapped addresses.
  deepEqual(read(exactId(filter, 'ipv6')).src, mapped(10, 0, 0, 1))
})

test('other filters are not', () => {
  for (const text of [
    'src 10.0.0.1:80',
    'src 10.0.0.1:80 or dst 10.0.0.2:4000',
    'src 10.0.0.1 and dst 10.0.0.2:4000',
    'src 10.0.0.0/8:80 and dst 10.0.0.2:4000',
    'src 10.0.0.1:80 and dst [::1]:4000',
  ])
    equal(exactId(parseFilter(text), 'ipv4'), undefined, text)
  equal(exactId(parseFilter('src [::1]:80 and dst [::1]:4000'), 'ipv4'), undefined)
})

test('the connection of a socket, and its other end', () => {
  const socket: Socket = {
    ...draft('1', 'tcp', 'ipv4', 'ESTABLISHED', { address: '10.0.0.1', port: 80 }),
    remote: { address: '10.0.0.2', port: 4000 },
    interface: { index: 3, name: 'eth0' },
  }
  const [here, there] = [read(connectionId(socket, false)), read(connectionId(socket, true))]
  deepEqual([here.sport, here.dport, here.device], [80, 4000, 3])
  deepEqual([there.sport, there.dport, there.device], [4000, 80, 0])
  equal(connectionId({ ...socket, remote: undefined }, false), undefined)
})
