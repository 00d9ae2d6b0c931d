// The command line as a user runs it: the whole program, real sockets, real exit codes.
import { test } from 'node:test'
import { deepEqual, doesNotMatch, equal, match, ok } from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { needs } from './needs.ts'
import { hold, json, listener, sockscope, startWatch, until } from './cli.ts'

test('a table, and every other form of the same sockets', async () => {
  const holder = await hold(listener)
  try {
    const filter = `sport = :${holder.output.port}`
    const { code, out } = sockscope([filter])
    equal(code, 0)
    match(out, new RegExp(`^PROTO .*\\ntcp +LISTEN .*127\\.0\\.0\\.1:${holder.output.port} .* ${holder.pid} +\\S+`))
    const document = json(['list', filter])
    equal(document.schema, 'sockscope/1')
    equal(document.sockets.length, 1)
    const [socket] = document.sockets
    deepEqual(socket.local, { address: '127.0.0.1', port: holder.output.port })
    equal(socket.owners[0].pid, holder.pid)
    ok(document.processes.some((p: { pid: number }) => p.pid === holder.pid))
    equal(JSON.parse(sockscope(['--ndjson', filter]).out).key, socket.key)
    equal(sockscope(['--csv', '--columns', 'local.port,pid', filter]).out, `local.port,pid\n${holder.output.port},${holder.pid}\n`)
    equal(sockscope(['--tsv', '-H', '-tl', '--columns', 'local.port,pid', filter]).out, `${holder.output.port}\t${holder.pid}\n`)
    equal(sockscope(['--format', '{local.port} {pid}', filter]).out, `${holder.output.port} ${holder.pid}\n`)
    match(sockscope(['--group-by', 'process', filter]).out, new RegExp(`${holder.pid} +1 +1 +0`))
    const [group] = json(['--group-by', 'process', '--json', filter]).groups
    ok(group.name.endsWith(String(holder.pid)) && group.sockets === 1 && group.listening === 1)
    deepEqual(json(['--no-owners', filter]).sockets[0].owners, [])
  } finally {
    await holder.stop()
  }
})

test('a hostile command line stays one cell of one row in each form, and is whole where another program reads it', async () => {
  const hostile = `=cmd|' /C calc'!A0,"\t\r\n\u001b[2J\u3164\u00ad\u2028${'x'.repeat(60_000)}`
  // The name comes first in its command line: the cell starts with the sign of a formula.
  const holder = await hold(listener, [], { argv0: hostile })
  try {
    // The long part is shortened: an assertion prints what it compares.
    const listed = (...options: string[]): string =>
      sockscope([...options, '--no-header', '--columns', 'command,pid', `sport = :${holder.output.port}`]).out.replace(
        /x{1000,}/,
        x => `<${x.length}>`,
      )
    const [csv, tsv, safe, wide] = [listed('--csv'), listed('--tsv'), listed('--csv', '--csv-safe'), listed('--wide')]
    for (const out of [csv, tsv, safe, wide]) match(out, /^[^\u0000-\u0008\u000a-\u001f\u007f-\u00a0\u00ad\u2028\u3164]+\n$/)
    match(csv, /^"=cmd\|' \/C calc'!A0,""\\x09\\x0d\\x0a\\x1b\[2J\\u\{3164\}\\xad\\u\{2028\}<60000> [^\t]*",\d+\n$/)
    match(tsv, /^=cmd\|' \/C calc'!A0,"\\x09\\x0d\\x0a\\x1b\[2J[^\t]*<60000> [^\t]*\t\d+\n$/)
    equal(safe, csv.replace('"=', `"'=`))
    match(wide, /^=cmd[^\t]{995}… +\d+\n$/)
    match(sockscope(['--csv-safe']).err, /--csv-safe changes only --csv and --tsv; add one of them/)
    match(sockscope(['ports', '--csv-safe']).err, /add one of them/)
  } finally {
    await holder.stop()
  }
})

test('bash completes the words of the command', needs('command bash'), () => {
  const complete = (...words: string[]): string[] => {
    const script = `${sockscope(['completion', 'bash']).out}
      COMP_WORDS=(sockscope "$@"); COMP_CWORD=$#; _sockscope; printf '%s\\n' "\${COMPREPLY[@]}"`
    return execFileSync('bash', ['--norc', '-c', script, 'bash', ...words], { encoding: 'utf8' })
      .trimEnd()
      .split('\n')
  }
  deepEqual(complete('ki'), ['kill'])
  deepEqual(complete('top', '--sort', 'to'), ['total'])
  deepEqual(complete('list', '--sort', 'rt'), ['rtt'])
  deepEqual(complete('--group-by', 'pro'), ['process'])
  deepEqual(complete('help', 'comp'), ['completion'])
  deepEqual(complete('help', 'env'), ['environment'])
})

test('a word that is a filter is not a mistyped command, and --no-header lists the same sockets', async () => {
  const holder = await hold(listener)
  try {
    for (const word of ['listen', 'tcp'])
      match(sockscope([word, '--format', '{local.port}']).out, new RegExp(`^${holder.output.port}$`, 'm'))
    const protocols = sockscope(['--no-header', '--format', '{protocol}']).out.trimEnd().split('\n')
    deepEqual(
      protocols.filter(name => name !== 'tcp' && name !== 'udp'),
      [],
    )
  } finally {
    await holder.stop()
  }
})

test('no match is exit 1, a usage error is one line and exit 2', () => {
  equal(sockscope(['sport = :1 and dport = :1']).code, 1)
  const wrong: [string[], RegExp][] = [
    [['list', '--jsn'], /unknown option "--jsn"; did you mean --json\?/],
    [['kil', ':3000'], /unknown command "kil"; did you mean kill\?/],
    [['--strict', 'kil', ':3000'], /did you mean kill\?/],
    [['python3'], /did you mean process:python3\?/],
    [['10.1.2.3'], /did you mean ip 10\.1\.2\.3\?/],
    [['--strict', 'stats', 'x'], /^sockscope: stats takes no arguments/],
    [['sprt', '=', ':1'], /unknown word "sprt"/],
    [['lsit'], /unknown command "lsit"; did you mean list\?/],
    [['--watch', '0'], /--watch "0": expected a time above 0/],
    [['--watch', '-1s'], /--watch/],
    [['--watch', 'NaN'], /--watch "NaN"/],
    [['watch', '--every', '0'], /--every "0"/],
    [['--limit', '0'], /--limit "0"/],
    [['--limit', '2', '--limit', '3'], /was given twice/],
    [['--columns', 'nothing'], /unknown column "nothing"/],
    [['--sort', 'nothing'], /unknown column "nothing"/],
    [['--format', '{nothing}'], /unknown column "nothing"/],
    [['--json', '--csv'], /cannot be used together/],
    [['--family', 'int'], /did you mean inet\?/],
    [['-A', 'nothing'], /--query "nothing"/],
    [['state', 'estblished'], /did you mean established\?/],
    [['sprt = :80'], /did you mean sport/],
    [['port', '99999'], /not between 1 and 65535/],
    [['port'], /which port\?/],
    [['free', '9-3'], /ends before it starts/],
    [['kill', ':'], /is not a port/],
    [['kill', ':3000', '--grace', 'x'], /--grace "x"/],
    [['close'], /which connections\?/],
    [['completion', 'tcsh'], /which shell\?/],
    [['stats', 'tcp'], /stats takes no arguments, got "tcp"/],
    [['kill'], /write sockscope kill/],
    [['ports', '--json', '--csv'], /cannot be used together/],
    [['free', '--host', 'no.such.host.invalid'], /--host "no\.such\.host\.invalid" is not an address/],
    [['free', '--host', '192.0.2.77'], /is not an address of this machine/],
    [['list', '--replay', '/no/such'], /--replay: open \/no\/such failed: no such file or directory \(ENOENT\)/],
    [['list', '-F', '/no/such'], /--filter: open \/no\/such failed: no such file or directory \(ENOENT\)/],
    [['-N', 'no-such-namespace'], /--net "no-such-namespace" is not a network namespace/],
    [['-A', '!tcp'], /leaves no table/],
    [['state'], /state : expected a state/],
    [['help', 'filter'], /did you mean filters\?/],
    [['--replay', 'package.json'], /: --replay package\.json is not a recording$/m],
    [['--replay', 'nothing/there'], /ENOENT/],
    [['--record', 'a', '--replay', 'b'], /cannot be used together/],
    [['--json=yes'], /takes no value/],
  ]
  for (const [args, expected] of wrong) {
    const { code, out, err } = sockscope(args)
    equal(code, 2, `${args.join(' ')}: ${err}`)
    equal(out, '', args.join(' '))
    match(err, expected)
    ok(err.trimEnd().split('\n').length <= 4, err)
  }
})

/** On a terminal of the usual size nothing scrolls away. */
function fitsScreen(text: string, what: string): void {
  const lines = text.trimEnd().split('\n')
  ok(lines.length <= 24, `${what}: ${lines.length} lines`)
  for (const line of lines) ok(line.length <= 86, `${what}: ${line}`)
}

test('SOCKSCOPE_TRACE reports every request to the kernel', needs('linux'), () => {
  const { err } = sockscope(['list', '-tl'], { env: { SOCKSCOPE_TRACE: '1' } })
  match(err, /^sockscope: trace: tcp[^:]*: \d+ answers?, \d+ bytes, \d+\.\d{3} ms$/m)
  doesNotMatch(sockscope(['list', '-tl']).err, /trace/)
})

test('help, version and completion of everything', () => {
  match(sockscope(['--version']).out, /^sockscope \d+\.\d+\.\d+\n$/)
  const names = [...sockscope(['--help']).out.matchAll(/^ {2}([a-z]+) {2,}/gm)].map(m => m[1]!)
  ok(names.length >= 12)
  for (const name of names) {
    const { code, out } = sockscope([name, '--help'])
    equal(code, 0, name)
    fitsScreen(out, name)
  }
  for (const shell of ['bash', 'zsh', 'fish', 'powershell']) {
    const { out } = sockscope(['completion', shell])
    for (const name of names) ok(out.includes(name), `${shell} ${name}`)
  }
  fitsScreen(sockscope(['--help']).out, 'all')
  for (const topic of ['filters', 'columns', 'environment', 'exit', 'ss', 'man']) equal(sockscope(['help', topic]).code, 0)
  for (const topic of ['filters', 'environment', 'exit', 'ss']) fitsScreen(sockscope(['help', topic]).out, topic)
  // groff without options does not read UTF-8.
  doesNotMatch(sockscope(['help', 'man']).out, /[^\n -~]/)
})

test(
  'a closed pipe is silent, and ^C ends a watch with 130',
  { skip: process.platform === 'win32' && 'there are no signals' },
  async () => {
    const child = spawn(
      '/bin/sh',
      ['-c', `"${process.execPath}" src/cli/main.ts help man | true; "${process.execPath}" src/cli/main.ts -a --json | head -c 1`],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    let err = ''
    child.stderr.on('data', part => (err += part))
    child.stdout.resume()
    await once(child, 'close')
    equal(err, '')
    if (existsSync('/dev/full')) {
      const full = spawn('/bin/sh', ['-c', `exec "${process.execPath}" src/cli/main.ts help man > /dev/full`], {
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      let output = ''
      full.stderr.on('data', part => (output += part))
      deepEqual(await once(full, 'close'), [4, null])
      equal(output, 'sockscope: write failed: no space left on device (ENOSPC)\n')
    }
    const watching = await startWatch(['--every', '50ms'])
    watching.stdout.resume()
    const exit = once(watching, 'exit')
    watching.kill('SIGINT')
    deepEqual(await exit, [130, null])
  },
)

test('watch reports what opens and closes, with the moment and the number of the frame', async () => {
  const watching = await startWatch(['--ndjson', '--every', '50ms', '-ta'])
  let text = ''
  watching.stdout.setEncoding('utf8').on('data', part => (text += part))
  const record = (type: string, port: number) =>
    text
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line))
      .find(r => r.type === type && r.socket?.local.port === port)
  try {
    const holder = await hold(listener)
    const { port } = holder.output
    const opened = await until('opened', () => record('opened', port))
    await holder.stop()
    const closed = await until('closed', () => record('closed', port))
    ok(opened.frame > 0 && closed.frame > opened.frame)
    equal(new Date(opened.at).getTime(), opened.atMs)
    equal(opened.processes[0].pid, holder.pid)
  } finally {
    watching.kill('SIGKILL')
  }
})

test('list --watch names the columns of CSV once, and each row and line carries its moment', async () => {
  const lines = async (...args: readonly string[]): Promise<readonly string[]> => {
    const child = spawn(process.execPath, ['src/cli/main.ts', 'list', '-a', '-f', 'unix', '--watch', '50ms', ...args], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let text = ''
    child.stdout.setEncoding('utf8').on('data', part => (text += part))
    // The last line may be cut.
    await until('a second frame', () => isSecondFrame.test(text.slice(0, text.lastIndexOf('\n'))) || undefined)
    child.kill('SIGKILL')
    return text.split('\n').slice(0, -1)
  }
  const isSecondFrame = /^\d{4}-[^,]*Z,1,|"frame":1,/m
  const rows = await lines('--csv', '--columns', 'proto')
  equal(rows[0], 'at,frame,proto')
  equal(rows.filter(row => row.startsWith('at,')).length, 1)
  ok(rows.slice(1).every(row => /^\d{4}-\d\d-\d\dT[\d:.]+Z,\d+,unix$/.test(row)))
  const records = (await lines('--ndjson')).map(line => JSON.parse(line))
  ok(records.every(r => r.schema === 'sockscope/1' && r.kind === 'socket' && new Date(r.at).getTime() === r.atMs && r.protocol === 'unix'))
})

test('--json is one document also when nothing was found', async () => {
  const unused = sockscope(['free', '--json'])
  const [port] = JSON.parse(unused.out).ports as number[]
  const words: Readonly<Record<string, readonly string[]>> = {
    sockets: ['list', 'sport = :1 and dport = :1'],
    groups: ['list', '--group-by', 'process', 'sport = :1 and dport = :1'],
    ports: ['ports', 'sport = :1 and dport = :1'],
    port: ['port', String(port)],
    explain: ['explain', '--for', '100ms', 'sport = :1 and dport = :1'],
    kill: ['kill', `:${port}`],
    close: ['close', 'sport = :1 and dport = :1'],
  }
  for (const [kind, line] of Object.entries(words)) {
    const { code, out } = sockscope([...line, '--json'])
    const document = JSON.parse(out)
    deepEqual([code, document.schema, document.kind, document.meta.atMs > 0], [1, 'sockscope/1', kind, true], kind)
  }
  const none = sockscope(['pid', 'no-such-process', '--json'])
  deepEqual([none.code, JSON.parse(none.out).sockets], [1, []])
  for (const kind of ['stats', 'doctor']) equal(JSON.parse(sockscope([kind, '--json']).out).kind, kind)
})

test('port shows which process uses it, what started it and its connections', async () => {
  const holder = await hold(listener)
  const client = connect(holder.output.port, '127.0.0.1')
  await once(client, 'connect')
  try {
    const { code, out } = sockscope([`:${holder.output.port}`])
    equal(code, 0)
    match(out, new RegExp(`localhost[^]*held by +\\S+ .*${holder.pid}`))
    match(out, new RegExp(`started by .* ${process.pid}\\b`))
    match(out, /connected +1\n/)
    const [port] = json(['port', String(holder.output.port)]).ports
    deepEqual(port.pids, [holder.pid])
    equal(port.clients.length, 1)
    equal(json(['ports', `sport = :${holder.output.port}`]).ports[0].connected, 1)
    ok(json(['pid', String(holder.pid)]).sockets.length >= 2)
  } finally {
    client.destroy()
    await holder.stop()
  }
  equal(sockscope(['port', String(holder.output.port)]).code, 1)
})

test('free finds a port that can be bound', async () => {
  const holder = await hold(listener)
  const { port } = holder.output
  equal(sockscope(['free', `${port}-${port}`]).code, 1)
  await holder.stop()
  equal(sockscope(['free', `${port}-${port}`]).out, `${port}\n`)
})

test('every free port can be listed, each once', () => {
  const ports = sockscope(['free', '--count', '10000']).out.trim().split('\n')
  equal(new Set(ports).size, 10_000)
  const tooMany = sockscope(['free', '--count', '70000'])
  deepEqual([tooMany.code, tooMany.err], [2, 'sockscope: --count 70000: there are only 65535 ports\n'])
})

test('a port that only root may bind is not called taken', needs('root', 'linux'), () => {
  const { code, err } = sockscope(['free', '1-1023'], { uid: 65_534 })
  equal(code, 1)
  match(err, /^\d+ is free, but only root may bind ports below 1024; run as root, or with CAP_NET_BIND_SERVICE\n$/)
})

test('a port that is taken is named as not free', needs('linux'), async () => {
  const taken = await hold(listener)
  const { port } = taken.output
  const { code, err } = sockscope(['free', String(port)])
  await taken.stop()
  deepEqual([code, err], [1, `port ${port} is not free\n`])
})

test('sockets of a process that may not be read are not said to be absent', needs('root', 'linux'), async () => {
  const other = await hold(listener, [], { uid: 65_533 })
  const { code, err } = sockscope(['pid', String(other.pid)], { uid: 65_534 })
  await other.stop()
  equal(code, 1)
  match(err, new RegExp(`^the sockets of process ${other.pid} may not be seen: run as root, or as its user\n[^]*belong`))
})

test(
  'pid reports sockets of another network namespace, with the command that lists them',
  needs('network namespaces', 'command unshare'),
  async t => {
    // Its output is no socket.
    const folder = mkdtempSync(join(tmpdir(), 'sockscope-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const output = openSync(join(folder, 'output'), 'w')
    const child = spawn('unshare', ['-n', process.execPath, '-e', `process.title = 'Elsewhere'; ${listener}`], {
      stdio: ['ignore', output, 'ignore'],
    })
    t.after(() => child.kill('SIGKILL'))
    closeSync(output)
    await until('the listener', () => readFileSync(join(folder, 'output'), 'utf8').includes('\n') || undefined)
    const { code, err, out } = sockscope(['pid', String(child.pid)])
    deepEqual([code, out], [1, ''])
    const [, command] = /^\d+ has 1 socket in another network namespace: use sockscope (list -a -N \d+ pid = \d+)\n/.exec(err) ?? []
    ok(command, err)
    match(sockscope(command.split(' ')).out, new RegExp(`LISTEN.* ${child.pid} `))
    match(sockscope(['pid', 'ELSEWHERE']).err, /^there is no (visible )?process named ELSEWHERE; did you mean Elsewhere\?\n/)
    match(sockscope(['pid', '4194304']).err, /^there is no process 4194304\n/)
  },
)

test('a recording without events says how to make one that has them', () => {
  match(sockscope(['events', '--replay', 'test/golden/linux.recording']).out, /record again with sockscope events --record FILE/)
})
