// The statistics of one connection of this program: of `host port` when they are given, else of a connection to itself.
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { socketStat } from 'sockscope'

const server = createServer(peer => peer.resume()).listen(0, '127.0.0.1')
await once(server, 'listening')
const [host = '127.0.0.1', port = (server.address() as AddressInfo).port] = process.argv.slice(2)
const socket = connect(Number(port), host)
await once(socket, 'connect')

const { unreceived, unsent, connectionInfo, socketInfo } = await socketStat(socket)
console.dir({ unreceived, unsent, connectionInfo, socketInfo }, { depth: null })

socket.destroy()
server.close()
