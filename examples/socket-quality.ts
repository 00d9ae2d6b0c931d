// Every TCP and UDP socket, with the statistics and the classic quality of each connection.
import { sockets, type Endpoint, type Socket } from 'sockscope'
import { classic, classicInput } from 'sockscope/classic'

const snapshot = await sockets({ details: ['tcp'] })
const tcp = snapshot.sockets.filter(s => s.protocol === 'tcp')
const udp = snapshot.sockets.filter(s => s.protocol === 'udp')

const end = (e: Endpoint | undefined): string => `${e?.address ?? '*'}:${e?.port ?? '*'}`
const pid = (s: Socket): string => String(s.owners[0]?.pid ?? '-')
const name = (s: Socket): string => snapshot.processes.get(s.owners[0]?.pid ?? -1)?.name ?? `(${s.ownerless ?? 'unknown'})`
const row = (...cells: string[]): void => console.log(cells.map((cell, i) => cell.padEnd([25, 25, 15, 10][i] ?? 0)).join(' '))
const percent = (value: number | undefined, digits: number): string => (value === undefined ? 'unknown' : `${value.toFixed(digits)}%`)

console.log(`=== Socket Information ===\n\nFound ${snapshot.sockets.length} sockets\n\nTCP Sockets (${tcp.length}):`)
row('Local Address', 'Remote Address', 'State', 'PID', 'Process')
for (const socket of tcp) {
  row(end(socket.local), end(socket.remote), socket.state ?? '', pid(socket), name(socket))
  if (socket.tcp === undefined) continue
  const { rttMicros, congestionWindowSegments, retransmittedSegments } = socket.tcp
  const { score, packetLossPercent, bufferBloat } = classic(classicInput(socket.tcp))
  console.log(`  └─ Stats: RTT=${rttMicros ?? '?'}µs, CWnd=${congestionWindowSegments ?? '?'}, Retransmits=${retransmittedSegments ?? '?'}`)
  console.log(`  └─ Quality: ${percent(score && score * 100, 1)}, Packet Loss: ${percent(packetLossPercent, 2)}`)
  if (bufferBloat === true)
    console.log('  └─ Round trips take more than 1.5 times the lowest (sockscope explain says whether that is a queue)')
}

console.log(`\nUDP Sockets (${udp.length}):`)
row('Local Address', 'Remote Address', 'PID', 'Process')
for (const socket of udp) row(end(socket.local), end(socket.remote), pid(socket), name(socket))

console.log('\nListening TCP Sockets:')
for (const s of tcp) if (s.state === 'LISTEN') console.log(`  - ${end(s.local)} (PID: ${pid(s)}, Process: ${name(s)})`)
for (const gap of snapshot.gaps) console.log(`\nNot seen: ${gap.text}`)
