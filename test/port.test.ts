// `sockscope port` for a port that nothing uses.
import { test } from 'node:test'
import { doesNotMatch, equal, match } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { freePort } from '../src/index.ts'
import { sockscope } from './cli.ts'
import { needs } from './needs.ts'

test('a free port is reported as such', async () => {
  const { code, err } = sockscope(['port', String(await freePort())])
  equal(code, 1)
  match(err, /^nothing is using port \d+\n/)
})

const from = needs('root', 'linux').skip ? '0' : readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8')
const privileged = needs('root', 'linux').skip || (Number(from) < 2 ? 'no port requires a privilege here' : false)
test('a port that nothing uses and that requires a privilege', { skip: privileged }, () => {
  const { err } = sockscope(['port', '1'], { uid: 65534 })
  match(err, /^nothing is using port 1, but it cannot be bound: /)
  doesNotMatch(err, /Windows|netsh/)
  match(sockscope(['port', '1']).err, /^nothing is using port 1\n/)
})
