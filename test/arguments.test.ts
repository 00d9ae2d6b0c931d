// Every wrong call of the library throws at the call, before anything is opened or awaited: a TypeError that starts with the name of the argument.
import { after, before, test } from 'node:test'
import { deepEqual, rejects } from 'node:assert/strict'
import * as classic from '../src/classic.ts'
import * as filter from '../src/filter.ts'
import * as health from '../src/health.ts'
import * as main from '../src/index.ts'
import * as netstat from '../src/netstat.ts'
import * as netwatch from '../src/netwatch.ts'

/** Every sub-path of the package. */
const library = { ...classic, ...filter, ...health, ...main, ...netstat, ...netwatch }
// oxlint-disable-next-line typescript/no-explicit-any -- the calls are wrong on purpose
const api = library as any
// oxlint-disable-next-line typescript/no-explicit-any -- the calls are wrong on purpose
let machine: any
before(async () => (machine = await main.openMachine({ recording: 'test/golden/linux.recording' })))
after(() => machine.close())
const tcp = { retransmittedSegments: 1 }
const socket = { key: 'k', protocol: 'tcp', family: 'ipv4', owners: [], local: {}, tcp }
const process_ = { key: 'k', pid: 1, name: 'a' }
const snapshot = { sockets: [], processes: new Map(), gaps: [] }
const flows = { total: {}, sockets: [], processes: [] }
const row = { process_name: 'a', pid: 1 }

/** The call, and the start of its error message. */
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
      () => api.ports(query),
      () => api.planQuery(query),
      () => machine.snapshot(query),
      () => machine.ports(query),
      () => machine.stats(query),
      () => machine.closePlan(query),
    ]
    return calls.map(call => [call, text as string] as const)
  }),
  ...[
    [{ protocol: ['tcp'] }, 'options.protocol: did you mean protocols?'],
    [{ ownres: true }, 'options.ownres: did you mean owners?'],
    [{ query: {} }, 'options.query: '],
    [{ protocols: ['http'] }, 'query.protocols: "http" is not one of'],
    [{ owners: 1 }, 'query.owners: '],
    [{ filter: 7 }, 'query.filter: '],
    [{ signal: {} }, 'signal: needs an AbortSignal, but its aborted is undefined'],
    [{ signal: 0 }, 'signal: needs an AbortSignal, got 0'],
    [null, 'options: needs an object, got null'],
  ].flatMap(([options, text]) => {
    const calls = [
      () => api.watch(options),
      () => api.events(options),
      () => api.explain(options),
      () => api.processBandwidth(options),
      () => machine.watch(options),
      () => machine.events(options),
      () => machine.explain(options),
    ]
    return calls.map(call => [call, text as string] as const)
  }),
  [() => api.watch({ evry: 1 }), 'options.evry: did you mean every?'],
  [() => api.watch({ every: 0 }), 'every: needs milliseconds above 0, got 0'],
  [() => api.watch({ every: '1s' }), 'every: needs milliseconds above 0, got "1s"'],
  [() => api.watch({ flows: 1 }), 'flows: needs true or false, got 1'],
  [() => api.events({ evry: 1 }), 'options.evry: did you mean every?'],
  [() => api.events({ every: -1 }), 'every: '],
  [() => api.explain({ four: 1 }), 'options.four: did you mean for?'],
  [() => api.explain({ for: 0 }), 'for: '],
  [() => api.processBandwidth({ maximum: 1 }), 'options.maximum: '],
  [() => api.processBandwidth({ max: -1 }), 'max: needs a whole number from 0, got -1'],
  [() => api.processBandwidth({ every: 0 }), 'every: '],
  [() => api.instrument(1, { evry: 1 }), 'options.evry: did you mean every?'],
  [() => api.instrument(1, { every: 0 }), 'every: '],
  [() => api.instrument('x'), 'target: needs a net.Socket'],
  [() => api.socketStat('x'), 'target: needs a net.Socket'],
  [() => api.socketStat(-1), 'target: a descriptor needs a whole number'],
  [() => api.port('http'), 'port: "http" is not a port'],
  [() => api.port(70_000), 'port: needs a port from 1 to 65535'],
  [() => api.port([{ first: 1 }]), 'port: '],
  [() => api.portOwner('80'), 'port: needs a number, got "80"'],
  [() => api.portOwner(0), 'port: '],
  [() => machine.port({}), 'port: '],
  [() => machine.portOwner(), 'port: '],
  [() => machine.pid(0), 'process: needs a pid above 0 or the name of a process, got 0'],
  [() => machine.pid({ pid: 1 }), 'process: '],
  [() => machine.killPlan(), 'options: '],
  [() => machine.killPlan({}), 'ports: '],
  [() => machine.killPlan({ ports: 80, client: true }), 'options.client: did you mean clients?'],
  [() => machine.killPlan({ ports: 80, tree: 1 }), 'tree: needs true or false, got 1'],
  [() => machine.closeSocket(7), 'socket: '],
  [() => machine.shutdownSocket({}), 'socket: '],
  [() => machine.signalProcess(process_, 'SIGTERM'), 'signal: '],
  [() => api.closeSocket(7), 'socket: needs a socket of a snapshot, got 7'],
  [() => api.closeSocket({ key: 'k' }), 'socket: needs a socket of a snapshot, but its protocol is undefined'],
  [() => api.shutdownSocket(), 'socket: '],
  [() => api.signalProcess({ pid: 1 }), 'process: needs a process of a snapshot, but its key is undefined'],
  [() => api.signalProcess({ ...process_, pid: 0 }), 'process: '],
  [() => api.signalProcess(process_, 'SIGTERM'), 'signal: '],
  [() => api.openMachine(null), 'options: needs an object, got null'],
  [() => api.openMachine({ record: 'a', recording: 'b' }), 'options: recording and record exclude each other'],
  [() => api.openMachine({ recording: '' }), 'recording: needs the path of a file'],
  [() => api.openMachine({ record: 7 }), 'record: needs the path of a file'],
  [() => api.openMachine({ record: '/tmp/x', keepArguments: true }), 'options.keepArguments: did you mean keepsArguments?'],
  [() => api.openMachine({ record: '/tmp/x', keepsArguments: 1 }), 'keepsArguments: needs true or false, got 1'],
  [() => api.freePort({ protcol: 'tcp' }), 'options.protcol: did you mean protocol?'],
  [() => api.freePort({ protocol: 'sctp' }), 'options.protocol: '],
  [() => api.freePort({ from: 7 }), 'options.from: '],
  [() => api.freePort({ from: '0' }), 'options.from: '],
  [() => api.isPortAvailable('80'), 'port: '],
  [() => api.isPortAvailable(80, { from: '1-2' }), 'options.from: unknown key; expected one of protocol, host'],
  [() => api.isPortAvailable(80, { host: 7 }), 'options.host: '],
  [() => api.parsePorts(80), 'ports: '],
  [() => api.compareSockets([socket]), 'after: needs a list, got undefined'],
  [() => api.compareSockets(snapshot, [socket]), 'before: needs a list, got an object'],
  [() => api.compareSockets([socket, {}], []), 'before[1]: needs a socket of a snapshot, but its key is undefined'],
  [() => api.compareSockets([], [null]), 'after[0]: needs a socket of a snapshot, got null'],
  [() => api.ledger(undefined, []), 'flows: '],
  [() => api.ledger(flows, {}), 'interfaces: needs a list'],
  [() => api.ledger(flows, [{}]), 'interfaces[0]: '],
  [() => api.ledger(flows, [], '1'), 'unsureBytes: '],
  [() => api.flowMeter().take(socket, [], 1), 'snapshot: needs a snapshot, as sockets() returns it, but its sockets is undefined'],
  [() => api.flowMeter().take(snapshot, 1), 'closed: '],
  [() => api.flowMeter().take(snapshot, [], '1'), 'intervalMs: '],
  [() => api.interfaceMeter().take(snapshot), 'interfaces: '],
  [() => api.interfaceMeter().take([], '1'), 'intervalMs: '],
  [() => api.attribute(snapshot, [], 1), 'connections: '],
  [() => api.attribute([socket], [], 1), 'connections[0]: needs a connection, as connectionDetails() gives it'],
  [() => api.attribute([], [{}], 1), 'interfaces[0]: '],
  [() => api.attribute([], []), 'max: '],
  [() => api.connectionDetails([]), 'snapshot: '],
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
  [() => api.parseFilter(7), 'text: '],
  [() => api.parseFilter('tcp', null), 'options: '],
  [() => api.parseFilter('tcp', { famly: 'ipv4' }), 'options.famly: did you mean family?'],
  [() => api.parseFilter('tcp', { family: 4 }), 'options.family: '],
  [() => api.parseFilter('tcp', { service: 1 }), 'options.service: needs a function'],
  [() => api.declareField('socket', 7), 'declaration: '],
  [() => api.declareField('sockets', {}), 'subject: "sockets" is not one of socket, '],
  [() => api.getSocketsInfo('4', 1), 'addressFamilies: '],
  [() => api.getSocketsInfo(1, 8), 'protocols: '],
  [() => api.iterateSocketsInfo('4', 1), 'addressFamilies: '],
  [() => api.iterateSocketsInfoWithoutPids(1, 8), 'protocols: '],
  [() => api.socketInfo({}), 'socket: '],
  [() => api.socketInfo({ protocol: 'unix', owners: [], local: {} }), 'socket: needs a TCP or UDP socket, got one of unix'],
]

test('each throws at once, and starts with the name of the argument', () => {
  const others: string[] = []
  for (const [call, expected] of wrong) {
    let error: unknown = 'no error at the call'
    try {
      const pending: unknown = call()
      if (pending instanceof Promise) pending.catch(() => undefined)
    } catch (thrown) {
      error = thrown
    }
    if (!(error instanceof TypeError && error.message.startsWith(expected)))
      others.push(`${String(call)} should throw ${expected}\n    got ${String(error)}`)
  }
  deepEqual(others, [])
})

const called = wrong.map(([call]) => String(call)).join('\n')

test('every function that is exported and takes an argument is in the table', () => {
  const missing = Object.entries(library).filter(
    ([name, value]) => typeof value === 'function' && !/^[A-Z]/.test(name) && !new RegExp(`\\b(?:api|machine)\\.${name}\\b`).test(called),
  )
  deepEqual(missing.map(([name]) => name).sort(), ['ephemeralPortRange', 'expectedWords', 'socketLimit'], 'these take nothing')
})

test('every method of a machine that takes an argument is in the table, or is a function that is', () => {
  const names = Object.getOwnPropertyNames(main.Machine.prototype).filter(name => name !== 'constructor')
  const missing = names.filter(name => !new RegExp(`\\b(?:api|machine)\\.${name}\\b`).test(called))
  const nothing = ['processes', 'interfaces', 'limits', 'counters', 'abilities', 'ephemeralPortRange', 'socketLimit', 'close', 'monitor']
  deepEqual(missing.sort(), [...nothing, 'stat'].sort(), 'these take nothing to check; stat is socketStat')
})

test('what a source is asked is checked, too', async () => {
  const { source } = await main.openMachine()
  try {
    await rejects(source.takeSnapshot({ protocol: ['tcp'] } as never), /^TypeError: plan: needs a plan, as planQuery\(\) returns it/)
  } finally {
    source.close()
  }
})
