// On another kernel that runs SELinux with test/kernel/policy.conf: the contexts of processes and sockets.
import { test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { listing, sockscope } from './calls.ts'

test('a process and its socket have contexts of their own', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const serve = "require('net').createServer().listen(0, '127.0.0.1', function () { console.log(this.address().port) })"
  writeFileSync('/proc/self/attr/exec', 'system_u:base_r:web_t') // For what we start next.
  const child = spawn(process.execPath, ['-e', serve], { stdio: ['ignore', 'pipe', 'inherit'] })
  writeFileSync('/proc/self/attr/exec', '\n')
  try {
    const [port] = (await once(child.stdout, 'data')).map(Number)
    const own = (server.address() as AddressInfo).port
    const contexts = (...words: string[]) => {
      const { sockets, processes, gaps } = listing(['list', '--json', '-tln', ...words])
      deepEqual(gaps, [])
      const of = (at: number | undefined) => {
        const found = sockets.find(s => s.local.port === at)!
        return [processes.find(p => p.pid === found.owners[0]!.pid)!.securityContext, found.securityContext]
      }
      return [of(port), of(own)]
    }
    deepEqual(contexts('-z'), [
      ['system_u:base_r:web_t', 'system_u:base_r:web_socket_t'],
      ['system_u:base_r:base_t', 'system_u:base_r:base_t'],
    ])
    deepEqual(contexts('-Z'), [
      ['system_u:base_r:web_t', undefined],
      ['system_u:base_r:base_t', undefined],
    ])
    deepEqual(contexts(), [
      [undefined, undefined],
      [undefined, undefined],
    ])
    const [head, ...rows] = sockscope(['list', '-tlnz']).out.trim().split('\n')
    ok(/USER +CONTEXT +SOCKET-CONTEXT$/.test(head!), head)
    const labelled = /system_u:base_r:web_t +system_u:base_r:web_socket_t$/m
    ok(
      rows.some(row => labelled.test(row)),
      rows.join('\n'),
    )
    const other = listing(['list', '--json', '-tlnz'], { uid: 1000 })
    ok(other.sockets.length >= 2 && other.sockets.every(s => s.securityContext === undefined))
    // A recording holds them, whatever the line that made it showed.
    equal(sockscope(['list', '-tln', '--record', '/tmp/contexts.sockscope']).code, 0)
    const played = sockscope(['list', '--replay', '/tmp/contexts.sockscope', '-tlnz', '-H'])
    ok(labelled.test(played.out), played.out + played.err)
  } finally {
    child.kill()
    server.close()
  }
})
