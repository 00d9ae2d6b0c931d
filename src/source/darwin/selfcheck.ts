// What this Mac reports, compared with what is known to be true of it: a connection of this program is looked up in every place, and the places
// must agree. The report is made to be mailed: it has no names, no addresses except those of the loopback, and no data of another program.

import { planQuery } from '../../filter/plan.ts'
import { createServer, connect, type Socket as NetSocket } from 'node:net'
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { viewOf } from '../../bytes/text.ts'
import type { Ability } from '../../model/ability.ts'
import type { Socket } from '../../model/socket.ts'
import { live } from '../tape.ts'
import type { Calls } from './kernel/calls.ts'
import { FlowCounter } from './events/counter.ts'
import { walkHolders } from './owners/holders.ts'
import { interfaces } from './host/interfaces.ts'
import { majorOf, readRelease } from './host/limits.ts'
import { SnapshotTaker } from './snapshot.ts'
import { nothingRequested } from './decode/requested.ts'
import { ProcessReader } from './processes/processes.ts'
import { readTable } from './decode/records.ts'
import { recordHead, tcpConnectionInfo, xinpgen, type TcpConnectionInfo } from './kernel/structs.ts'

const IPPROTO_TCP = 6
const TCP_CONNECTION_INFO = 0x106

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

/** How long each kind of record is; a longer one is newer and can be read as well. */
const records: Readonly<Record<number, readonly [string, number]>> = {
  0x1: ['xsocket_n', 76],
  0x2: ['xsockbuf_n', 32],
  0x4: ['xsockbuf_n', 32],
  0x8: ['xsockstat_n', 136],
  0x10: ['xinpcb_n', 104],
  0x20: ['xtcpcb_n', 204],
}

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
      found.push(check(name, false, `it failed: ${error instanceof Error ? error.message : String(error)}`))
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

const check = (name: string, works: boolean, text: string): Ability => ({
  name,
  works,
  text,
  help: works ? '' : 'please mail this report',
})

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
    check('framing', table.whole && table.incomplete === 0, `the table of TCP ends as it should: ${counts}`),
    ...Object.entries(records).map(([kind, [name, min]]) => {
      const length = lengths.get(Number(kind))
      return check(`record-${kind}`, length !== undefined && length >= min, `${name} has ${length ?? 'no'} bytes, at least ${min}`)
    }),
  ]
}

function ownerCheck(calls: Calls, client: Socket | undefined, pair: Pair): Ability {
  const self = calls.ownPid()
  const owners = client?.owners.map(o => `${o.pid === self ? 'own' : 'other'}/${o.fd ?? 'no descriptor'}`).join(', ')
  const works = client?.owners.some(o => o.pid === self && o.fd === pair.clientFd) ?? false
  return check(
    'owner',
    works && client?.detail?.fields?.lastUserPid === self,
    `the table and the walk of descriptors agree on the owner: ${owners}`,
  )
}

/** The table, the statistics control and net.inet.tcp.info against what the socket itself reports. */
function statisticsChecks(calls: Calls, client: Socket | undefined, pair: Pair): Ability[] {
  let t: TcpConnectionInfo
  try {
    t = tcpConnectionInfo.read(viewOf(calls.option(pair.clientFd, IPPROTO_TCP, TCP_CONNECTION_INFO, tcpConnectionInfo.size)))
  } catch (error) {
    return [
      check(
        'connection-info',
        false,
        `the socket does not report its statistics: ${error instanceof Error ? error.message : String(error)}`,
      ),
    ]
  }
  const tcp = client?.tcp
  const near = (a: number | undefined, b: number): boolean => a !== undefined && Math.abs(a - b) <= Math.max(2000, b / 2)
  return [
    check('state', t.tcpi_state === 4, `the socket reports state ${t.tcpi_state}; 4 is ESTABLISHED`),
    check('mss', tcp?.sendMssBytes === t.tcpi_maxseg, `segments of ${tcp?.sendMssBytes} bytes; the socket reports ${t.tcpi_maxseg}`),
    check(
      'cwnd',
      tcp?.congestionWindowBytes === t.tcpi_snd_cwnd,
      `a window of ${tcp?.congestionWindowBytes} bytes; the socket reports ${t.tcpi_snd_cwnd}`,
    ),
    check(
      'rtt',
      near(tcp?.rttMicros ?? 0, t.tcpi_srtt * 1000),
      `a round trip of ${tcp?.rttMicros ?? 0} µs; the socket reports ${t.tcpi_srtt} ms`,
    ),
    check('sent', t.tcpi_txbytes === pair.bytes, `the socket counts ${t.tcpi_txbytes} bytes sent; in truth ${pair.bytes}`),
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
  const started = own?.startedAtMs === undefined ? undefined : Date.now() - process.uptime() * 1000 - own.startedAtMs
  return [
    check(
      'process',
      own !== undefined && basename(own.exe ?? '') === basename(process.execPath),
      'the own process has the name of its file',
    ),
    check('identity', /^\d+\.\d+$/.test(own?.key ?? ''), 'the own process has an identity that is never used again'),
    check(
      'start',
      started !== undefined && Math.abs(started) < 60_000,
      `the start of the own process is off by ${Math.round(started ?? 0)} ms`,
    ),
    check(
      'walk',
      walk.read.has(self),
      `${walk.read.size} of ${walk.pids.length} processes can be read, ${walk.held.length} sockets in them`,
    ),
    check('loopback', loopback.length > 0, `${loopback.length} loopback interfaces`),
  ]
}

/** The control reports the final counts of a connection that closed. */
async function closingCheck(snapshots: SnapshotTaker, counter: FlowCounter, pair: Pair): Promise<Ability> {
  for (let tries = 0; tries < 20; tries++) {
    await snapshots.takeSnapshot(planQuery({ protocols: ['tcp'], details: ['tcp'], owners: false }))
    const last = counter.take().closings.find(c => c.socket.local.port === pair.clientPort)
    if (last !== undefined) {
      return check(
        'closing',
        last.counts.nstat_txbytes === pair.bytes,
        `the final count is ${last.counts.nstat_txbytes} bytes; it was ${pair.bytes}`,
      )
    }
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
