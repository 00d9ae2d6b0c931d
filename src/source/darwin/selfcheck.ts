// What this Mac reports, compared with what is known to be true of it: a connection of this program is looked up in every place, and the places
// must agree. The report is made to be mailed: it has no names, no addresses except those of the loopback, and no data of another program.

import { planQuery } from '../../filter/plan.ts'
import { createServer, connect, type Socket as NetSocket } from 'node:net'
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Struct } from '../../bytes/struct.ts'
import { viewOf } from '../../bytes/text.ts'
import type { Ability } from '../../model/ability.ts'
import type { Socket } from '../../model/socket.ts'
import { lacks, works } from '../abilities.ts'
import { live } from '../tape.ts'
import type { Calls } from './kernel/calls.ts'
import { readConnection } from './byfd/stat.ts'
import { FlowCounter } from './events/counter.ts'
import { walkHolders } from './owners/holders.ts'
import { interfaces } from './host/interfaces.ts'
import { majorOf, readRelease } from './host/limits.ts'
import { SnapshotTaker } from './snapshot.ts'
import { nothingRequested } from './decode/requested.ts'
import { ProcessReader } from './processes/processes.ts'
import { readTable } from './decode/records.ts'
import { recordHead, xinpcbN, xinpgen, xsockbufN, xsocketN, xsockstatN, xtcpcbN, type TcpConnectionInfo } from './kernel/structs.ts'

/** A connection with both ends in this process. */
export interface Pair {
  readonly clientPort: number
  readonly serverPort: number
  /** The descriptor of the end that connected. */
  readonly clientFd: number
  /** What the client sent, and the server received. */
  readonly bytes: number
  close(): void
}

/** The records of the table of TCP by their kind; a longer one is newer and can be read as well. */
const records: readonly (readonly [number, Pick<Struct<unknown>, 'name' | 'size'>])[] = [
  [0x1, xsocketN],
  [0x2, xsockbufN],
  [0x4, xsockbufN],
  [0x8, xsockstatN],
  [0x10, xinpcbN],
  [0x20, xtcpcbN],
]

/** Checks everything. `opens` makes the connection that is looked up. What fails is a line of the report, never an exception. */
export async function selfCheck(calls: Calls, opens: () => Promise<Pair> = loopbackPair): Promise<readonly Ability[]> {
  const counter = new FlowCounter(live, calls, { keepsClosings: true })
  const snapshots = new SnapshotTaker(live, calls, 'darwin', counter)
  const pair = await opens()
  const found: Ability[] = []
  const group = async (name: string, checks: () => readonly Ability[] | Promise<readonly Ability[]>): Promise<void> => {
    try {
      found.push(...(await checks()))
    } catch (error) {
      found.push(check(name, false, `it failed: ${messageOf(error)}`))
    }
  }
  try {
    const release = await readRelease(live, calls)
    const facts = `Darwin ${release ?? 'unknown'}, ${process.arch}, node ${process.version}, uid ${calls.ownUid()}`
    found.push(check('version', majorOf(release) !== undefined, facts))
    await group('records', () => recordChecks(calls))
    await group('snapshot', async () => snapshotChecks(calls, snapshots, pair))
    await group('processes', () => processChecks(calls))
    pair.close()
    await group('closing', async () => [await closingCheck(snapshots, counter, pair)])
    return found
  } finally {
    pair.close()
    counter.close()
  }
}

/** The connection in the table, in the walk, in the counts, and as the socket itself reports it. */
async function snapshotChecks(calls: Calls, snapshots: SnapshotTaker, pair: Pair): Promise<readonly Ability[]> {
  const query = { protocols: ['tcp'], details: ['tcp'] } as const
  await snapshots.takeSnapshot(planQuery(query)) // This opens the connection to the statistics control.
  const snapshot = await snapshots.takeSnapshot(planQuery(query))
  const ends = (local: number, remote: number): Socket | undefined =>
    snapshot.sockets.find(s => s.local.port === local && s.remote?.port === remote && s.state === 'ESTABLISHED')
  const client = ends(pair.clientPort, pair.serverPort)
  const server = ends(pair.serverPort, pair.clientPort)
  return [
    check('table', client !== undefined && server !== undefined, 'both ends of an own connection are listed as ESTABLISHED'),
    ownerCheck(calls, client, pair),
    bytesCheck('bytes-sent', client?.traffic?.accuracy, client?.traffic?.outBytes, pair.bytes),
    bytesCheck('bytes-received', server?.traffic?.accuracy, server?.traffic?.inBytes, pair.bytes),
    ...snapshot.gaps.map(g => check(`gap-${g.what}`, false, g.text)),
    ...statisticsChecks(calls, client, pair),
  ]
}

const check = (name: string, isRight: boolean, text: string): Ability =>
  isRight ? works(name, text) : lacks(name, text, 'please mail this report')

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Every record of the table has a known length, or more. */
function recordChecks(calls: Calls): Ability[] {
  const { bytes, announced } = calls.sysctl('net.inet.tcp.pcblist_n')
  const view = viewOf(bytes)
  const lengths = new Map<number, number>()
  for (let at = xinpgen.size; at + recordHead.size <= bytes.length;) {
    const { len, kind } = recordHead.read(view, at)
    if (len <= xinpgen.size) break
    lengths.set(kind, len)
    at += Math.ceil(len / 8) * 8
  }
  const table = readTable(bytes)
  const counts = `${table.sockets.length} of ${table.header.xig_count} sockets, ${bytes.length} of ${announced} bytes`
  return [
    check('framing', table.isComplete && table.incomplete === 0, `the table of TCP ends as it should: ${counts}`),
    ...records.map(([kind, { name, size }]) => {
      const length = lengths.get(kind) ?? 0
      return check(`record-${kind}`, length >= size, `${name} has ${length || 'no'} bytes, at least ${size}`)
    }),
  ]
}

function ownerCheck(calls: Calls, client: Socket | undefined, pair: Pair): Ability {
  const self = calls.ownPid()
  const owners = client?.owners.map(o => `${o.pid === self ? 'own' : 'other'}/${o.fd ?? 'no descriptor'}`).join(', ')
  const isHeld = client?.owners.some(o => o.pid === self && o.fd === pair.clientFd) ?? false
  const agree = isHeld && client?.detail?.fields?.lastUserPid === self
  return check('owner', agree, `the table and the walk of descriptors agree on the owner: ${owners}`)
}

/** The table, the statistics control and net.inet.tcp.info against what the socket itself reports. */
function statisticsChecks(calls: Calls, client: Socket | undefined, pair: Pair): Ability[] {
  let t: TcpConnectionInfo
  try {
    t = readConnection(calls, pair.clientFd)
  } catch (error) {
    return [check('connection-info', false, `the socket does not report its statistics: ${messageOf(error)}`)]
  }
  const tcp = client?.tcp
  const [cwnd, rtt] = [tcp?.congestionWindowBytes, tcp?.rttMicros ?? 0]
  const near = (a: number, b: number): boolean => Math.abs(a - b) <= Math.max(2000, b / 2)
  return [
    check('state', t.tcpi_state === 4, `the socket reports state ${t.tcpi_state}; 4 is ESTABLISHED`),
    check('mss', tcp?.sendMssBytes === t.tcpi_maxseg, `segments of ${tcp?.sendMssBytes} bytes; the socket reports ${t.tcpi_maxseg}`),
    check('cwnd', cwnd === t.tcpi_snd_cwnd, `a window of ${cwnd} bytes; the socket reports ${t.tcpi_snd_cwnd}`),
    check('rtt', near(rtt, t.tcpi_srtt * 1000), `a round trip of ${rtt} µs; the socket reports ${t.tcpi_srtt} ms`),
    check('sent', t.tcpi_txbytes === pair.bytes, `the socket counts ${t.tcpi_txbytes} bytes sent; it was ${pair.bytes}`),
    check('tcp-info', tcp?.negotiated !== undefined, 'net.inet.tcp.info reports the own connection'),
  ]
}

const bytesCheck = (name: string, kind: string | undefined, counted: number | undefined, truth: number): Ability =>
  check(name, kind === 'exact' && counted === truth, `counted ${counted ?? 'nothing'} (${kind ?? 'unknown'}); it was ${truth}`)

async function processChecks(calls: Calls): Promise<Ability[]> {
  const self = calls.ownPid()
  const own = await new ProcessReader(live, calls).one(self)
  const walk = await walkHolders(live, calls, nothingRequested)
  const loopback = interfaces(live, calls).filter(i => i.loopback && i.up)
  const lateMs = Date.now() - process.uptime() * 1000 - (own?.startedAtMs ?? 0)
  const isNamed = own !== undefined && basename(own.exe ?? '') === basename(process.execPath)
  const readable = `${walk.read.size} of ${walk.pids.length} processes can be read, ${walk.held.length} sockets in them`
  return [
    check('process', isNamed, 'the own process has the name of its file'),
    check('identity', /^\d+\.\d+$/.test(own?.key ?? ''), 'the own process has an identity that is never used again'),
    check('start', Math.abs(lateMs) < 60_000, `the start of the own process is off by ${Math.round(lateMs)} ms`),
    check('walk', walk.read.has(self), readable),
    check('loopback', loopback.length > 0, `${loopback.length} loopback interfaces`),
  ]
}

/** The control reports the final counts of a connection that closed. */
async function closingCheck(snapshots: SnapshotTaker, counter: FlowCounter, pair: Pair): Promise<Ability> {
  for (let tries = 0; tries < 20; tries++) {
    await snapshots.takeSnapshot(planQuery({ protocols: ['tcp'], details: ['tcp'], owners: false }))
    const sent = counter.take().closings.find(c => c.socket.local.port === pair.clientPort)?.counts.nstat_txbytes
    if (sent !== undefined) return check('closing', sent === pair.bytes, `the final count is ${sent} bytes; it was ${pair.bytes}`)
    await sleep(50)
  }
  return check('closing', false, 'no final counts came for a connection that was closed')
}

const message = Buffer.alloc(1234, 'sockscope')

/** Opens a connection over loopback, and sends a known number of bytes through it. */
export function loopbackPair(): Promise<Pair> {
  return new Promise((resolve, reject) => {
    const sockets: NetSocket[] = []
    const close = (): void => {
      for (const socket of sockets) socket.destroy()
      server.close()
    }
    const server = createServer(accepted => {
      sockets.push(accepted)
      let received = 0
      accepted.on('data', part => {
        received += part.length
        if (received < message.length) return
        const fd = (client as unknown as { _handle?: { fd?: number } })._handle?.fd ?? -1
        resolve({ clientPort: client.localPort!, serverPort: client.remotePort!, clientFd: fd, bytes: received, close })
      })
    })
    let client: NetSocket
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      client = connect({ port: typeof address === 'object' ? address!.port : 0, host: '127.0.0.1' }, () => client.write(message))
      client.on('error', reject)
      sockets.push(client)
    })
  })
}
