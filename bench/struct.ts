// Readers that struct() makes against readers written by hand: 8,000 tcp_info of 280 bytes, every field. The goal is less than 3 times.
// `node bench/struct.ts`
import { viewOf } from '../src/bytes/text.ts'
import { tcpInfo } from '../src/source/linux/kernel/structs.ts'

const count = 8000
const size = 280
const bytes = new Uint8Array(count * size)
for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 31) & 0xff
const view = viewOf(bytes)

/** By hand: the offsets of the same fields, as one would write them down. 64-bit rates stay exact, counters are numbers. */
const wide = new Set(['pacingRate', 'maxPacingRate'])
const entries = Object.entries(tcpInfo.offsets)
const widths = entries.map(([key, at], i) => {
  if (key === 'rcvWscale' || key === 'sndWscale' || key === 'deliveryRateAppLimited' || key === 'fastopenClientFail') return 1
  return Math.min(8, (entries[i + 1]?.[1] ?? size) - at)
})
const text = entries.map(([key, at], i) => {
  const where = `o + ${at}`
  if (widths[i] === 1) return `${key}: v.getUint8(${where})`
  if (widths[i] === 2) return `${key}: v.getUint16(${where}, true)`
  if (widths[i] === 4) return `${key}: v.getUint32(${where}, true)`
  if (wide.has(key)) return `${key}: v.getBigUint64(${where}, true)`
  return `${key}: v.getUint32(${where}, true) + v.getUint32(${where} + 4, true) * 4294967296`
})
const byHand = new Function('v', 'o', `return { ${text.join(', ')} }`) as (v: DataView, o: number) => unknown

const kept: unknown[] = Array.from({ length: count })
function best(read: (at: number) => unknown): number {
  let fastest = Infinity
  for (let round = 0; round < 25; round++) {
    const start = performance.now()
    for (let i = 0; i < count; i++) kept[i] = read(i * size)
    fastest = Math.min(fastest, performance.now() - start)
  }
  return fastest
}

const hand = best(at => byHand(view, at))
const made = best(at => tcpInfo.read(view, at, size))
const perStruct = (ms: number): string => `${((ms * 1e6) / count).toFixed(0)} ns`
console.log(`${count} tcp_info of ${size} bytes, ${entries.length} fields, Node ${process.version}`)
console.log(`by hand ${perStruct(hand)}, by struct() ${perStruct(made)}: ${(made / hand).toFixed(2)} times`)
