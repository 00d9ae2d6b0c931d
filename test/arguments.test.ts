// Every wrong call of the library is a TypeError that starts with the name of the argument.
import { planQuery } from '../src/filter/plan.ts'
import { test } from 'node:test'
import { deepEqual, rejects } from 'node:assert/strict'
import * as netstat from '../src/compat/netstat2.ts'
import * as library from '../src/index.ts'

// oxlint-disable-next-line typescript/no-explicit-any -- the calls are wrong on purpose
const api = library as any
const tcp = { retransmittedSegments: 1 }
const socket = { key: 'k', protocol: 'tcp', family: 'ipv4', owners: [], local: {}, tcp }
const process_ = { key: 'k', pid: 1, name: 'a' }
const snapshot = { sockets: [], processes: new Map(), gaps: [] }
const flows = { total: {}, sockets: [], processes: [] }
const tree = library.parseFilter('tcp')
const row = { process_name: 'a', pid: 1 }
const last = async (generator: AsyncGenerator): Promise<unknown> => generator.next()

/** What is called, and the name that its error starts with, with the rest that matters. */
const wrong: readonly (readonly [() => unknown, string])[] = [
  ...[
    [{ protocol: ['tcp'] }, 'query.protocol: did you mean protocols?'],
    [{ ownres: true }, 'query.ownres: did you mean owners?'],
    [{ xyz: 1 }, 'query.xyz: unknown key; expected one of protocols, '],
    [{ protocols: 'tcp' }, 'query.protocols: needs a list'],
    [{ protocols: ['http'] }, 'query.protocols: "http" is not one of'],
    [{ families: [4] }, 'query.families: 4 is not one of'],
    [{ states: ['listen'] }, 'query.states: '],
    [{ details: ['all'] }, 'query.details: '],
    [{ owners: 1 }, 'query.owners: '],
    [{ namespaces: 'every' }, 'query.namespaces: '],
    [{ filter: 7 }, 'query.filter: '],
    [null, 'query: needs an object, got null'],
    [[], 'query: needs an object, got a list'],
    ['tcp', 'query: needs an object, got "tcp"'],
  ].flatMap(([query, text]) => {
    const calls = [
      () => api.sockets(query),
      () => last(api.events(query)),
      () => api.watch({ query }),
      () => api.explain({ query }),
      () => last(api.processBandwidth({ query })),
    ]
    return calls.map(call => [call, text as string] as const)
  }),
  [() => api.watch(null), 'options: needs an object, got null'],
  [() => api.watch({ evry: 1 }), 'options.evry: did you mean every?'],
  [() => api.watch({ protocols: ['tcp'] }), 'options.protocols: unknown key; expected one of every, query, '],
  [() => api.watch({ every: 0 }), 'every: needs milliseconds above 0, got 0'],
  [() => api.watch({ every: '1s' }), 'every: needs milliseconds above 0, got "1s"'],
  [() => api.watch({ signal: {} }), 'signal: needs an AbortSignal'],
  [() => api.watch({ source: {} }), 'source: needs a source, as openSource() returns it, but its sockets is undefined'],
  [() => api.watch({ flows: 1 }), 'flows: needs true or false'],
  [() => last(api.events({}, { evry: 1 })), 'options.evry: did you mean every?'],
  [() => last(api.events({}, { every: -1 })), 'every: '],
  [() => last(api.events({}, { signal: 1 })), 'signal: '],
  [() => last(api.events({}, { source: 1 })), 'source: needs a source, as openSource() returns it, got 1'],
  [() => api.explain({ four: 1 }), 'options.four: did you mean for?'],
  [() => api.explain({ for: 0 }), 'for: '],
  [() => api.explain({ for: 10, source: 1 }), 'source: '],
  [() => api.explain({ for: 10, signal: 0 }), 'signal: '],
  [() => last(api.processBandwidth({ maximum: 1 })), 'options.maximum: '],
  [() => last(api.processBandwidth({ max: -1 })), 'max: needs a whole number from 0, got -1'],
  [() => last(api.instrument(1, { evry: 1 })), 'options.evry: did you mean every?'],
  [() => last(api.instrument(1, { every: 0 })), 'every: '],
  [() => last(api.instrument('x')), 'target: needs a net.Socket'],
  [() => api.socketStat('x'), 'target: needs a net.Socket'],
  [() => api.socketStat(-1), 'target: a descriptor needs a whole number'],
  [() => api.closeSocket(7), 'socket: needs a socket of a snapshot, got 7'],
  [() => api.closeSocket({ key: 'k' }), 'socket: needs a socket of a snapshot, but its protocol is undefined'],
  [() => api.shutdownSocket(), 'socket: '],
  [() => api.closeSocket(socket, 7), 'source: '],
  [() => api.signalProcess({ pid: 1 }), 'process: needs a process of a snapshot, but its key is undefined'],
  [() => api.signalProcess({ ...process_, pid: 0 }), 'process: '],
  [() => api.signalProcess(process_, 'SIGTERM'), 'signal: '],
  [() => api.signalProcess(process_, 'TERM', null), 'source: needs a source, as openSource() returns it, got null'],
  [() => api.openRecorder(7), 'file: '],
  [() => api.openRecorder('/tmp/x', null), 'options: '],
  [() => api.openRecorder('/tmp/x', { keepArguments: true }), 'options.keepArguments: did you mean keepsArguments?'],
  [() => api.openRecorder('/tmp/x', { keepsArguments: 1 }), 'keepsArguments: needs true or false, got 1'],
  [() => api.openRecording(''), 'file: '],
  [() => api.freePort({ protcol: 'tcp' }), 'options.protcol: did you mean protocol?'],
  [() => api.freePort({ protocol: 'sctp' }), 'options.protocol: '],
  [() => api.freePort({ from: 7 }), 'options.from: '],
  [() => api.freePort({ from: '0' }), 'ports: '],
  [() => api.isPortAvailable('80'), 'port: '],
  [() => api.isPortAvailable(80, { from: '1-2' }), 'options.from: unknown key; expected one of protocol, host'],
  [() => api.isPortAvailable(80, { host: 7 }), 'options.host: '],
  [() => api.parsePorts(80), 'ports: '],
  [() => api.change([socket]), 'after: needs a list, got undefined'],
  [() => api.change(snapshot, [socket]), 'before: needs a list, got an object'],
  [() => api.change([socket, {}], []), 'before[1]: needs a socket of a snapshot, but its key is undefined'],
  [() => api.change([], [null]), 'after[0]: needs a socket of a snapshot, got null'],
  [() => api.ledger(undefined, []), 'flows: '],
  [() => api.ledger(flows, {}), 'interfaces: needs a list'],
  [() => api.ledger(flows, [{}]), 'interfaces[0]: '],
  [() => api.ledger(flows, [], '1'), 'unsureBytes: '],
  [() => api.flowMeter().take(socket, [], 1), 'look: needs a snapshot, as sockets() returns it, but its sockets is undefined'],
  [() => api.flowMeter().take(snapshot, 1), 'closed: '],
  [() => api.flowMeter().take(snapshot, [], '1'), 'intervalMs: '],
  [() => api.interfaceMeter().take(snapshot), 'interfaces: '],
  [() => api.interfaceMeter().take([], '1'), 'intervalMs: '],
  [() => api.attribute(snapshot, [], 1), 'connections: '],
  [() => api.attribute([socket], [], 1), 'connections[0]: needs a connection, as connectionDetails() gives it'],
  [() => api.attribute([], [{}], 1), 'interfaces[0]: '],
  [() => api.attribute([], []), 'max: '],
  [() => api.connectionDetails([]), 'look: '],
  [() => new api.ProcessBandwidthTracker().sample([{}], 1), 'connections[0]: '],
  [() => new api.ProcessBandwidthTracker().sample([]), 'max: '],
  [() => new api.ProcessBandwidthTracker().sample([], 1, NaN), 'atMs: '],
  [() => api.withDetails([1], new Map()), 'rows[0]: '],
  [() => api.withDetails([row], {}), 'processes: needs a map, got an object'],
  [() => api.withDetails([row], new Map(), {}), 'use: '],
  [() => api.sampleOf({}, 1), 'socket: '],
  [() => api.sampleOf(socket), 'atMs: needs a number, got undefined'],
  [() => api.health({}), 'samples: needs a list'],
  [() => api.health([{ atMs: 1, tcp }]), 'samples: needs at least two'],
  [() => api.health([socket, socket]), 'samples[0]: '],
  [() => api.health([2, 1].map(atMs => ({ atMs, tcp }))), 'samples: must follow each other in time'],
  [() => api.summarize(undefined), 'healths: needs a list, got undefined'],
  [() => api.summarize([{}]), 'healths[0]: '],
  [() => api.collector().add(snapshot, 1), 'sockets: '],
  [() => api.collector().add([], 'now'), 'atMs: '],
  [() => api.classicInput(undefined), 'tcp: '],
  [() => api.classicInput(tcp, '1'), 'durationMs: '],
  [() => api.classic(null), 'input: '],
  [
    () => api.classic({ rttMicros: '5' }),
    'input: needs the inputs of the formulas, as classicInput() gives them, but its rttMicros is "5"',
  ],
  [() => api.classic({ rtt: 5 }), 'input.rtt: '],
  [() => api.needs('tcp'), 'filter: '],
  [() => api.printFilter({}), 'filter: '],
  [() => api.compileFilter(7), 'filter: '],
  [() => api.kernelFilter('tcp'), 'filter: '],
  [() => api.kernelFilter(tree, { mark: true }), 'facts.mark: did you mean marks?'],
  [() => api.parseFilter(7), 'text: '],
  [() => api.parseFilter('tcp', null), 'options: '],
  [() => api.parseFilter('tcp', { famly: 'ipv4' }), 'options.famly: did you mean family?'],
  [() => api.parseFilter('tcp', { family: 4 }), 'options.family: '],
  [() => api.parseFilter('tcp', { service: 1 }), 'options.service: needs a function'],
  [() => api.nearest(7, []), 'word: '],
  [() => api.nearest('a'), 'words: '],
  [() => netstat.getSocketsInfo('4' as never, 1), 'addressFamilies: '],
  [() => netstat.getSocketsInfo(1, 8), 'protocols: '],
]

test('each starts with the name of the argument', async () => {
  const others: string[] = []
  for (const [call, requested] of wrong) {
    const error: unknown = await Promise.resolve()
      .then(call)
      .then(
        () => 'no error',
        (thrown: unknown) => thrown,
      )
    if (!(error instanceof TypeError && error.message.startsWith(requested)))
      others.push(`${String(call)} wants ${requested}\n    got ${String(error)}`)
  }
  deepEqual(others, [])
})

test('every function that is exported and takes an argument is in the table', () => {
  const called = wrong.map(([call]) => String(call)).join('\n')
  const missing = Object.entries(library).filter(([name, value]) => {
    const isError = typeof value === 'function' && value.prototype instanceof Error
    return typeof value === 'function' && !isError && !new RegExp(`\\b${name}\\b`).test(called)
  })
  // These take nothing.
  deepEqual(
    missing.map(([name]) => name),
    ['ephemeralPortRange', 'expectedWords', 'openSource', 'socketLimit'],
  )
})

test('what a source is asked is checked, too', async () => {
  const source = await library.openSource()
  try {
    await rejects(source.takeSnapshot(planQuery({ protocol: ['tcp'] } as never)), /^TypeError: query\.protocol: did you mean protocols\?/)
  } finally {
    source.close()
  }
})
