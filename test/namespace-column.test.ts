// With all network namespaces, each command names the one of a socket.
import { test } from 'node:test'
import { match } from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { sockscope } from './cli.ts'
import { needs } from './needs.ts'

const holder = `
import os, socket, sys, threading, time
os.system('ip link set lo up')
server = socket.create_server(('127.0.0.1', 54322))
client = socket.create_connection(server.getsockname())
accepted = server.accept()[0]
print(os.stat('/proc/self/ns/net').st_ino, flush=True)
def send():
    while True:
        client.send(b'x' * 1000)
        accepted.recv(4000)
        with socket.create_connection(server.getsockname()) as more: server.accept()[0].close()
        time.sleep(0.05)
threading.Thread(target=send, daemon=True).start()
sys.stdin.read()
`

test('ports, top, watch, events and explain name the namespace of each socket', needs('network namespaces', 'command python3'), async t => {
  const name = `sockscope-${process.pid}`
  execFileSync('ip', ['netns', 'add', name])
  t.after(() => execFileSync('ip', ['netns', 'delete', name]))
  const child = spawn('ip', ['netns', 'exec', name, 'python3', '-c', holder], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => child.stdin.end())
  await once(child.stdout, 'data')
  const out = (...args: string[]): string => sockscope([...args, '--all-namespaces']).out
  match(out('ports', 'port = :54322'), new RegExp(`NAMESPACE\\n54322 .* ${name}\\n`))
  match(out('ports', '--csv', 'port = :54322'), new RegExp(`,namespace\\n54322,.*,${name}\\n`))
  for (const by of ['processes', 'sockets'])
    match(out('top', '--by', by, '--count', '2', '--every', '300ms', 'port = :54322'), new RegExp(`NAMESPACE\\n.*python3.* ${name}\\n`))
  match(out('watch', '--count', '4', '--every', '200ms', '-ta', 'port = :54322'), new RegExp(`opened .*  namespace ${name}\\n`))
  match(out('events', '--count', '2', 'port = :54322'), new RegExp(`:54322 .*  namespace ${name}\\n`))
  match(out('explain', '--for', '500ms', 'port = :54322'), new RegExp(`:54322 .*python3 .*  namespace ${name}`))
})
