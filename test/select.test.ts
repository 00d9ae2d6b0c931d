// For a long list of lines of letters, states and filters: the sockets that ss selects are those that sockscope selects.
import { after, test } from 'node:test'
import { deepEqual } from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { commands } from '../src/cli/commands.ts'
import { parse } from '../src/cli/parse.ts'
import { select } from '../src/cli/select.ts'
import { needs } from './needs.ts'

const lines = [
  '-t', '-ta', '-tl', '-tn', '-tna', '-tulpn', '-tanp', '-tanpi', '-tao', '-u', '-ua', '-ul', '-tu', '-tua', '-tul', '-x', '-xa', '-xl', '-tx', '-ux', '-txa',
  '-4', '-6', '-4a', '-6a', '-4l', '-6l', '-t4', '-t6', '-t4a', '-t6a', '-u6a', '-w', '-wa', '-0', '-0a', '-a', '-l', '-an', '-ap', '-Ha', '-lei', '-aomrO',
  '-tw', '-twa', '-A inet', '-A inet -a', '-A all', '-A all -a', '-A unix -a', '-A u_str', '-A u_str -a', '-A u_dgr', '-A u_dgr -a', '-A u_seq -a', '-A tcp,udp -a',
  '-A packet -a', '-A netlink', '-A netlink -a', '-f inet', '-f inet6 -a', '-f unix', '-f unix -a', '-f link', '-f netlink', '-f netlink -a', '--tcp --all', '--udp --listening',
  '-t state listening', '-t state all', '-ta exclude established', '-tu state connected', '-t state established', '-t state time-wait', '-t state close-wait state fin-wait-2',
  '-t exclude established exclude listening', '-u state closed', '-t state synchronized', '-t state bucket', '-t state big', '-l state established',
  '-ta dst 127.0.0.1', '-ta src 127.0.0.0/8', '-ta sport = :PORT', '-ta dport = :PORT', '-ta ( sport = :PORT or dport = :PORT )', '-ta sport != :PORT', '-ta dport gt :1024',
  '-ta sport lt :40000', '-ta not sport = :PORT', '-ta ! ( src 127.0.0.1 and sport = :PORT )', '-ta src 127.0.0.1:PORT', '-ta dst [::1]', '-ta src [::1]:*', '-ta dst 127.0.0.1 sport ge :PORT',
  '-ta sport = PORT', '-ta sport eq :PORT or dport eq :PORT', '-tua autobound', '-ta src :PORT', '-ta dport <= :PORT && src 127.0.0.1', '-xa src *', '-xa src @sockscope-test*',
  // The last of -a and -l counts, and the last of -4 and -6; -A forgets the tables before it, and ! takes tables out.
  '-tal', '-tla', '-tulan', '-tanl', '-4 -6', '-64t', '-f inet6 -4', '-t -A udp', '-u -A tcp -l', '-A udp -t -a', '-A all,!tcp -a', '-A inet,!udp', '-A p_raw -a', '-A p_dgr -a',
  '-M', '-Ma', '-M -l', '-M6', '-A mptcp -a', '-t state all exclude listening', '-ta exclude syn-sent',
] // prettier-ignore

// Sockets of every kind that needs no module: through koffi, because Node itself can open only some of them.
const holder = `
  const koffi = require('koffi'), libc = koffi.load(null)
  const socket = libc.func('int socket(int, int, int)'), bind = libc.func('int bind(int, const void *, unsigned int)')
  const listen = libc.func('int listen(int, int)'), socketpair = libc.func('int socketpair(int, int, int, _Out_ int *)')
  for (const type of [1, 2, 5]) socketpair(1, type, 0, [0, 0])
  const name = Buffer.concat([Buffer.from([1, 0, 0]), Buffer.from('sockscope-test')])
  const unix = socket(1, 1, 0); bind(unix, name, name.length); listen(unix, 5)
  bind(socket(1, 2, 0), Buffer.concat([name, Buffer.from('-dgram')]), name.length + 6)
  const inet = Buffer.from([2, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0])
  bind(socket(2, 1, 0), inet, 16) // Only bound: in no line but that of -B.
  const mptcp = socket(2, 1, 262); bind(mptcp, inet, 16); listen(mptcp, 5)
  socket(17, 3, 0x0300); socket(17, 2, 0x0300); socket(2, 3, 1); socket(10, 3, 58)
  bind(socket(16, 3, 0), Buffer.from([16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), 12)
  const net = require('node:net'), dgram = require('node:dgram'), { once } = require('node:events')
  const server = net.createServer({ allowHalfOpen: true }, s => s.resume().on('error', () => {})).listen(0, '127.0.0.1', async () => {
    const { port } = server.address()
    const at = (port, host) => net.connect(port, host)
    // One stays, one is closed by its client alone, and one is reset: the server sees each of them.
    const half = new Promise(resolve => server.on('connection', s => s.on('end', resolve)))
    const reset = new Promise(resolve => server.on('connection', s => s.on('error', resolve)))
    const one = at(port, '127.0.0.1'), two = at(port, '127.0.0.1').end(), three = at(port, '127.0.0.1').on('connect', function () { this.resetAndDestroy() })
    const six = net.createServer(s => s.resume()).listen(0, '::')
    const only = net.createServer().listen({ port: 0, host: '::1', ipv6Only: true })
    const udp = dgram.createSocket('udp4').bind(0, '127.0.0.1'), udp6 = dgram.createSocket('udp6').bind(0)
    await Promise.all([half, reset, once(one, 'connect'), ...[six, only, udp, udp6].map(s => once(s, 'listening'))])
    const connected = dgram.createSocket('udp4')
    connected.connect(udp.address().port, '127.0.0.1')
    // The second one is closed from both sides.
    await Promise.all([once(connected, 'connect'), once(at(six.address().port, '::1'), 'connect'), once(at(six.address().port, '127.0.0.1').end().resume(), 'close')])
    console.log(port)
  })
`

const namespace = `sockscope-select-${process.pid}`
const within = (file: string, ...args: string[]): string =>
  execFileSync('ip', ['netns', 'exec', namespace, file, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 1 << 26,
  })

/** The sockets that we select; exit 1 says that there are none. The built program: states last 60 s, and from sources 120 starts take longer than that. */
// oxlint-disable-next-line typescript/no-explicit-any -- JSON
function ours(words: readonly string[]): any[] {
  const { stdout } = spawnSync(
    'ip',
    ['netns', 'exec', namespace, process.execPath, resolve('src/cli/main.ts'), 'list', '--json', '--no-owners', ...words],
    { encoding: 'utf8', maxBuffer: 1 << 26 },
  )
  return JSON.parse(stdout).sockets
}

/** What names a socket in the output of ss: the cookie, for UNIX the inode, for NETLINK the port id, else its address. */
function namedBySs(row: string, line: string): string {
  const words = row.trim().split(/\s+/)
  // ss leaves out the table when there is only one, and the state when there is only one.
  const table = /^(nl|u_\w+|p_\w+|raw|udp|tcp|icmp6|\?\?\?)$/.test(words[0]!)
    ? words.shift()!
    : (/u_\w+|netlink|^-w/.exec(line)?.[0] ?? 'tcp')
  if (/^[A-Z]/.test(words[0]!)) words.shift()
  const [, , local = '', inode] = words
  if (table.startsWith('u_')) return `unix ${inode}`
  if (table === 'nl' || table === 'netlink') return `netlink ${local}`
  if (table === 'raw' || table === '-w' || table === 'icmp6' || table === '???') return `raw ${local.replace(/:\w+$/, '')}`
  return `sk ${/ sk:([0-9a-f]+)/.exec(row)?.[1]}`
}

// oxlint-disable-next-line typescript/no-explicit-any -- JSON
function namedByUs(s: any): string {
  if (s.protocol === 'unix') return `unix ${s.inode}`
  if (s.protocol === 'netlink') return `netlink ${s.detail.protocolNumber}:${s.local.id}`
  if (s.protocol === 'raw') return `raw ${s.local.address === '::' ? '*' : s.local.address}`
  return `sk ${BigInt(s.key).toString(16)}`
}

test('letters and words that change only what is shown select nothing, with and without letters that do', () => {
  const list = commands.find(command => command.name === 'list')!
  const selection = (words: readonly string[]): unknown => select(parse(list, words), undefined)
  const shown = 'HnreimopOZzTQ'.split('').map(letter => [`-${letter}`])
  const more = [['--no-header'], ['--numeric'], ['--extended', '--memory'], ['--tos', '--cgroup'], ['-N', 'blue'], ['--all-namespaces']]
  for (const words of [...shown, ...more])
    for (const others of [[], ['-t'], ['-tul'], ['-a'], ['-f', 'netlink']])
      deepEqual(selection([...words, ...others]), selection(others), words.join(' '))
})

test('every command line selects what ss selects', needs('network namespaces', 'command ss'), async t => {
  execFileSync(process.execPath, ['--input-type=module', '-e', "(await import('./tools/setup.mjs')).buildProgram()"], {
    stdio: ['ignore', 2, 2],
  })
  execFileSync('ip', ['netns', 'add', namespace])
  after(() => execFileSync('ip', ['netns', 'del', namespace]))
  within('ip', 'link', 'set', 'lo', 'up')
  const child = spawn('ip', ['netns', 'exec', namespace, process.execPath, '-e', holder], { stdio: ['ignore', 'pipe', 'inherit'] })
  after(() => child.kill('SIGKILL'))
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const port = String(line).trim()
  for (const text of lines) {
    await t.test(text, () => {
      const words = text.replaceAll('PORT', port).split(' ')
      const ask = (): readonly [string[], string[]] => {
        // The letters e and O show more without changing what is selected.
        const theirs = within('ss', '-HneO', ...words, '-e')
          .split('\n')
          .filter(Boolean)
          .map(row => namedBySs(row, text))
        // Each of the two lists its own netlink socket, which differs.
        const asker = (name: string): boolean => /^netlink 4:[1-9]/.test(name)
        const all = [ours(words).map(namedByUs), theirs] as const
        return [all[0].filter(name => !asker(name)).sort(), all[1].filter(name => !asker(name)).sort()]
      }
      const [first, other] = ask()
      // A socket may leave a state, such as TIME_WAIT, between the two; then both are run once more.
      deepEqual(...(isDeepStrictEqual(first, other) ? ([first, other] as const) : ask()))
    })
  }
})
