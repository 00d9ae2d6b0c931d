// What a snapshot finds on the stand-in for macOS: sockets, owners, versions, the gate of macOS 27, and what goes wrong on the way.
import { planQuery, type Query } from '../../src/filter/plan.ts'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { gapCodes } from '../../src/model/gap.ts'
import type { Snapshot } from '../../src/model/snapshot.ts'
import type { Socket } from '../../src/model/socket.ts'
import { emptyTcp } from '../../src/source/draft.ts'
import { needs } from '../needs.ts'
import { machine, scenario } from './standin.ts'

const desk = scenario('desk')
const everything = { protocols: ['tcp', 'udp', 'raw', 'icmp', 'unix'], details: ['tcp', 'memory', 'options'] } as const
const need = needs('linux', 'command gcc')

const end = (e: Socket['local'] | undefined): string =>
  e === undefined ? '-' : (e.path ?? `${e.address ?? ''}${e.zone === undefined ? '' : `%${e.zone}`}:${e.port ?? ''}`)
const line = (s: Socket): string =>
  [
    s.key.replace(/^unix\.[0-9a-f]+/, 'unix'),
    s.family,
    s.state,
    end(s.local),
    end(s.remote),
    s.owners.map(o => `${o.pid}/${o.fd ?? ''}`).join(',') || s.ownerless,
  ].join(' ')
const lines = (snapshot: Snapshot): string[] => snapshot.sockets.map(line)
const find = (snapshot: Snapshot, key: string): Socket => {
  const found = snapshot.sockets.find(s => s.key.startsWith(key))
  ok(found, `${key} is listed`)
  return found
}

async function take(text: string, query: Query = everything) {
  const source = await machine(text).open()
  try {
    const snapshot = await source.takeSnapshot(planQuery(query))
    for (const gap of snapshot.gaps) ok(gap.code !== undefined && gap.code in gapCodes, gap.text)
    return snapshot
  } finally {
    source.close()
  }
}

const expected = [
  'tcp.1 ipv4 LISTEN 0.0.0.0:3000 - 1000/20,1001/',
  'tcp.2 ipv4 ESTABLISHED 127.0.0.1:3000 127.0.0.1:50111 1000/21,1001/30',
  'tcp.3 ipv6 ESTABLISHED fe80::1%en0:22 fe80::2%en0:50000 400/',
  'tcp.6 ipv6 LISTEN :::8080 - 1001/9',
  'tcp.7 ipv6 LISTEN :::8443 - 1001/10',
  'tcp.8 ipv6 ESTABLISHED ::ffff:10.0.0.5:8080 ::ffff:10.0.0.9:41000 1001/11',
  'tcp.9 ipv4 TIME_WAIT 10.0.0.5:50500 93.184.216.34:443 time-wait',
  'tcp.flow.1002.10.0.0.5%:50501.93.184.216.34%:443 ipv4 ESTABLISHED 10.0.0.5:50501 93.184.216.34:443 1002/',
  'tcp.13 ipv4 CLOSED 0.0.0.0:0 - 1000/',
  'tcp.14 ipv4 BOUND 10.0.0.5:6000 - 1000/',
  'udp.4 ipv4 UNCONNECTED 0.0.0.0:5353 - 300/',
  'udp.flow.1002.2001:db8::1%:60000.2001:db8::2%:443 ipv6 ESTABLISHED 2001:db8::1:60000 2001:db8::2:443 1002/',
  'icmp.11 ipv4 ESTABLISHED 0.0.0.0: 8.8.8.8: 1000/',
  'raw.12 ipv4 UNCONNECTED 0.0.0.0: - 400/',
  'unix.20 unix LISTEN /tmp/app.sock - 1000/22',
  'unix.21 unix ESTABLISHED /tmp/app.sock : 1000/23',
  'unix.22 unix ESTABLISHED : /tmp/app.sock 1001/24',
  'unix.23 unix UNCONNECTED /var/run/syslog - 1/',
]

for (const major of [22, 23, 24, 25]) {
  test(`Darwin ${major}: every socket with its state, its ends and its owners`, need, async () => {
    const snapshot = await take(desk.replace('darwin 24', `darwin ${major}`))
    deepEqual(lines(snapshot), expected)
    deepEqual(snapshot.gaps, [])
  })
}

for (const major of [20, 21]) {
  test(`Darwin ${major}: shorter records, and UNIX sockets without their last user`, need, async () => {
    const snapshot = await take(desk.replace('darwin 24', `darwin ${major}`))
    deepEqual(lines(snapshot), expected.slice(0, -1).concat('unix.23 unix UNCONNECTED /var/run/syslog - permission'))
    deepEqual(
      snapshot.gaps.map(g => [g.what, g.why, g.count]),
      [['owners', 'permission', 1]],
    )
    equal(find(snapshot, 'tcp.2').tcp?.rttMicros, 12_000)
  })
}

test('owners that may not be read are counted among the sockets that the query can select', need, async () => {
  const before13 = desk.replace('darwin 24', 'darwin 21') // Its UNIX sockets have no last user: that of unix.23 is unknown.
  const codes = async (query: Query): Promise<unknown> => (await take(before13, query)).gaps.map(g => [g.code, g.count])
  deepEqual(await codes({ protocols: ['unix'] }), [['owners-hidden', 1]])
  deepEqual(await codes({ protocols: ['unix'], filter: 'process:nothing' }), [['owners-hidden', 1]], 'its owner could be selected')
  deepEqual(await codes({ protocols: ['unix'], filter: 'state listen' }), [])
  deepEqual(await codes({ protocols: ['unix'], owners: false }), [])
})

test('who used a socket last, and on whose behalf; what only macOS reports of it', need, async () => {
  const snapshot = await take(desk.replace('rx=9 tx=8', 'rx=9 tx=8 filter=12'))
  deepEqual(find(snapshot, 'udp.flow').detail?.fields, { lastUserPid: 1002, onBehalfOfPid: 1001, userSpace: true })
  deepEqual(find(snapshot, 'tcp.8').detail?.fields, { lastUserPid: 1001, contentFilter: true, flowDivert: true })
  equal(find(snapshot, 'tcp.2').detail?.fields?.lastUserPid, 1000)
  deepEqual([...snapshot.processes.keys()].sort(), [1, 300, 400, 900, 1000, 1001, 1002].sort())
  equal(find(snapshot, 'unix').detail?.type, 'stream')
  const [one, other] = [snapshot.sockets.find(s => s.key.endsWith('.21'))!, snapshot.sockets.find(s => s.key.endsWith('.22'))!]
  deepEqual([one.detail?.fields?.peer, one.detail?.fields?.peerPid], [other.key, 1001])
  deepEqual([other.detail?.fields?.peer, other.detail?.fields?.peerPid, other.remote?.path], [one.key, 1000, '/tmp/app.sock'])
})

test('queues, options and memory', need, async () => {
  const snapshot = await take(desk)
  deepEqual(find(snapshot, 'tcp.1').queues, { receivedBytes: undefined, sendBytes: undefined, backlog: 2, backlogLimit: 128 })
  deepEqual(find(snapshot, 'tcp.2').queues, { receivedBytes: 7, sendBytes: 5000, backlog: undefined, backlogLimit: undefined })
  deepEqual(find(snapshot, 'tcp.1').options?.flags, ['reuseaddr'])
  deepEqual(
    ['tcp.1', 'tcp.6', 'tcp.7'].map(key => find(snapshot, key).options?.v6only),
    [undefined, false, true],
  )
  equal(find(snapshot, 'tcp.2').memory?.receiveBufferBytes, 131_072)
  const bare = await take(desk, {})
  deepEqual(
    bare.sockets.flatMap(s => [s.tcp, s.memory, s.options, s.traffic]).filter(x => x !== undefined),
    [],
  )
})

test('processes: name, file, parent, user, start, and the arguments of our own', need, async () => {
  const { processes } = await take(desk)
  deepEqual(processes.get(1000), {
    key: '1000.77',
    pid: 1000,
    name: 'node',
    parentPid: 900,
    uid: 501,
    user: 'alice',
    startedAtMs: 1_700_000_100_500,
    exe: '/usr/local/bin/node',
    command: ['node', 'server.js'],
    script: 'server.js',
    container: undefined,
    unit: undefined,
  })
  equal(processes.get(1002)?.name, 'com.apple.WebKit.Networking', 'the kernel keeps 15 letters; the file has all of them')
  deepEqual([processes.get(300)?.user, processes.get(300)?.command], [undefined, undefined])
})

test('TCP statistics: bytes and segments apart, from the table, the control and tcp.info together', need, async () => {
  const { tcp, traffic } = find(await take(desk), 'tcp.2')
  const { negotiated, ...numbers } = tcp!
  const { negotiated: _, ...unknown } = emptyTcp
  deepEqual(numbers, {
    ...unknown,
    rttMicros: 12_000,
    rttVarianceMicros: 3_000,
    minRttMicros: 6_000,
    receiveRttMicros: 33_000,
    retransmitTimeoutMicros: 230_000,
    congestionControl: 'cubic',
    congestionWindowBytes: 14_480,
    congestionWindowSegments: 10,
    sendMssBytes: 1_448,
    receiveMssBytes: 1_440,
    sendWindowBytes: 65_535,
    receiveWindowBytes: 131_072,
    receiveSpaceBytes: 0,
    sendWindowScale: 8,
    receiveWindowScale: 6,
    unackedSegments: 3,
    notSentBytes: 2_000,
    timeoutsInRow: 0,
    sentBytes: 9_876_543_210,
    receivedBytes: 123_456_789_012,
    sentDataSegments: 30,
    receivedDataSegments: 20,
    retransmittedBytes: 4_096,
    retransmittedSegments: 3,
    outOfOrderSegments: 2,
    duplicateAckedSegments: 0,
    reorderingSeen: 0,
  })
  equal(numbers.slowStartThresholdBytes, undefined, '65535 << 14 is none')
  deepEqual([negotiated?.timestamps, negotiated?.sack, negotiated?.windowScaling, negotiated?.ecn], [true, true, true, false])
  deepEqual(traffic, {
    inBytes: 123_456_789_012,
    outBytes: 9_876_543_210 - 4_096,
    inCalls: 20,
    outCalls: 30,
    processes: [],
    accuracy: 'exact',
  })
})

test('the byte counts of sockets alone: slots summed up to macOS 14, one slot and half of what came in from 15 on', need, async () => {
  for (const major of [22, 23, 24, 25]) {
    const snapshot = await take(`${desk.replace('darwin 24', `darwin ${major}`)}\nfail connect 1`)
    for (const [key, inBytes, outBytes] of [
      ['udp.4', 5_000, 6_000],
      ['tcp.2', 123_456_789_012, 9_876_543_210],
    ] as const) {
      const { traffic } = find(snapshot, key)
      deepEqual([traffic?.inBytes, traffic?.outBytes, traffic?.accuracy], [inBytes, outBytes, 'sampled'], `Darwin ${major} ${key}`)
    }
    deepEqual(
      snapshot.gaps.map(g => [g.what, g.why]),
      [['bytes', 'permission']],
    )
    equal(find(snapshot, 'tcp.2').tcp?.sentBytes, 9_876_543_210, 'tcp.info still has it')
  }
})

test('a provider of the control that is refused is a gap, and the others still count', need, async () => {
  const snapshot = await take(`${desk}\nfail provider:5 2`)
  deepEqual(
    snapshot.gaps.map(g => [g.what, g.why, g.text.includes('flows of Network.framework: ENOENT')]),
    [['bytes', 'kernel', true]],
  )
  equal(find(snapshot, 'udp.flow').traffic?.accuracy, 'sampled')
  equal(find(snapshot, 'udp.4').traffic?.accuracy, 'exact')
})

test('sockets that share their ends get no count of another', need, async () => {
  const snapshot = await take(
    `${desk}\nsocket 40 udp *:5353 *:* uid=501 last=1001 rx=1 tx=2\nsocket 41 udp *:5353 *:* uid=501 last=1001 rx=3 tx=4`,
  )
  deepEqual(
    ['udp.4', 'udp.40', 'udp.41'].map(key => find(snapshot, key).traffic?.accuracy),
    ['exact', 'sampled', 'sampled'],
    'two of one process cannot be distinguished',
  )
})

const gated = `${desk.replace('darwin 24', 'darwin 27')}\ngate`

test('macOS 27: a table of own sockets only is a gap with its remedy, never an empty machine', need, async () => {
  const snapshot = await take(gated, { ...everything, details: [] })
  const hidden = snapshot.gaps.filter(g => g.what === 'sockets')
  deepEqual(
    hidden.map(g => [g.why, g.count, g.help]),
    [
      ['permission', 2, 'run as root: sudo sockscope'],
      ['permission', 1, 'run as root: sudo sockscope'],
      ['permission', 1, 'run as root: sudo sockscope'],
    ],
  )
  const keys = snapshot.sockets.map(s => s.key)
  for (const key of ['tcp.1', 'tcp.2', 'tcp.6', 'tcp.7', 'tcp.8'])
    ok(keys.includes(key), `${key}: own, or held by a process of the same user`)
  for (const key of ['tcp.3', 'tcp.9', 'udp.4', 'raw.12']) ok(!keys.includes(key), `${key} cannot be seen`)
  ok(
    snapshot.sockets.some(s => s.detail?.fields?.userSpace === true),
    'a flow of the same user',
  )
  ok(
    snapshot.sockets.every(s => s.traffic === undefined),
    'bytes were not requested',
  )
})

test('macOS 27: flows of the same user that only the statistics control shows are listed', need, async () => {
  const snapshot = await take(gated)
  const flow = snapshot.sockets.find(s => s.detail?.fields?.userSpace === true && s.protocol === 'udp')!
  equal(line(flow).replace(/^\S+ /, ''), 'ipv6 ESTABLISHED 2001:db8::1:60000 2001:db8::2:443 1002/')
  deepEqual([flow.traffic?.inBytes, flow.traffic?.accuracy], [70_000, 'exact'])
  deepEqual(
    snapshot.gaps.map(g => [g.what, g.count]),
    [
      ['sockets', 2],
      ['sockets', 1],
      ['sockets', 1],
    ],
  )
  const root = await take(gated.replace('me 1000 501', 'me 1000 0'))
  deepEqual(lines(root).length, expected.length, 'root sees all')
  deepEqual(root.gaps, [])
})

test('macOS 27 without own sockets: the header still has the count', need, async () => {
  const snapshot = await take(gated.replace('me 1000 501', 'me 5000 502'), { protocols: ['tcp'] })
  deepEqual(snapshot.sockets, [])
  deepEqual(
    snapshot.gaps.map(g => [g.what, g.why, g.count]),
    [['sockets', 'permission', 10]],
  )
})

test('sockets that died while the kernel wrote are no gate', need, async () => {
  const snapshot = await take('darwin 25\nme 1000 501\nprocess 1000 uid=501 name=a\nsocket 1 tcp *:80 *:* state=LISTEN last=1000', {
    protocols: ['tcp'],
  })
  deepEqual(snapshot.gaps, [])
})

const faults: readonly (readonly [string, string, (snapshot: Snapshot) => void])[] = [
  [
    'a table that grows between the two calls is read again',
    Array.from({ length: 200 }, (_, i) => `socket ${100 + i} tcp 10.0.0.5:${1000 + i} *:* state=LISTEN last=1000 late`).join('\n'),
    snapshot => equal(snapshot.sockets.filter(s => s.protocol === 'tcp').length, 210),
  ],
  ['ENOMEM is tried again', 'fail sysctl:net.inet.tcp.pcblist_n 12 0 3', snapshot => deepEqual(snapshot.gaps, [])],
  [
    'ENOMEM without end is a gap',
    'fail sysctl:net.inet.tcp.pcblist_n 12',
    snapshot => {
      deepEqual(
        snapshot.gaps.map(g => [g.what, g.why]),
        [['sockets', 'kernel']],
      )
      ok(snapshot.gaps[0]!.text.includes('ENOMEM'))
      ok(
        snapshot.sockets.some(s => s.key === 'tcp.1'),
        'the walk still finds what it can',
      )
    },
  ],
  [
    'a sandbox that forbids a table',
    'fail announce:net.inet.udp.pcblist_n 1',
    snapshot =>
      deepEqual(
        snapshot.gaps.map(g => [g.what, g.why, g.text.includes('EPERM')]),
        [['sockets', 'permission', true]],
      ),
  ],
  [
    'a process that ends while its descriptors are listed',
    'fail proc_pidinfo:*:1001 3\nfail proc_pidpath:1001 3',
    snapshot => {
      deepEqual(find(snapshot, 'tcp.6').owners, [{ pid: 1001, fd: undefined }])
      equal(snapshot.processes.get(1001), undefined)
    },
  ],
  [
    'a descriptor that closes before it is read',
    'fail proc_pidfdinfo:1000:21 9',
    snapshot => deepEqual(find(snapshot, 'tcp.2').owners, [{ pid: 1001, fd: 30 }]),
  ],
  [
    'a descriptor that is another thing by now',
    'fail proc_pidfdinfo:1000:21 38',
    snapshot => deepEqual(find(snapshot, 'tcp.2').owners, [{ pid: 1001, fd: 30 }]),
  ],
  [
    'a socket that is being taken down',
    'fail proc_pidfdinfo:1001:30 102',
    snapshot => deepEqual(find(snapshot, 'tcp.2').owners, [{ pid: 1000, fd: 21 }]),
  ],
  [
    'no list of processes',
    'fail proc_listpids 1',
    snapshot => {
      deepEqual(find(snapshot, 'tcp.3').owners, [{ pid: 400, fd: undefined }])
      deepEqual(
        snapshot.gaps.map(g => [g.what, g.why]),
        [['owners', 'kernel']],
      )
    },
  ],
  [
    'ENOBUFS of the control: what waits is read, and the request is sent again',
    'fail send 55 5 2',
    snapshot => equal(find(snapshot, 'udp.4').traffic?.accuracy, 'exact'),
  ],
  [
    'ENOBUFS in the middle of an answer: it goes on from there',
    'fail update 55 2 1\nfail update 12 3 1',
    snapshot => {
      deepEqual(snapshot.gaps, [])
      ok(snapshot.sockets.filter(s => s.protocol === 'tcp' || s.protocol === 'udp').every(s => s.traffic?.accuracy === 'exact'))
    },
  ],
  [
    'ENOBUFS in every answer: what came is used, the rest is a gap',
    'fail update 55 1',
    snapshot => {
      deepEqual(
        snapshot.gaps.map(g => [g.what, g.why]),
        [['bytes', 'lost']],
      )
      deepEqual([find(snapshot, 'tcp.1').traffic?.accuracy, find(snapshot, 'tcp.14').traffic?.accuracy], ['exact', 'sampled'])
    },
  ],
  [
    'ENOBUFS without end',
    'fail send 55',
    snapshot => {
      equal(find(snapshot, 'udp.4').traffic?.accuracy, 'sampled')
      ok(snapshot.gaps[0]!.text.includes('ENOBUFS'))
    },
  ],
  [
    'a datagram of which only a part comes',
    'fail cut 1 0 1',
    snapshot => {
      equal(snapshot.gaps[0]?.why, 'damaged')
      equal(find(snapshot, 'udp.4').traffic?.accuracy, 'sampled')
    },
  ],
  ['no interfaces: zones keep their numbers', 'fail mib:4.17 1', snapshot => equal(find(snapshot, 'tcp.3').local.zone, '4')],
  ['no version', 'fail *:kern.osrelease 1', snapshot => equal(find(snapshot, 'tcp.2').tcp?.rttMicros, 12_000)],
  ['no net.inet.tcp.info', 'fail sysctl:net.inet.tcp.info 1', snapshot => equal(find(snapshot, 'tcp.2').tcp?.sentBytes, 9_876_543_210)],
  [
    'a connection without its socket',
    'socket 50 tcp 10.0.0.5:7000 10.0.0.6:80 state=FIN_WAIT_2 nosocket',
    snapshot => equal(line(find(snapshot, 'tcp.50')), 'tcp.50 ipv4 FIN_WAIT_2 10.0.0.5:7000 10.0.0.6:80 orphan'),
  ],
  [
    'sockets of the kernel, without a process, and not accepted yet',
    'socket 51 udp *:123 *:* last=0\nsocket 52 tcp 10.0.0.5:7001 10.0.0.6:80 state=ESTABLISHED so_state=1 last=1000\n' +
      'socket 53 tcp 10.0.0.5:80 10.0.0.6:81 state=ESTABLISHED so_state=0x1002 last=1000\nsocket 54 udp *:9 *:* last=4321',
    snapshot =>
      deepEqual(
        ['udp.51', 'tcp.52', 'tcp.53', 'udp.54'].map(key => find(snapshot, key).ownerless),
        ['kernel', 'orphan', 'not-accepted', 'exited'],
      ),
  ],
]
for (const [name, lines, verify] of faults) test(name, need, async () => verify(await take(`${desk}\n${lines}`)))

test('three hundred sources come in pieces of a hundred, and all are counted', need, async () => {
  const many = Array.from({ length: 300 }, (_, i) => `socket ${1000 + i} udp 10.0.0.5:${2000 + i} *:* last=1000 rx=${i} tx=1`).join('\n')
  const snapshot = await take(`${desk}\n${many}`)
  const counted = snapshot.sockets.filter(s => s.protocol === 'udp' && s.local.port! >= 2000 && s.local.port! < 2300)
  deepEqual(
    counted.map(s => s.traffic?.inBytes),
    counted.map((_, i) => i),
  )
  equal(counted.length, 300)
})

test("two snapshots at a time do not get each other's counts", need, async () => {
  const many = Array.from({ length: 300 }, (_, i) => `socket ${1000 + i} udp 10.0.0.5:${2000 + i} *:* last=1000 rx=${i + 1} tx=1`).join(
    '\n',
  )
  const source = await machine(`${desk}\n${many}`).open()
  const snapshots = await Promise.all([1, 2, 3].map(() => source.takeSnapshot(planQuery(everything))))
  source.close()
  for (const snapshot of snapshots) {
    deepEqual(snapshot.gaps, [])
    ok(snapshot.sockets.filter(s => s.protocol === 'udp').every(s => s.traffic?.accuracy === 'exact'))
  }
})
