import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import { aSocket } from '../../test/sockets.ts'
import type { Socket } from '../model/socket.ts'
import { endpointText } from './endpoint.ts'

test('packet and netlink sockets as ss writes them', () => {
  const texts = (protocol: 'packet' | 'netlink', sockets: readonly Partial<Socket>[]): string[] =>
    sockets.map(of => {
      const socket = aSocket({ protocol, family: protocol, local: {}, ...of })
      return endpointText(socket.local, socket)
    })
  const lo = { index: 1, name: 'lo' }
  deepEqual(
    texts('packet', [
      { detail: { protocolName: 'ip', protocolNumber: 0x800 }, interface: lo },
      { detail: { protocolName: 'all', protocolNumber: 3 } },
      { detail: { protocolNumber: 0x9000 }, interface: { index: 7, name: undefined } },
      { detail: undefined },
    ]),
    ['ip:lo', '*:*', '36864:7', '*:*'],
  )
  deepEqual(
    texts('netlink', [
      { detail: { protocolName: 'rtnl' }, local: { id: 0 } },
      { detail: { protocolName: 'genl' }, local: { id: 4242 } },
      { detail: { protocolNumber: 31 } },
    ]),
    ['rtnl:kernel', 'genl:4242', '31:*'],
  )
})
