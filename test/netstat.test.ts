// `sockscope/netstat`: the shape of netstat2, on sockets that this test opens.
import { after, before, test } from 'node:test'
import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import * as netstat from '../src/compat/netstat2.ts'
import { needs } from './needs.ts'

const { AddressFamilyFlags: AF, ProtocolFlags: P, TcpState } = netstat
const both = AF.IPV4 | AF.IPV6
let server: Server, server6: Server, client: Socket, udp: UdpSocket, lonely: UdpSocket
const portOf = (s: { address(): unknown }): number => (s.address() as AddressInfo).port

before(async () => {
  server = createServer().listen(0, '127.0.0.1')
  server6 = createServer().listen(0, '::1')
  udp = createSocket('udp4')
  lonely = createSocket('udp4')
  await Promise.all([once(server, 'listening'), once(server6, 'listening')])
  client = connect(portOf(server), '127.0.0.1')
  lonely.bind(0, '127.0.0.1')
  await Promise.all([once(client, 'connect'), once(lonely, 'listening')])
  udp.connect(portOf(lonely), '127.0.0.1')
  await once(udp, 'connect')
})
after(() => {
  client.destroy()
  server.close()
  server6.close()
  udp.close()
  lonely.close()
})

test('a listener, both ends of a connection, and UDP with and without peer', needs('linux'), async () => {
  const found = await netstat.getSocketsInfo(both, P.TCP | P.UDP)
  const port = portOf(server)
  const listener = found.find(s => s.localPort === port && s.state === TcpState.Listen)!
  deepEqual(listener.protocolSocketInfo, {
    protocol: 'Tcp',
    localAddr: '127.0.0.1',
    localPort: port,
    remoteAddr: '0.0.0.0',
    remotePort: 0,
    state: 'LISTEN',
  })
  deepEqual([listener.remoteAddr, listener.remotePort, listener.associatedPids], [undefined, undefined, [process.pid]])
  ok(listener.inode! > 0)
  equal(listener.uid, process.getuid!())
  equal(found.find(s => s.localPort === portOf(server6))?.localAddr, '::1')
  deepEqual(
    found.filter(s => s.remotePort === port).map(s => [s.localPort, s.remoteAddr, s.state]),
    [[client.localPort, '127.0.0.1', TcpState.Established]],
  )
  const peer = found.find(s => s.protocolSocketInfo.protocol === 'Udp' && s.localPort === portOf(udp))!
  deepEqual([peer.remoteAddr, peer.remotePort, peer.state], ['127.0.0.1', portOf(lonely), TcpState.Established])
  const alone = found.find(s => s.protocolSocketInfo.protocol === 'Udp' && s.localPort === portOf(lonely))!
  deepEqual([alone.remoteAddr, alone.remotePort, alone.state], [undefined, undefined, TcpState.Closed])
  ok(Array.isArray(found.gaps))
})

test('every combination of flags selects the right sockets', needs('linux'), async () => {
  for (const families of [0, AF.IPV4, AF.IPV6, both]) {
    for (const protocols of [0, P.TCP, P.UDP, P.TCP | P.UDP]) {
      const found: netstat.SocketInfo[] = []
      for await (const socket of netstat.iterateSocketsInfoWithoutPids(families, protocols)) found.push(socket)
      const expected = [
        families & AF.IPV4 && protocols & P.TCP && portOf(server),
        families & AF.IPV6 && protocols & P.TCP && portOf(server6),
        families & AF.IPV4 && protocols & P.UDP && portOf(lonely),
      ].filter(Boolean)
      const ours = [portOf(server), portOf(server6), portOf(lonely)].filter(port =>
        found.some(s => s.localPort === port && s.remotePort === undefined),
      )
      deepEqual(ours, expected)
    }
  }
})

test('one by one, with and without processes', needs('linux'), async () => {
  const read = async (all: AsyncGenerator<netstat.SocketInfo, unknown>): Promise<readonly number[] | undefined> => {
    for await (const s of all) if (s.localPort === portOf(server) && s.state === TcpState.Listen) return s.associatedPids
    return undefined
  }
  deepEqual(await read(netstat.iterateSocketsInfo(both, P.TCP)), [process.pid])
  deepEqual(await read(netstat.iterateSocketsInfoWithoutPids(both, P.TCP)), [])
})

test('mistakes name the argument, at once', () => {
  for (const wrong of [4, -1, 1.5, NaN, '1', undefined, 2 ** 32 + 1]) {
    throws(() => netstat.getSocketsInfo(wrong as number, 1), { name: 'TypeError', message: /^addressFamilies: / })
    throws(() => netstat.iterateSocketsInfo(1, wrong as number), { name: 'TypeError', message: /^protocols: / })
  }
})

test('13 states with the words of netstat2', () => {
  equal(Object.keys(TcpState).length, 13)
  deepEqual([TcpState.SynReceived, TcpState.FinWait1, TcpState.Unknown], ['SYN_RCVD', 'FIN_WAIT_1', '__UNKNOWN'])
  const state = (word: string): string => netstat.socketInfo({ protocol: 'tcp', state: word, owners: [], local: {} } as never).state
  const words = ['SYN_RECEIVED', 'BOUND', 'CLOSED', 'DELETE_TCB', 'FIN_WAIT_2', 'CONNECTING', undefined as never]
  deepEqual(words.map(state), ['SYN_RCVD', 'CLOSED', 'CLOSED', 'DELETE_TCB', 'FIN_WAIT_2', '__UNKNOWN', '__UNKNOWN'])
})
