// The health of connections over links with known properties: loss by nftables, a queue by tbf, and ends with known faults.
import { after, before, test } from 'node:test'
import { equal, match, ok } from 'node:assert/strict'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { summarize, type Health } from '../src/health.ts'
import { needs } from './needs.ts'

const able = needs('network namespaces', 'command nft', 'command tc')
const [left, middle, right] = ['l', 'm', 'r'].map(end => `sockscope-${process.pid}-${end}`) as [string, string, string]
const ip = (...words: string[]): string => execFileSync('ip', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
const inside = (namespace: string, ...words: string[]): string => ip('netns', 'exec', namespace, ...words)
const rates = [0, 1, 2, 5]
let server: ChildProcess
let ports: number[] = []

/** Joins two namespaces: 10.`net`.0.1 in the one, 10.`net`.0.2 in the other. */
function link(name: string, net: number, one = left, other = right): void {
  ip('link', 'add', `${name}1`, 'netns', one, 'type', 'veth', 'peer', `${name}2`, 'netns', other)
  for (const [namespace, end] of [
    [one, 1],
    [other, 2],
  ] as const) {
    ip('-n', namespace, 'address', 'add', `10.${net}.0.${end}/24`, 'dev', `${name}${end}`)
    ip('-n', namespace, 'link', 'set', `${name}${end}`, 'up')
  }
}

/** A queue must be on the path, not at the sender, which would wait for its own device: so there is a router between. */
function route(): void {
  link('near', 79, left, middle)
  link('far', 80, middle, right)
  inside(middle, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward')
  inside(middle, 'tc', 'qdisc', 'add', 'dev', 'far1', 'root', 'tbf', 'rate', '10mbit', 'burst', '5k', 'latency', '600ms')
  // A window of 165 full segments is 200 ms of 10 Mbit/s.
  ip('-n', left, 'route', 'add', '10.80.0.0/24', 'via', '10.79.0.2', 'cwnd', 'lock', '165', 'initcwnd', '165')
  ip('-n', right, 'route', 'add', '10.79.0.0/24', 'via', '10.80.0.1')
}

/** Cleans up after a run that was killed. */
function removeLeft(): void {
  for (const [name, pid] of ip('netns', 'list').matchAll(/^sockscope-(\d+)-[lmr]\b/gm))
    if (!existsSync(`/proc/${pid}`)) ip('netns', 'delete', name)
}

before(async () => {
  if (able.skip !== false) return
  removeLeft()
  for (const namespace of [left, middle, right]) ip('netns', 'add', namespace)
  link('clean', 77)
  link('lossy', 78)
  // Each packet is one segment, and is lost alone.
  ip('-n', left, 'link', 'set', 'lossy1', 'gso_max_segs', '1')
  route()
  server = spawn(
    'ip',
    [
      'netns',
      'exec',
      right,
      process.execPath,
      'test/link-end.ts',
      'serve',
      'read',
      'read',
      'read',
      'read',
      'stop',
      'reset',
      'half',
      'answer',
    ],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  const [line] = (await once(server.stdout!, 'data')) as [Buffer]
  ports = JSON.parse(line.toString()) as number[]
  const rules = rates.map((rate, i) => `ip length > 500 tcp dport ${ports[i]} numgen random mod 100 < ${rate} drop`).slice(1)
  inside(right, 'nft', `table ip t { chain c { type filter hook prerouting priority 0; ${rules.join('; ')}; }; }`)
})
after(async () => {
  if (able.skip !== false) return
  server?.kill('SIGKILL')
  if (server) await once(server, 'exit').catch(() => {})
  for (const namespace of [left, middle, right]) ip('netns', 'delete', namespace)
})

/** Runs an action of the client on the left. */
async function client<T = Health>(deed: string, net: number, ...to: number[]): Promise<T> {
  const child = spawn(
    'ip',
    ['netns', 'exec', left, process.execPath, 'test/link-end.ts', 'measure', deed, `10.${net}.0.2`, ...to.map(String)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  let text = ''
  for await (const part of child.stdout.setEncoding('utf8')) text += part
  return JSON.parse(text) as T
}

test('losses of 0, 1, 2 and 5 % are measured within 0.7 points', able, async () => {
  const healths = await client<Health[][]>('segments', 78, ...ports.slice(0, 4))
  for (const [i, connections] of healths.entries()) {
    const { retransmittedShare } = summarize(connections)
    const measured = retransmittedShare! * 100
    ok(Math.abs(measured - rates[i]!) < 0.7, `${rates[i]} % is measured as ${measured} %`)
    const found = connections.filter(health => health.findings.some(f => f.code === 'loss')).length
    ok(rates[i]! === 0 ? found === 0 : found > 5, `${rates[i]} % is found on ${found} of ${connections.length} connections`)
  }
})

test('a queue of 200 ms is found and measured within 25 %', able, async () => {
  const health = await client('queue', 80, ports[0]!)
  ok(Math.abs(health.queueDelayMicros! / 200_000 - 1) < 0.25, JSON.stringify(health))
  ok(['C', 'D'].includes(health.queueGrade!))
  equal(health.verdict.code, 'network')
  equal(health.verdict.trouble, true)
  match(health.verdict.text, /a queue on the path adds/)
})

test('on a clean link there are no findings for 100 idle and 20 busy connections', able, async () => {
  const healths = await client<Health[]>('clean', 77, ports[0]!)
  equal(healths.length, 120)
  for (const [i, health] of healths.entries()) {
    equal(health.findings.length, 0, `connection ${i}: ${JSON.stringify(health)}`)
    equal(health.verdict.trouble, false, health.verdict.text)
    if (i < 20) ok(health.sentBytes! > 100_000)
    else equal(health.verdict.code, 'idle')
  }
})

test('a receiver that stops reading', able, async () => {
  const health = await client('fill', 77, ports[4]!)
  equal(health.verdict.code, 'receiver')
  equal(health.zeroWindow, true)
  ok(health.limits!.receiver > 0.9, JSON.stringify(health.limits))
})

test('a send buffer of 4 KB', able, async () => {
  const health = await client('smallBuffer', 80, ports[0]!)
  equal(health.verdict.code, 'send-buffer', JSON.stringify(health))
})

test('a transfer as fast as the machine can is no trouble', able, async () => {
  for (const health of await client<Health[]>('bulk', 77, ports[0]!)) {
    equal(health.verdict.trouble, false, JSON.stringify(health))
    ok(health.sentBytes! > 10_000_000 && health.limits!.sendBuffer < 0.2, JSON.stringify(health))
  }
})

test('a message in two parts is limited by its application, by name', able, async () => {
  const { answered, result } = await client<{ answered: number; result: Health }>('parts', 77, ports[7]!)
  ok(answered > 5, `${answered} answers`)
  equal(result.verdict.code, 'application', JSON.stringify(result))
  ok(result.limits!.application > 0.9 && result.nagleShare! >= 0.5, JSON.stringify(result))
  match(result.verdict.text, /Nagle's algorithm/)
  equal(result.verdict.help, 'Write each message with one call, or set TCP_NODELAY.')
})

test('an application that writes 1 KB each 100 ms', able, async () => {
  const health = await client('trickle', 77, ports[0]!)
  equal(health.verdict.code, 'application')
  equal(health.verdict.trouble, false)
  ok(health.limits!.application > 0.9, JSON.stringify(health.limits))
})

test('a half-closed socket, and a reset', able, async () => {
  const half = await client('half', 77, ports[6]!)
  equal(half.state, 'CLOSE_WAIT')
  equal(half.verdict.code, 'half-closed')
  equal(await client<number>('reset', 77, ports[5]!), 2)
})
