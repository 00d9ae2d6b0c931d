// `sockscope port` for a port that nothing uses.
import { test } from 'node:test'
import { doesNotMatch, equal, match } from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { freePort } from '../src/index.ts'
import { sockscope } from './cli.ts'
import { needs } from './needs.ts'

test('a free port is reported as such', async () => {
  const { code, err } = sockscope(['port', String(await freePort())])
  equal(code, 1)
  match(err, /^nothing is using port \d+\n/)
})

test('sockets of other ports whose owners are hidden are not part of the answer', needs('root', 'linux'), async t => {
  const other = createServer().listen(0, '127.0.0.1')
  t.after(() => other.close())
  await once(other, 'listening')
  const port = String(await freePort())
  const uid = 65534
  match(sockscope(['ports'], { uid }).err, /belongs? to/)
  for (const words of [
    ['port', port],
    ['ports', `port ${port}`],
  ]) {
    const { code, err } = sockscope([...words, '--strict'], { uid })
    equal(code, 1, err)
    doesNotMatch(err, /belongs? to/)
  }
  doesNotMatch(sockscope(['kill', port, '--dry-run'], { uid }).err, /belongs? to/)
})

const from = needs('root', 'linux').skip ? '0' : readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8')
const privileged = needs('root', 'linux').skip || (Number(from) < 2 ? 'no port requires a privilege here' : false)
test('a port that nothing uses and that requires a privilege', { skip: privileged }, () => {
  const { err } = sockscope(['port', '1'], { uid: 65534 })
  match(err, /^nothing is using port 1, but it cannot be bound: /)
  doesNotMatch(err, /Windows|netsh/)
  match(sockscope(['port', '1']).err, /^nothing is using port 1\n/)
})
