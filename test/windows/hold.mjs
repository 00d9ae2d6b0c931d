// Opens sockets, writes what it opened as JSON into a file, and waits until it is ended.
//   node hold.mjs FILE            15 kinds, one of each
//   node hold.mjs FILE 400        400: half UDP, half both ends of connections (a listener beside them is not told)
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { renameSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'

const [file, many] = process.argv.slice(2)
const opened = []
const kept = []

async function listen(host, ipv6Only = false) {
  const server = createServer(socket => kept.push(socket))
  server.listen({ host, port: 0, ipv6Only })
  await once(server, 'listening')
  kept.push(server)
  return server.address().port
}

async function tcp(kind, family, host, ipv6Only) {
  const port = await listen(host, ipv6Only)
  opened.push({ kind, protocol: 'tcp', family, state: 'LISTEN', address: host, port })
  return port
}

/** A client, and what the listener accepts. `seen` is how addresses look in the table of the accepted socket. */
async function pair(kind, family, host, port, seen = host) {
  const client = connect({ host, port })
  await once(client, 'connect')
  kept.push(client)
  const clientPort = client.localPort
  opened.push({ kind: `client ${kind}`, protocol: 'tcp', family, state: 'ESTABLISHED', address: host, port: clientPort, remotePort: port })
  opened.push({
    kind: `accepted ${kind}`,
    protocol: 'tcp',
    family: seen.includes(':') ? 'ipv6' : 'ipv4',
    state: 'ESTABLISHED',
    address: seen,
    port,
    remotePort: clientPort,
  })
}

async function udp(kind, family, host) {
  const socket = createSocket({ type: family === 'ipv4' ? 'udp4' : 'udp6', ipv6Only: false })
  socket.bind(0, host)
  await once(socket, 'listening')
  kept.push(socket)
  opened.push({ kind, protocol: 'udp', family, state: 'UNCONNECTED', address: host, port: socket.address().port })
}

if (many) {
  const port = await listen('127.0.0.1')
  for (let i = 0; i < Number(many) / 4; i++) await pair('many', 'ipv4', '127.0.0.1', port)
  for (let i = 0; i < Number(many) / 2; i++) await udp('many', 'ipv4', '127.0.0.1')
} else {
  const four = await tcp('listener loopback', 'ipv4', '127.0.0.1')
  await tcp('listener any', 'ipv4', '0.0.0.0')
  const six = await tcp('listener loopback 6', 'ipv6', '::1')
  await tcp('listener any 6 only', 'ipv6', '::', true)
  const dual = await tcp('listener dual', 'ipv6', '::')
  await pair('4', 'ipv4', '127.0.0.1', four)
  await pair('6', 'ipv6', '::1', six)
  await pair('mapped', 'ipv4', '127.0.0.1', dual, '::ffff:127.0.0.1')
  await udp('udp loopback', 'ipv4', '127.0.0.1')
  await udp('udp any', 'ipv4', '0.0.0.0')
  await udp('udp loopback 6', 'ipv6', '::1')
  await udp('udp any 6', 'ipv6', '::')
}
writeFileSync(`${file}.part`, JSON.stringify({ pid: process.pid, opened }))
renameSync(`${file}.part`, file)
setInterval(() => {}, 60_000)
