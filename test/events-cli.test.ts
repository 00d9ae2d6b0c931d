// `sockscope events` and `sockscope top`, as another program reads them.
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { needs } from './needs.ts'

const started: ChildProcess[] = []
after(() => started.forEach(child => child.kill('SIGKILL')))

function start(...args: string[]): ChildProcess {
  const child = spawn(process.execPath, ['src/cli/main.ts', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  started.push(child)
  return child
}

/** A server that counts what it receives, and connections to it until it is stopped. */
async function traffic<T>(use: (port: number) => Promise<T>): Promise<T> {
  const server = createServer({ allowHalfOpen: true }, c => c.resume().on('end', () => c.end('bye'))).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const timer = setInterval(() => connect(port, '127.0.0.1').resume().end('hello'), 50)
  try {
    return await use(port)
  } finally {
    clearInterval(timer)
    server.close()
  }
}

/** Reads lines until one matches, for at most ten seconds. */
async function firstLine(child: ChildProcess, matches: (record: Record<string, never>) => boolean): Promise<Record<string, any>> {
  const late = setTimeout(() => child.kill('SIGKILL'), 60_000)
  try {
    for await (const line of createInterface({ input: child.stdout! })) {
      const record = JSON.parse(line) as Record<string, never>
      if (matches(record)) return record
    }
    throw new Error('the program ended without it')
  } finally {
    clearTimeout(late)
  }
}

test('events are one JSON object per line, and ^C ends them gracefully', needs('linux'), async () => {
  await traffic(async port => {
    const child = start('events', '--ndjson', `sport = :${port}`)
    const exit = once(child, 'exit')
    const end = await firstLine(child, r => r.type === 'closed')
    deepEqual([end.inBytes, end.outBytes, end.accuracy, end.socket.local], [5, 3, 'exact', { address: '127.0.0.1', port }])
    ok(Array.isArray(end.socket.owners) && ['bpf', 'destroy'].includes(end.tier as string))
    if (end.tier === 'bpf') equal(end.processes[0].pid, process.pid)
    child.kill('SIGINT')
    deepEqual(await exit, [130, null])
  })
})

test('events and watch print local times, and the offset once, before the first', needs('linux'), async () => {
  await traffic(async port => {
    for (const args of [
      ['events', '--count', '3', `sport = :${port}`],
      ['watch', '--count', '4', '--every', '200ms', '-ta', `port = :${port}`],
    ]) {
      const env = { ...process.env, TZ: 'Asia/Kathmandu' }
      const child = spawn(process.execPath, ['src/cli/main.ts', ...args], { stdio: ['ignore', 'pipe', 'ignore'], env })
      let text = ''
      child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part))
      deepEqual(await once(child, 'close'), [0, null])
      const [head, ...lines] = text.trimEnd().split('\n')
      equal(head, 'times are in UTC+05:45')
      ok(lines.length >= 3, text)
      for (const line of lines) {
        // The same moment in UTC, at most five minutes ago.
        const [, hours, minutes, seconds] = /^(\d\d):(\d\d):(\d\d)\.\d{3} \S/.exec(line)!.map(Number)
        const local = hours! * 3600 + minutes! * 60 + seconds!
        const now = (Date.now() / 1000 + 20_700) % 86_400
        ok((now - local + 86_400) % 86_400 < 300, line)
      }
    }
  })
})

test('a reader that closes its end stops the events silently', needs('linux'), async () => {
  await traffic(async port => {
    const child = start('events', '--ndjson', `sport = :${port}`)
    let output = ''
    child.stderr!.on('data', (text: Buffer) => (output += text.toString()))
    const exit = once(child, 'exit')
    await once(child.stdout!, 'data')
    child.stdout!.destroy()
    deepEqual([await exit, output], [[0, null], ''])
  })
})

test('top prints frames whose rows add up, as JSON and as a table', needs('linux'), async () => {
  await traffic(async port => {
    const child = start('top', '--json', '--by', 'remotes', '--every', '200ms', `sport = :${port}`)
    const exit = once(child, 'exit')
    const frame = await firstLine(child, r => r.kind === 'top' && (r as any).total.inBytes > 0)
    const { total, rows } = frame
    deepEqual([frame.schema, frame.list, typeof frame.frame], ['sockscope/1', 'remotes', 'number'])
    equal(total.inBytes % 5, 0)
    equal(total.outBytes % 3, 0)
    deepEqual(
      rows.filter((r: any) => r.inBytes > 0).map((r: any) => [r.name, r.inBytes]),
      [['127.0.0.1', total.inBytes]],
    )
    ok(frame.interfaces.some((one: any) => one.name === 'lo' && one.inBytes > 0))
    equal(frame.ledger.rows.at(-1).code, 'residual')
    child.kill('SIGINT')
    await exit
    const rowOf = start('top', '--ndjson', '--by', 'remotes', '--every', '200ms', `sport = :${port}`)
    const row = await firstLine(rowOf, r => r.kind === 'flow')
    deepEqual([row.list, row.name, typeof row.frame, new Date(row.at).getTime()], ['remotes', '127.0.0.1', 'number', row.atMs])
    rowOf.kill('SIGKILL')
    const csv = start('top', '--csv', '--count', '2', '--every', '200ms', '--by', 'protocols')
    let lines = ''
    csv.stdout!.on('data', (part: Buffer) => (lines += part.toString()))
    deepEqual(await once(csv, 'close'), [0, null])
    match(lines, /^at,frame,name,rateIn,rateOut,in,out,.*\n\d{4}-[^,]*Z,1,tcp,[^]*\n\d{4}-[^,]*Z,2,tcp,/)
    equal(lines.split('at,frame').length, 2, 'the columns are named once')
    const table = start('top', '--count', '2', '--interval', '200ms', '--by', 'protocols')
    let text = ''
    table.stdout!.on('data', (part: Buffer) => (text += part.toString()))
    deepEqual(await once(table, 'exit'), [0, null])
    match(text, /^\d\d:\d\d:\d\d UTC\S* {2}in .*\nPROTO +IN\/S +OUT\/S .*\ntcp /)
    match(text, /\ninterfaces in\/out .* residual /)
    equal(text.split('UTC').length - 1, 2)
  })
})

test('a usage error is reported before any snapshot', async () => {
  for (const [args, output] of [
    [['top', '--by', 'process'], /did you mean processes\?/],
    [['top', '--count', '0'], /whole number above 0/],
    [['events', 'state', 'listening'], /use sockscope watch for state changes/],
    [['events', '-l'], /unknown option "-l"/],
    [['events', '--all'], /unknown option "--all"/],
  ] as const) {
    const child = start(...args)
    let text = ''
    child.stderr!.on('data', (part: Buffer) => (text += part.toString()))
    equal((await once(child, 'exit'))[0], 2)
    match(text, output)
  }
})
