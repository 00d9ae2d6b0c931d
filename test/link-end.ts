// One end of the links of quality.test.ts: a server with known behaviour, or a client that does one thing, measures itself and prints its health.
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import koffi from 'koffi'
import { health, type Health, type Sample } from '../src/health.ts'
import { instrument, socketStat } from '../src/index.ts'

const fdOf = (socket: Socket): number => (socket as unknown as { _handle: { fd: number } })._handle.fd

/** The behaviours of a server. */
const manners: Record<string, (socket: Socket) => void> = {
  read: s => s.resume().on('end', () => s.end()),
  stop: s => s.pause(),
  reset: s => s.once('data', () => s.resetAndDestroy()),
  half: s => s.end(),
  /** Answers each 200 bytes. */
  answer(s) {
    let bytes = 0
    s.on('data', (part: Buffer) => {
      for (bytes += part.length; bytes >= 200; bytes -= 200) s.write('answer')
    })
  },
}

async function serve(names: readonly string[]): Promise<void> {
  // It ends with its parent.
  process.stdin.on('end', () => process.exit()).resume()
  const ports: number[] = []
  for (const name of names) {
    const server = createServer({ allowHalfOpen: true }, socket => manners[name]!(socket.on('error', () => {})))
    server.listen(0, '0.0.0.0', 511)
    await once(server, 'listening')
    ports.push((server.address() as AddressInfo).port)
  }
  process.stdout.write(`${JSON.stringify(ports)}\n`)
}

const setsockopt = koffi.load(null).func('int setsockopt(int fd, int level, int name, const void *value, uint32_t length)')

function set(socket: Socket, level: number, name: number, value: Uint8Array): void {
  if (setsockopt(fdOf(socket), level, name, value, value.length) !== 0) throw new Error(`setsockopt ${level} ${name}`)
}

/** BBR, the default of some systems, keeps queues short and tolerates losses: so each connection sets its congestion control. */
async function open(host: string, port: number, congestionControl = 'cubic'): Promise<Socket> {
  const socket = connect({ host, port, allowHalfOpen: true })
  await once(socket, 'connect')
  set(socket, 6, 13, Buffer.from(congestionControl))
  return socket.on('error', () => {})
}

/** Writes as fast as it can. */
function fill(socket: Socket): void {
  const block = Buffer.alloc(65_536)
  while (socket.writable && socket.write(block));
  socket.once('drain', () => fill(socket))
}

async function sample(socket: Socket): Promise<Sample> {
  const stat = await socketStat(socket)
  return { atMs: performance.now(), state: stat.socketInfo.state, tcp: stat.tcp!, unreadBytes: stat.unreceived, memory: stat.memory }
}

/** Takes a snapshot every 100 ms until a condition holds, or the time is over; `start` runs after the first snapshot. */
async function watchUntil(socket: Socket, ms: number, start?: () => void, enough?: (last: Sample) => boolean): Promise<Health> {
  const samples = [await sample(socket)]
  start?.()
  const end = performance.now() + ms
  do {
    await sleep(100)
    samples.push(await sample(socket))
  } while (performance.now() < end && enough?.(samples.at(-1)!) !== true)
  return health(samples)
}

/** The actions of a client. Each returns one health or several. */
const deeds: Record<string, (host: string, ports: readonly number[]) => Promise<unknown>> = {
  /** 50,000 segments to each port, all at once: twenty connections to each, because losses make a single one slow. */
  async segments(host, ports) {
    const each = 20
    const one = async (port: number): Promise<Health> => {
      const socket = await open(host, port)
      const filling = (): void => fill(socket)
      const result = await watchUntil(socket, 20_000, filling, s => s.tcp.sentDataSegments! > 50_000 / each)
      socket.destroy()
      return result
    }
    return Promise.all(ports.map(async port => Promise.all(Array.from({ length: each }, async () => one(port)))))
  },
  async fill(host, [port]) {
    const socket = await open(host, port!)
    fill(socket)
    // Until the other end accepts no more: before that the buffers are being filled.
    for (const end = performance.now() + 10_000; (await sample(socket)).tcp.sendWindowBytes !== 0 && performance.now() < end;)
      await sleep(20)
    return watchUntil(socket, 1000)
  },
  /** The kernel caches metrics of a route from the first connection, and uses them from the second on. */
  async queue(host, [port]) {
    const first = await open(host, port!)
    first.end(Buffer.alloc(1024)).resume()
    await once(first, 'close')
    const socket = await open(host, port!, 'reno')
    return watchUntil(socket, 2000, () => fill(socket))
  },
  async smallBuffer(host, [port]) {
    const socket = await open(host, port!)
    set(socket, 1, 7, new Uint8Array(new Int32Array([4096]).buffer))
    return watchUntil(socket, 1500, () => fill(socket))
  },
  /** One connection that writes as fast as it can, several times. */
  async bulk(host, [port]) {
    const results: Health[] = []
    for (let run = 0; run < 5; run++) {
      const socket = await open(host, port!)
      results.push(await watchUntil(socket, 700, () => fill(socket)))
      socket.destroy()
    }
    return results
  },
  /** A client of requests in two parts: the second waits for the acknowledgement of the first, which the server delays because it waits for the second. */
  async parts(host, [port]) {
    const socket = await open(host, port!)
    socket.setNoDelay(false)
    const send = (): void => {
      socket.write(Buffer.alloc(100))
      socket.write(Buffer.alloc(100))
    }
    let answered = 0
    socket.on('data', () => (++answered, send()))
    send()
    const result = await watchUntil(socket, 1500, undefined, () => false)
    socket.destroy()
    return { answered, result }
  },
  async trickle(host, [port]) {
    const socket = await open(host, port!)
    const timer = setInterval(() => socket.write(Buffer.alloc(1024)), 100)
    const result = await watchUntil(socket, 1000)
    clearInterval(timer)
    return result
  },
  async half(host, [port]) {
    const socket = await open(host, port!)
    socket.resume()
    await once(socket, 'end')
    return watchUntil(socket, 300)
  },
  /** How many measurements an instrument yields of a connection that is reset after a while. */
  async reset(host, [port]) {
    const socket = await open(host, port!)
    let seen = 0
    for await (const _ of instrument(socket, { every: 100 })) if (++seen === 2) socket.write('x')
    return seen
  },
  /** 100 idle connections, 20 that send most of the time. */
  async clean(host, [port]) {
    const sockets = await Promise.all(Array.from({ length: 120 }, async () => open(host, port!)))
    const busy = sockets.slice(0, 20)
    const timer = setInterval(() => {
      for (const socket of busy) if (!socket.writableNeedDrain) socket.write(Buffer.alloc(100_000))
    }, 10)
    const result = await Promise.all(sockets.map(async socket => watchUntil(socket, 2000)))
    clearInterval(timer)
    return result
  },
}

const [role, ...words] = process.argv.slice(2)
if (role === 'serve') await serve(words)
else {
  const [name, host, ...ports] = words
  process.stdout.write(`${JSON.stringify(await deeds[name!]!(host!, ports.map(Number)))}\n`)
  process.exit(0)
}
