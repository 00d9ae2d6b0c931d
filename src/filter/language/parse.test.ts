import { test } from 'node:test'
import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { FilterError } from '../../model/errors.ts'
import { nearest } from '../../model/nearest.ts'
import { filterLimits } from './scan.ts'
import { parseFilter } from './parse.ts'
import { printFilter } from './print.ts'
import { expectedWords } from './words.ts'

// Filters, and their canonical printed form.
for (const [text, printed] of [
  ['', ''],
  ['sport = :80', 'sport = 80'],
  ['sport :ssh', 'sport = 22'],
  ['( dport == :443 )', 'dport = 443'],
  ['dport eq 443', 'dport = 443'],
  ['dport != :443', 'dport != 443'],
  ['dport neq 443', 'dport != 443'],
  ['sport gt :1024 and sport lt 2000', 'sport > 1024 and sport < 2000'],
  ['sport geq :1024 & sport leq *:2000', 'sport >= 1024 and sport <= 2000'],
  ['sport>=1024&&sport<=2000', 'sport >= 1024 and sport <= 2000'],
  ['sport :80 sport :81', 'sport = 80 and sport = 81'],
  ['sport :80 or sport :81 dport :82', '(sport = 80 or sport = 81) and dport = 82'],
  ['sport :80 || sport :81 | sport :82', 'sport = 80 or sport = 81 or sport = 82'],
  ['! sport :80', 'sport != 80'],
  ['not ! sport :80', 'not sport != 80'],
  ['!(sport :80 or sport :81)', 'not (sport = 80 or sport = 81)'],
  ['not sport > 80', 'not sport > 80'],
  ['sport = inet:80', 'family = ipv4 and sport = 80'],
  ['src 127.0.0.1', 'src = 127.0.0.1'],
  ['dst 192.168.1/24:http or dst 193.233.7/24', 'dst = 192.168.1.0/24:80 or dst = 193.233.7.0/24'],
  ['src 127/8', 'src = 127.0.0.0/8'],
  ['src 10.0.0.0/255.255.0.0', 'src = 10.0.0.0/16'],
  ['dst [::1]:80', 'dst = [::1]:80'],
  ['dst ::1', 'dst = [::1]'],
  ['dst 2001:DB8:0:0:1:0:0:1', 'dst = [2001:db8::1:0:0:1]'],
  ['dst fe80::/10', 'dst = [fe80::/10]'],
  ['dst [fe80::1%eth0]:22', 'dst = [fe80::1%eth0]:22'],
  ['dst ::ffff:10.0.0.1', 'dst = [::ffff:10.0.0.1]'],
  ['src *:80', 'src = :80'],
  ['src *', 'src = *'],
  ['src inet6:*', 'src = inet6:*'],
  ['src = unix:/run/*', 'src = unix:/run/*'],
  ['src /run/*', 'src = unix:/run/*'],
  ['src @abstract', 'src = unix:@abstract'],
  ['src "unix:/run/my app"', 'src = unix:/run/my\\ app'],
  ['src netlink:rtnl:kernel', 'src = netlink:rtnl:0'],
  ['src link:ip:eth0', 'src = link:ip:eth0'],
  ['src vsock:2:1024', 'src = vsock:2:1024'],
  ['src 10.0.0.1,10.0.0.2:80', 'src = 10.0.0.1,10.0.0.2:80'],
  ['dev = eth0', 'dev = eth0'],
  ['dev != 3', 'dev != 3'],
  ['fwmark = 0x10/0xff', 'fwmark = 16/0xff'],
  ['fwmark != 5', 'fwmark != 5'],
  ['cgroup /system.slice/ssh.service', 'cgroup = /system.slice/ssh.service'],
  ['cgroup = /foo/', 'cgroup = "/foo/"'],
  ['autobound', 'autobound'],
  ['state established', 'state established'],
  ['state ESTAB', 'state established'],
  ['state connected exclude time-wait', 'state connected exclude time-wait'],
  ['state established state listening sport = :22', 'state established state listening and sport = 22'],
  ['state established,listen', 'state established state listening'],
  ['state established and state listening', 'state established and state listening'],
  ['state != listen', 'not state listening'],
  ['state:fin_wait_1', 'state fin-wait-1'],
  ['exclude listening', 'exclude listening'],
  ['exclude bucket state listening', 'exclude bucket state listening'],
  ['process:nginx', 'process = nginx'],
  ['process=nginx', 'process = nginx'],
  ['process nginx', 'process = nginx'],
  ['process:"my \\"app\\""', 'process = "my \\"app\\""'],
  ["process:'it is'", 'process = "it is"'],
  ['process:node*,nginx', 'process = node*,nginx'],
  ['process:/^ng(inx|foo)$/i', 'process = /^ng(inx|foo)$/i'],
  ['exe:/usr/bin/node', 'exe = /usr/bin/node'],
  ['PROCESS:/^a/ and (pid 3)', 'process = /^a/ and pid = 3'],
  ['user:root', 'user = root'],
  ['proto:TCP', 'protocol = tcp'],
  ['tcp and listen', 'protocol = tcp and state listening'],
  ['family:inet6', 'family = ipv6'],
  ['port 80,443,8000-8100', 'port = 80,443,8000-8100'],
  ['port: 80, 443', 'port = 80,443'],
  ['ip:10.0.0.0/8', 'ip = 10.0.0.0/8'],
  ['local.port = 3000', 'sport = 3000'],
  ['rtt > 50ms', 'rtt > 50ms'],
  ['rtt:>50ms', 'rtt > 50ms'],
  ['rtt > 0.5ms', 'rtt > 500us'],
  ['tcp.rttMicros > 500', 'rtt > 500us'],
  ['tcp.sinceSentMs > 500', 'lastSent > 500ms'],
  ['retransmits > 1%', 'retransmits > 1%'],
  ['retransmits > 3', 'retransmitted > 3'],
  ['receiverLimited > 2s', 'receiverLimitedTime > 2s'],
  ['sendQueue > 1MB', 'sendQueue > 1MB'],
  ['sendq>1mib', 'sendQueue > 1MiB'],
  ['queues.sendBytes > 4096', 'queues.sendBytes > 4KiB'],
  ['rate > 1MB/s', 'rate > 1MB/s'],
  ['rate > 8Mbit/s', 'rate > 1MB/s'],
  ['age < 10s', 'age < 10s'],
  ['cwnd 10-20', 'cwnd = 10-20'],
  ['ecn', 'ecn = true'],
  ['ecn false and v6only', 'ecn = false and v6only = true'],
  ['!listen', 'not state listening'],
  ['# what listens\nlisten\n# on these\nport 80,443\n', 'state listening and port = 80,443'],
] as const) {
  test(`${text || 'nothing'}`, () => {
    equal(printFilter(parseFilter(text)), printed)
    deepEqual(parseFilter(printed), parseFilter(text))
  })
}

test('the family of ss -x applies to addresses without a family', () => {
  equal(printFilter(parseFilter('src foo*', { family: 'unix' })), 'src = unix:foo*')
  equal(printFilter(parseFilter('src rtnl', { family: 'netlink' })), 'src = netlink:rtnl')
})

test('the services of the machine override the built-in ones', () => {
  equal(printFilter(parseFilter('sport = :ssh', { service: name => (name === 'ssh' ? 2222 : undefined) })), 'sport = 2222')
})

/** The error of a text. */
function errorOf(text: string): FilterError {
  try {
    parseFilter(text)
  } catch (error) {
    ok(error instanceof FilterError, String(error))
    return error
  }
  throw new Error(`${text} has no error`)
}

// The text, the part of it that the carets mark, and a part of the message.
for (const [text, place, message] of [
  ['sprot = :80', 'sprot', 'did you mean sport?'],
  ['sport = :80 and proces:nginx', 'proces', 'did you mean process?'],
  ['state listning', 'listning', 'did you mean listening?'],
  ['proto:tpc', 'tpc', 'did you mean tcp?'],
  ['sport = :shh', 'shh', 'did you mean ssh?'],
  [':3000', ':3000', 'did you mean port 3000?'],
  ['3000', '3000', 'did you mean port 3000?'],
  ['sport = :99999', ':99999', 'out of range'],
  ['port 90-80', '90-80', 'ends before it starts'],
  ['port > 80,81', '>', 'takes one value'],
  ['dst > 10.0.0.1', '>', 'cannot be compared'],
  ['dst example.com', 'example.com', 'a host name'],
  ['dst 300.1.1.1', '300.1.1.1', 'is not an address'],
  ['dst 10.0.0.0/33', '10.0.0.0/33', 'not a valid prefix'],
  ['dst inet6:10.0.0.1', 'inet6:10.0.0.1', 'does not match the family'],
  ['rtt > 50', '50', 'the unit is missing'],
  ['rtt > 50MB', '50MB', 'MB is not a valid unit here'],
  ['sendQueue > 1Mb', '1Mb', 'bits or bytes'],
  ['rtt > fast', 'fast', 'not a number'],
  ['rtt > 5%', '5%', 'not a percentage'],
  ['cwnd > 10x', '10x', 'x is not a valid unit'],
  ['listen #no', '#', 'cannot start here'],
  ['dst a\u001b[2J', 'a\u001b[2J', '"a\\u{1b}[2J" is not an address'],
  ['process:', '', 'a value is missing'],
  ['process:/(/', '/(/', 'unmatched opening parenthesis'],
  ['process:"abc', '"abc', 'unmatched quote'],
  ['(listen', '(', 'never closed'],
  ['listen)', ')', 'never opened'],
  ['listen and', '', 'a condition is missing'],
  ['listen and )', ')', 'cannot start here'],
  ['()', ')', 'cannot start here'],
  ['= 80', '=', 'cannot start here'],
  ['fwmark = 0x1ffffffff', '0x1ffffffff', 'not a mark'],
] as const) {
  test(`wrong: ${text}`, () => {
    const error = errorOf(text)
    equal(text.slice(error.start, error.end), place)
    ok(error.message.includes(message), error.message)
    const [, line, carets] = error.message.split('\n')
    equal(line, `  ${text.replace('\u001b', '?')}`)
    equal(carets!.indexOf('^') - 2, error.start)
  })
}

test('a message shows only a part of a long text, and nothing that affects a terminal', () => {
  const { message } = errorOf(`${'listen '.repeat(50)}\u001b[2Jnonsense`)
  ok(!message.includes('\u001b'))
  ok(message.split('\n').every(line => line.length < 120))
  const [, line, carets] = message.split('\n')
  equal(line![carets!.indexOf('^')], '?')
})

test('the cost of hostile text is limited', () => {
  const { characters, conditions, values, depth } = filterLimits
  const wrong = (text: string, message: RegExp): void => throws(() => parseFilter(text), { name: 'FilterError', message: message })
  wrong('('.repeat(100_000), /levels deep/)
  wrong('!'.repeat(100_000), /levels deep/)
  wrong('not '.repeat(depth + 1) + 'listen', /levels deep/)
  wrong('listen and listen or '.repeat(depth) + 'listen', /levels deep/)
  wrong('listen '.repeat(conditions + 1), /conditions/)
  wrong(`port ${'1,'.repeat(values)}1`, /values/)
  wrong(' '.repeat(characters + 1), /characters/)
  wrong(`process:/${'a'.repeat(501)}/`, /at most 500/)
  parseFilter('not '.repeat(depth) + 'listen')
  parseFilter(`${'('.repeat(depth)}listen${')'.repeat(depth)}`)
  parseFilter('listen '.repeat(conditions))
})

test('nearest finds one wrong letter in three, and nothing more distant', () => {
  equal(nearest('sprot', expectedWords()), 'sport')
  equal(nearest('--colums', ['--columns', '--color']), '--columns')
  equal(nearest('xyzzy', expectedWords()), undefined)
  equal(nearest('a'.repeat(1000), expectedWords()), undefined)
})
