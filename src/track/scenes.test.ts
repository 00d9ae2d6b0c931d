// Scenes as text: what a source reports, and what follows from it. Each file in scenes/ is a scene, with its description.
import { deepEqual } from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { aProcess, aSocket, someTcp } from '../../test/sockets.ts'
import type { SocketEvent } from '../model/event.ts'
import { ProcessTable } from '../model/process.ts'
import { protocols, type Socket } from '../model/socket.ts'
import { Tracker, type Step } from './tracker.ts'

const folder = 'src/track/scenes'

/** `a:7:100:20`: key, owner, bytes received and sent. */
function socketOf(word: string): Socket {
  const [key, pid, received, sent] = word.split(':')
  return aSocket({
    key: key!,
    owners: pid === undefined ? [] : [{ pid: Number(pid), fd: 3 }],
    ownerless: pid === undefined ? 'unknown' : undefined,
    tcp: received === undefined ? undefined : someTcp({ receivedBytes: Number(received), sentBytes: Number(sent), retransmittedBytes: 0 }),
  })
}

const pidsOf = (socket: Socket): number[] => socket.owners.map(owner => owner.pid)
const bytes = (word: string, words: readonly string[]): number | undefined => {
  const found = words.find(one => one.startsWith(`${word}=`))
  return found === undefined ? undefined : Number(found.slice(word.length + 1))
}

function eventText(event: SocketEvent): string {
  const { type, socket, durationMs, inBytes, outBytes, accuracy, tier } = event
  const parts = [`event ${type} ${socket.key}`, `owners=${pidsOf(socket).join(',')}`]
  if (type === 'closed' && durationMs !== undefined) parts.push(`after=${durationMs}`)
  if (inBytes !== undefined) parts.push(`in=${inBytes} out=${outBytes} ${accuracy}`)
  if (tier === 'snapshot') parts.push('by snapshot')
  return parts.join(' ')
}

function stepText({ opened, closed, moved, unreportedEnds }: Step): string {
  const parts = [...opened.map(socket => `opened ${socket.key}`), ...closed.map(socket => `closed ${socket.key}`)]
  for (const { socket, amount, inParts, outParts } of moved) {
    const pids = new Set([...inParts, ...outParts].map(part => part.pid))
    const who = pids.size === 0 ? '' : ` by ${[...pids].join(',')}`
    const accuracy = amount.accuracy === 'exact' ? '' : ` ${amount.accuracy}`
    parts.push(`moved ${socket.key} in=${amount.inBytes} out=${amount.outBytes}${accuracy}${who}`)
  }
  if (unreportedEnds > 0) parts.push(`${unreportedEnds} end unreported`)
  return parts.join(', ')
}

function play(lines: readonly string[]): string[] {
  const tracker = new Tracker()
  tracker.configure({ bytes: true })
  const result: string[] = []
  const print = (atMs: number, text: string): void => void (text !== '' && result.push(`${String(atMs).padEnd(5)} ${text}`))
  for (const line of lines) {
    const [first, verb, ...words] = line.split(/\s+/)
    if (first === 'reported') {
      const has = (name: string): boolean => verb === name || words.includes(name)
      const ends = has('ends') ? protocols : []
      tracker.configure({ reported: { opens: has('opens') ? protocols : [], ends, everyEnd: ends }, bytes: true })
      continue
    }
    const atMs = Number(first)
    const at = { atMs, monotonicMs: atMs, tier: 'bpf' } as const
    const [key = '', pid] = words
    let events: readonly SocketEvent[] = []
    if (verb === 'opened') events = tracker.report({ type: 'opened', ...at, socket: socketOf(key) })
    else if (verb === 'used')
      events = tracker.report({ type: 'used', ...at, socket: socketOf(key), process: aProcess({ pid: Number(pid) }) })
    else if (verb === 'closed') {
      const [inBytes, outBytes] = [bytes('in', words), bytes('out', words)]
      events = tracker.report({ type: 'closed', ...at, key, socket: socketOf(key), inBytes, outBytes, accuracy: 'exact' })
    } else {
      const sockets = words.map(socketOf)
      const processes = new ProcessTable(sockets.flatMap(pidsOf).map(one => [one, aProcess({ pid: one })]))
      const step = tracker.addSnapshot({ atMs, source: 'scene', sockets, processes, gaps: [] })
      for (const event of step.events) print(atMs, eventText(event))
      print(atMs, stepText(step))
    }
    for (const event of events) print(atMs, eventText(event))
  }
  return result
}

for (const name of readdirSync(folder)) {
  const lines = readFileSync(join(folder, name), 'utf8').trim().split('\n')
  const about = lines[0]!.replace(/^# /, '')
  const from = lines.indexOf('=')
  test(about, () => deepEqual(play(lines.slice(1, from)), lines.slice(from + 1)))
}
