// The machine of the golden recording: two processes that communicate over loopback, and nothing of a real machine. `record-linux.sh` runs it.
import { fork } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { connect, createServer } from 'node:net'

const wait = ms => new Promise(resolve => setTimeout(resolve, ms))

if (process.argv[2] === 'client') {
  process.title = 'client'
  const socket = connect(8080, '127.0.0.1')
  const six = connect(8081, '::1')
  const mapped = connect(8082, '::ffff:127.0.0.1')
  const udp = createSocket('udp4')
  udp.connect(5353, '127.0.0.1', () => udp.send('question'))
  await wait(300)
  for (let i = 0; i < 20; i++) socket.write(Buffer.alloc(10_000))
  setInterval(() => [six, mapped], 1000)
} else {
  process.title = 'web'
  const keep = []
  for (const [port, host] of [
    [8080, '0.0.0.0'],
    [8081, '::1'],
    [8082, '::'],
  ])
    createServer(s => keep.push(s.resume())).listen(port, host)
  createSocket('udp4').bind(5353, '127.0.0.1')
  createServer().listen('\0sockscope-scene')
  await wait(200)
  // A connection that was closed on one side only.
  const half = createServer({ allowHalfOpen: true }, s => keep.push(s)).listen(8083, '127.0.0.1', () => connect(8083, '127.0.0.1').end())
  keep.push(half, fork(process.argv[1], ['client']))
}
