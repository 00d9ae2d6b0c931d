import { test } from 'node:test'
import { deepEqual } from 'node:assert/strict'
import { OsError } from '../../../model/errors.ts'
import { live } from '../../tape.ts'
import { draft } from '../decode/draft.ts'
import { attribute, message } from '../kernel/netlink.ts'
import { ifinfomsg } from '../kernel/structs.ts'
import { ownNetworkNamespace } from '../netns/network-namespace.ts'
import { nameInterfaces } from './interface-names.ts'

const netns = ownNetworkNamespace(undefined, { root: '/proc' })

const link = (index: number, name: string): Uint8Array => message(16, 2, ifinfomsg.write({ index }), attribute(3, Buffer.from(`${name}\0`)))
const socket = (address: string, index: number | undefined) => {
  const one = draft(address, 'tcp', 'ipv6', 'ESTABLISHED', { address, port: 1 })
  one.remote = { address, port: 2 }
  if (index !== undefined) one.interface = { index, name: undefined }
  return one
}

test('interfaces get their names, and link-local addresses their zone', async () => {
  const answers = new Uint8Array(Buffer.concat([link(1, 'lo'), link(2, 'eth0'), message(3, 2, new Uint8Array(4))]))
  const sockets = [socket('fe80::1', 2), socket('ff02::fb', 2), socket('2001:db8::1', 2), socket('fe80::2', 9), socket('::1', undefined)]
  await nameInterfaces({ ...live, bytes: () => [answers] }, undefined, netns, sockets)
  deepEqual(
    sockets.map(one => [one.interface?.name, one.local.zone, one.remote?.zone]),
    [
      ['eth0', 'eth0', 'eth0'],
      ['eth0', 'eth0', 'eth0'],
      ['eth0', undefined, undefined],
      [undefined, '9', '9'],
      [undefined, undefined, undefined],
    ],
  )
})

test('without an answer the numbers stay', async () => {
  const refuse = (): never => {
    throw new OsError('socket(NETLINK_ROUTE)', 'EPERM')
  }
  const sockets = [socket('fe80::1', 2)]
  await nameInterfaces({ ...live, bytes: refuse }, undefined, netns, sockets)
  deepEqual([sockets[0]!.interface, sockets[0]!.local.zone], [{ index: 2, name: undefined }, '2'])
})
