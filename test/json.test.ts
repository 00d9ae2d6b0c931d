// Everything that the library gives survives JSON: what is read back is what was given, but for members that are undefined.
import { after, before, test } from 'node:test'
import { ok } from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { classic, classicInput } from '../src/classic.ts'
import { needs as needsOf, parseFilter, parsePorts } from '../src/filter.ts'
import { collector, flowMeter, health, interfaceMeter, ledger, sampleOf, summarize } from '../src/health.ts'
import * as library from '../src/index.ts'
import { getSocketsInfo } from '../src/netstat.ts'
import { attribute, connectionDetails, processBandwidth, ProcessBandwidthTracker, withDetails } from '../src/netwatch.ts'
import { needs } from './needs.ts'
import { survivesJson } from './snapshots.ts'

let server: Server, client: Socket, machine: library.Machine
let port = 0
before(async () => {
  server = createServer(socket => socket.pipe(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
  client = connect(port, '127.0.0.1')
  await once(client, 'connect')
  machine = await library.openMachine()
})
after(async () => {
  await machine.close()
  client.destroy()
  server.close()
})

/** The first values of something that repeats, while data goes through the connection. */
async function some<T>(all: AsyncIterable<T>, count: number): Promise<T[]> {
  const found: T[] = []
  for await (const one of all) {
    client.write('hello')
    if (found.push(one) === count) break
  }
  return found
}
function openAndClose(): void {
  const short = connect(port, '127.0.0.1', () => short.destroy())
}
const everything = { protocols: ['tcp', 'udp', 'unix'], details: ['bytes', 'tcp', 'memory', 'options', 'cgroup'] } as const
const ours = {
  protocols: ['tcp'],
  details: ['bytes', 'tcp'],
  filter: s => s.local.port === port || s.remote?.port === port,
} as library.Query
const following = { ...ours, every: 50 }

const given: Readonly<Record<string, () => unknown>> = {
  sockets: () => library.sockets(everything),
  ports: () => library.ports(),
  port: () => library.port(port),
  portOwner: () => library.portOwner(port),
  freePort: () => library.freePort(),
  isPortAvailable: () => library.isPortAvailable(port),
  ephemeralPortRange: () => library.ephemeralPortRange(),
  socketLimit: () => library.socketLimit(),
  socketStat: () => library.socketStat(client),
  explain: () => library.explain({ ...ours, for: 200 }),
  watch: () => some(library.watch({ ...following, flows: true, events: true, health: true, use: true, counters: true, limits: true }), 3),
  events: () => some(library.events({ every: 50, protocols: ['tcp'], signal: AbortSignal.timeout(300) }), 1),
  instrument: () => some(library.instrument(client, { every: 50 }), 2),
  compareSockets: async () => library.compareSockets([], (await library.sockets(ours)).sockets),
  'machine.snapshot': () => machine.snapshot({ ...everything, namespaces: 'all' }),
  'machine.pid': () => machine.pid(process.pid),
  'machine.stats': () => machine.stats(),
  'machine.killPlan': () => machine.killPlan({ ports: port, clients: true, tree: true }),
  'machine.closePlan': () => machine.closePlan(ours),
  'machine.processes': () => machine.processes(),
  'machine.interfaces': () => machine.interfaces(),
  'machine.limits': () => machine.limits(),
  'machine.counters': () => machine.counters(),
  'machine.abilities': () => machine.abilities(),
  'parseFilter and needs': () => [parseFilter('rtt > 5ms and not src 10.0.0.0/8'), needsOf(parseFilter('process:/^n/'))],
  parsePorts: () => parsePorts('80,443'),
  getSocketsInfo: async () => [...(await getSocketsInfo(3, 3))],
  processBandwidth: () => some(processBandwidth(following), 2),
  'netwatch by hand': async () => {
    const connections = connectionDetails(await library.sockets(ours))
    const rows = new ProcessBandwidthTracker().sample(connections, 5)
    return [connections, rows, attribute(connections, [{ rx_bytes: 9, tx_bytes: 9 }], 5), withDetails(rows, new Map())]
  },
  'health by hand': async () => {
    const [before, after] = (await some(library.watch(following), 2)) as [library.Frame, library.Frame]
    const [first, second] = [before, after].map((frame, i) => frame.sockets.map(socket => sampleOf(socket, i * 50)))
    const judged = collector()
    judged.add(before.sockets, 0)
    judged.add(after.sockets, 50)
    const flows = flowMeter()
    flows.take(before, [], undefined)
    const moved = flows.take(after, [], 50)!
    const interfaces = interfaceMeter()
    interfaces.take(await machine.interfaces(), undefined)
    const carried = interfaces.take(await machine.interfaces(), 50)
    const one = health([first!.find(Boolean)!, second!.find(Boolean)!])
    const statistics = after.sockets.find(socket => socket.tcp !== undefined)!.tcp!
    return [judged.judge(), one, summarize([one]), moved, carried, ledger(moved, carried), classic(classicInput(statistics))]
  },
}

for (const [name, give] of Object.entries(given)) {
  test(name, needs('linux'), async () => {
    // Events come when something opens.
    const opened = name === 'events' ? setInterval(openAndClose, 20) : undefined
    try {
      survivesJson(await give())
    } finally {
      clearInterval(opened)
    }
  })
}

test('processes are in the JSON of a snapshot', needs('linux'), async () => {
  const { processes } = JSON.parse(JSON.stringify(await library.sockets(ours))) as { processes: library.Process[] }
  ok(processes.some(({ pid }) => pid === process.pid))
})
