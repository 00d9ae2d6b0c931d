// What a frame of 10,000 sockets costs on the wire: whole, and as a delta of which 100 have changed. `npm run bench wire`.
import { ProcessTable } from '../src/model/process.ts'
import type { Frame } from '../src/model/frame.ts'
import type { Socket } from '../src/model/socket.ts'
import { textOf } from '../src/wire/document.ts'
import { FrameDecoder, FrameEncoder } from '../src/wire/frame.ts'
import { aProcess, aSocket, someTcp } from '../test/sockets.ts'

const [count, changing, rounds] = [10_000, 100, 15]
const processes = new ProcessTable(Array.from({ length: 200 }, (_, pid) => [pid, aProcess({ pid, key: `${pid}.1`, exe: '/usr/bin/node' })]))

/** A socket as a snapshot makes it: a new object each time, with other counters when it is one of those that changed. */
function socketAt(i: number, round: number, details: boolean): Socket {
  const step = (i + round * 7) % (count / changing) === 0 ? round : 0
  const bytes = i * 100 + step * 1500
  return aSocket({
    key: `${i}.4026531840`,
    local: { address: `10.0.${i % 256}.1`, port: 1024 + (i % 60_000) },
    remote: { address: `192.168.${i % 256}.${i % 200}`, port: i % 1000 },
    owners: [{ pid: i % 200, fd: i }],
    uid: 1000,
    inode: 100_000 + i,
    queues: { receivedBytes: step, sendBytes: 0, backlog: undefined, backlogLimit: undefined },
    ...(details && {
      tcp: someTcp({
        rttMicros: 900 + step,
        rttVarianceMicros: 40,
        congestionControl: 'cubic',
        congestionWindowSegments: 10,
        sendMssBytes: 1448,
        sentBytes: bytes,
        ackedBytes: bytes,
        receivedBytes: bytes,
        sentSegments: i + step,
        receivedSegments: i + step,
        retransmittedBytes: 0,
      }),
    }),
  })
}

function frameAt(round: number, details: boolean): Frame {
  return {
    atMs: 1_700_000_000_000 + round * 1000,
    source: 'linux',
    sockets: Array.from({ length: count }, (_, i) => socketAt(i, round, details)),
    processes,
    gaps: [],
    sequence: round,
    intervalMs: 1000,
    opened: [],
    closed: [],
    changed: [],
    events: [],
    coverage: { tier: 'bpf', opens: ['tcp'], ends: ['tcp'], lost: 0 },
    host: undefined,
    skipped: 0,
  }
}

const least = (times: readonly number[]): string => `${Math.min(...times).toFixed(1)} ms`.padStart(9)
for (const details of [false, true]) {
  const times = { whole: [] as number[], readWhole: [] as number[], delta: [] as number[], readDelta: [] as number[] }
  const timed = <T>(name: keyof typeof times, act: () => T): T => {
    const start = performance.now()
    const done = act()
    times[name].push(performance.now() - start)
    return done
  }
  let [whole, delta] = ['', '']
  for (let round = 1; round < rounds * 2; round += 2) {
    const [first, second] = [frameAt(round, details), frameAt(round + 1, details)]
    const [encoder, decoder] = [new FrameEncoder('bench', undefined), new FrameDecoder()]
    whole = timed('whole', () => textOf(encoder.write(first)))
    timed('readWhole', () => decoder.read(whole))
    delta = timed('delta', () => textOf(encoder.write(second)))
    timed('readDelta', () => decoder.read(delta))
  }
  const size = (text: string): string => `${(text.length / 1000).toFixed(1)} kB`.padStart(10)
  console.log(`${count} sockets${details ? ' with TCP statistics' : ''}, ${changing} to ${changing * 2} changed`)
  console.log(`  whole ${size(whole)}  written in ${least(times.whole)}  read in ${least(times.readWhole)}`)
  console.log(`  delta ${size(delta)}  written in ${least(times.delta)}  read in ${least(times.readDelta)}`)
}
