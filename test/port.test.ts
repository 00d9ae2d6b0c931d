// `sockscope port` for a port that nobody has.
import { test } from 'node:test'
import { equal, match } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { freePort } from '../src/index.ts'
import { sockscope } from './cli.ts'
import { needs } from './needs.ts'

test('a port that is free is said to be so', async () => {
  const { code, err } = sockscope(['port', String(await freePort())])
  equal(code, 1)
  match(err, /^nobody has \d+\n/)
})

const from = needs('root', 'linux').skip ? '0' : readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8')
const privileged = needs('root', 'linux').skip || (Number(from) < 2 ? 'no port needs a privilege here' : false)
test('a port that nobody has and that needs a privilege', { skip: privileged }, () => {
  match(sockscope(['port', '1'], { uid: 65534 }).err, /^nobody has 1, but it cannot be bound: /)
  match(sockscope(['port', '1']).err, /^nobody has 1\n/)
})
