// What went through each interface between two readings. A counter that was reset has no rate, never a wrong one.

import { checkEach, checkKind } from '../model/arguments.ts'
import type { InterfaceFlow } from '../model/flow.ts'
import type { Interface, InterfaceCounters } from '../model/interface.ts'

const historyLength = 60
const WRAP = 2 ** 32

/** Follows interfaces from reading to reading. */
export interface InterfaceMeter {
  /** Takes the next reading; what went through each interface since the one before. */
  take(interfaces: readonly Interface[], intervalMs: number | undefined): InterfaceFlow[]
}

interface PreviousReading {
  counters: InterfaceCounters | undefined
  inHistory: number[]
  outHistory: number[]
}

/** Starts counting. */
export function interfaceMeter(): InterfaceMeter {
  let previous = new Map<string, PreviousReading>()
  return {
    take(interfaces, intervalMs) {
      checkEach('interfaces', interfaces, {
        what: 'an interface, as Source.interfaces() returns it',
        fields: { index: 'number', name: 'text' },
      })
      if (intervalMs !== undefined) checkKind('intervalMs', intervalMs, 'number')
      const next = new Map<string, PreviousReading>()
      const flows = interfaces.map(one => {
        const key = `${one.index} ${one.name}` // An index is reused for another interface.
        const was = previous.get(key) ?? { counters: undefined, inHistory: [], outHistory: [] }
        const flow = interfaceFlow(one, was, intervalMs)
        next.set(key, { counters: one.counters, inHistory: [...flow.inHistory], outHistory: [...flow.outHistory] })
        return flow
      })
      previous = next
      return flows
    },
  }
}

function interfaceFlow(now: Interface, was: PreviousReading, intervalMs: number | undefined): InterfaceFlow {
  const since = (of: keyof InterfaceCounters): number | undefined =>
    was.counters && now.counters && intervalMs !== undefined ? counterGrowth(was.counters[of], now.counters[of]) : undefined
  const inBytes = since('inBytes')
  const outBytes = since('outBytes')
  const rate = (bytes: number | undefined): number | undefined =>
    bytes === undefined || !intervalMs ? undefined : (bytes * 1000) / intervalMs
  const { index, name, up, carrier, loopback, bitsPerSecond } = now
  return {
    index,
    name,
    up,
    carrier,
    loopback,
    bitsPerSecond,
    ...eachCounter(name => since(name) ?? 0),
    inBytesPerSecond: rate(inBytes),
    outBytesPerSecond: rate(outBytes),
    inHistory: append(was.inHistory, rate(inBytes)),
    outHistory: append(was.outHistory, rate(outBytes)),
  }
}

/** What interfaces had counted at the middle of two readings, and the error of that: half of the bytes that went through between them. */
interface Between {
  readonly interfaces: readonly Interface[]
  readonly unsureBytes: number
}

/** The counters at a moment between two readings. An interface that is new, or whose counters were reset, is as in the second reading. */
export function between(before: readonly Interface[], after: readonly Interface[]): Between {
  const first = new Map(before.map(one => [`${one.index} ${one.name}`, one.counters]))
  let unsureBytes = 0
  const interfaces = after.map(one => {
    const [was, now] = [first.get(`${one.index} ${one.name}`), one.counters]
    if (was === undefined || now === undefined || names.some(name => now[name] < was[name])) return one
    unsureBytes += (now.inBytes - was.inBytes + now.outBytes - was.outBytes) / 2
    return { ...one, counters: eachCounter(name => Math.round((was[name] + now[name]) / 2)) }
  })
  return { interfaces, unsureBytes }
}

const names = [
  'inBytes',
  'outBytes',
  'inPackets',
  'outPackets',
  'inErrors',
  'outErrors',
  'inDrops',
  'outDrops',
] as const satisfies readonly (keyof InterfaceCounters)[]

const eachCounter = (value: (name: keyof InterfaceCounters) => number): InterfaceCounters =>
  Object.fromEntries(names.map(name => [name, value(name)])) as unknown as InterfaceCounters

/**
 * How much a counter grew; undefined when it was reset. Some drivers count in 32 bits: a counter that falls from near the top of
 * that range to near its bottom has wrapped.
 */
export function counterGrowth(before: number, now: number): number | undefined {
  if (now >= before) return now - before
  const round = WRAP - before + now
  return before < WRAP && before > WRAP * 0.75 && now < WRAP * 0.25 ? round : undefined
}

const append = (history: readonly number[], rate: number | undefined): number[] =>
  rate === undefined ? [...history] : [...history, rate].slice(-historyLength)
