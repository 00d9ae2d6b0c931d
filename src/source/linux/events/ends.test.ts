import { deepEqual, equal } from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { draft } from '../decode/draft.ts'
import { finalBytes } from '../../../track/final-bytes.ts'
import type { PeerEvidence } from '../../../model/event.ts'
import type { Tcp } from '../../../model/tcp.ts'
import { needs } from '../../../../test/needs.ts'

/**
 * Connections that end in every order. Prints the ports of each end, and what it received. The server may be in another network namespace:
 * then nothing on this side has what it sent.
 */
const talkers = `
import ctypes, os, socket, struct, sys, time
own, other = os.open("/proc/self/ns/net", 0), sys.argv[1] if len(sys.argv) > 1 else ""
enter = ctypes.CDLL(None).setns
if other: enter(os.open("/run/netns/" + other, 0), 0)
l = socket.create_server(("10.91.7.2" if other else "127.0.0.1", 0))
if other: enter(own, 0)
port = 2000 # Each once: the kernel may give one again.
reset, wait = struct.pack("ii", 1, 0), lambda: time.sleep(.06)
def late(x, y): x.close(); wait(); y.recv(1); y.close()
def once(x, y): x.close(); y.recv(1); y.close()
def unread(x, y): x.close(); y.close()
def half(x, y): x.shutdown(1); y.recv(1); y.close(); x.recv(1); x.close()
def waits(x, y): x.shutdown(1); y.recv(1); y.close(); x.recv(1); wait(); x.close()
def again(x, y): x.close(); wait(); y.sendall(b"again"); wait(); y.close()
def tossed(x, y): x.shutdown(1); wait(); y.recv(1); y.sendall(b"z"); wait(); x.close(); wait(); y.close()
def broken(x, y): x.shutdown(1); wait(); y.recv(1); y.setsockopt(1, 13, reset); y.close(); wait(); x.close()
def zapped(x, y): x.close(); wait(); y.setsockopt(1, 13, reset); y.close()
for act in (late, once, unread, half, waits, again, tossed, broken, zapped) * (1 if other else 2):
    for swap in (False, True):
        for there, back in ((0, 0), (1, 1), (7, 0), (0, 7), (1000, 3)):
            port += 1; c = socket.create_connection(l.getsockname(), source_address=("", port)); a, _ = l.accept()
            names = [(e.getsockname()[1], e.getpeername()[1]) for e in (c, a)]
            x, y = (a, c) if swap else (c, a)
            for source, to, size in ((x, y, there), (y, x, back)):
                if size: source.sendall(bytes(size)); to.recv(size, socket.MSG_WAITALL)
            act(x, y)
            got = (there, back) if swap else (back, there)
            if act is tossed: got = (got[0] + (not swap), got[1] + swap)
            for name, size in zip(names, got): print(*name, size, act.__name__)
`

/** Collects ends without privileges while the talkers talk: of each that was reported as exact, what it received and what was reported. */
async function collect(inside: readonly string[], words: readonly string[]): Promise<{ readonly wrong: string[]; readonly exact: number }> {
  const listen = `
    import('${process.cwd()}/src/index.ts').then(async ({ events }) => {
      const stop = new AbortController()
      process.stdin.resume().on('end', () => stop.abort())
          for await (const event of events({ protocols: ['tcp'], signal: stop.signal, every: 100 })) {
        const { type, tier, accuracy, inBytes, socket } = event
        console.log(JSON.stringify({ type, tier, accuracy, inBytes, local: socket?.local.port, remote: socket?.remote?.port }))
      }
    })`
  const line = [...inside, 'setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', process.execPath, '-e', listen]
  const child = spawn(line[0]!, line.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', part => (text += String(part)))
  await once(child.stdout, 'data') // The gap that says what cannot be used.
  await new Promise(resolve => setTimeout(resolve, 300))
  const all = [...inside, 'python3', '-c', talkers, ...words]
  const talk = spawn(all[0]!, all.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  talk.stdout.on('data', part => (said += String(part)))
  await once(talk, 'close')
  child.stdin.end()
  await once(child, 'close')
  const truth = new Map(
    said
      .trim()
      .split('\n')
      .map(one => [one.split(' ').slice(0, 2).join(' '), one.split(' ').slice(2)]),
  )
  const wrong: string[] = []
  let exact = 0
  for (const one of text.trim().split('\n')) {
    const { type, tier, accuracy, inBytes, local, remote } = JSON.parse(one) as Record<string, string | number>
    const [size, act] = truth.get(`${local} ${remote}`) ?? []
    if (type !== 'closed' || size === undefined || accuracy !== 'exact') continue
    exact++
    if (tier !== 'destroy' || inBytes !== Number(size)) wrong.push(`${act}: ${inBytes} for ${size}`)
  }
  return { wrong, exact }
}

for (const [where, max] of [
  ['here', 360],
  ['elsewhere', 90],
] as const) {
  const needed = needs('linux', 'root', 'command ip', 'command python3', 'command setpriv')
  test(`without privileges no byte is called exact that is not, and many are: the other end is ${where}`, needed, async () => {
    const [here, there] = ['h', 't'].map(letter => `sockscope-en${process.pid}${letter}`) as [string, string]
    const ip = (...words: string[]): unknown => execFileSync('ip', words)
    try {
      for (const one of [here, there]) ip('netns', 'add', one)
      ip('-n', here, 'link', 'add', 'near', 'type', 'veth', 'peer', 'name', 'far', 'netns', there)
      for (const [one, device, address] of [
        [here, 'near', '10.91.7.1/24'],
        [there, 'far', '10.91.7.2/24'],
      ] as const) {
        ip('-n', one, 'addr', 'add', address, 'dev', device)
        for (const name of ['lo', device]) ip('-n', one, 'link', 'set', name, 'up')
      }
      const { wrong, exact } = await collect(['ip', 'netns', 'exec', here], where === 'here' ? [] : [there])
      deepEqual(wrong, [])
      equal(exact > max / 4, true, `${exact} of ${max} are exact`)
    } finally {
      for (const one of [here, there]) ip('netns', 'del', one)
    }
  })
}

const counts = { sentBytes: 10, retransmittedBytes: 0, ackedBytes: 12, sentSegments: 4, receivedSegments: 4, receivedDataSegments: 1 }

for (const [name, received, unread, evidence, expected] of [
  ['nothing is left of it', 8, 0, {}, [7, 'estimate']],
  ['it waits for the FIN', 7, 0, { remaining: 'FIN_WAIT_2' }, [7, 'exact']],
  ['it waits after the FIN, and may have had it before or since', 8, 0, { remaining: 'TIME_WAIT' }, [7, 'estimate']],
  ['it waits after the FIN, which nobody read', 8, 1, { remaining: 'TIME_WAIT' }, [7, 'exact']],
  ['the other end sent as much', 7, 0, { other: { sentBytes: 7, state: 'CLOSE_WAIT' } }, [7, 'exact']],
  ['the other end sent one less', 8, 0, { other: { sentBytes: 7, state: undefined } }, [7, 'exact']],
  ['the other end is another connection', 9, 0, { other: { sentBytes: 7, state: 'ESTABLISHED' } }, [8, 'estimate']],
  ['the other end has its FIN acknowledged', 8, 0, { other: { sentBytes: undefined, state: 'TIME_WAIT' } }, [7, 'exact']],
] as const satisfies readonly (readonly [string, number, number, PeerEvidence, readonly [number, string]])[]) {
  test(`received bytes of a connection that ended: ${name}`, () => {
    const queues = { receivedBytes: unread, sendBytes: 0, backlog: undefined, backlogLimit: undefined }
    const socket = { ...draft('1', 'tcp', 'ipv4', 'CLOSED', {}), queues, tcp: { ...counts, receivedBytes: received } as Tcp }
    const { inBytes, accuracy } = finalBytes(socket, undefined, evidence)!
    deepEqual([inBytes, accuracy], expected)
  })
}
