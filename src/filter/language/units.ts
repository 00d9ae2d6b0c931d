// Numbers with units, from the text of a filter and back to text.

import type { Unit } from '../../fields/units.ts'

/** What to write for each unit, for messages. */
export const unitWords: Readonly<Record<Unit, string>> = {
  count: 'a number',
  port: 'a port, a range such as 8000-8100, or the name of a service',
  time: 'a time with its unit, such as 50ms (us ms s m h)',
  bytes: 'a size, such as 1MB or 64KiB (B kB KB KiB MB MiB GB GiB)',
  rate: 'a rate, such as 1MB/s or 10Mbit/s',
  percent: 'a percentage, such as 1%',
}

const times: Readonly<Record<string, number>> = { us: 1, µs: 1, ms: 1e3, s: 1e6, m: 6e7, min: 6e7, h: 3.6e9, d: 8.64e10 }
const sizes: Readonly<Record<string, number>> = {
  b: 1,
  k: 1e3,
  kb: 1e3,
  ki: 1024,
  kib: 1024,
  m: 1e6,
  mb: 1e6,
  mi: 1024 ** 2,
  mib: 1024 ** 2,
  g: 1e9,
  gb: 1e9,
  gi: 1024 ** 3,
  gib: 1024 ** 3,
  t: 1e12,
  tb: 1e12,
  ti: 1024 ** 4,
  tib: 1024 ** 4,
}
const bits: Readonly<Record<string, number>> = {
  bit: 1 / 8,
  kbit: 125,
  mbit: 125e3,
  gbit: 125e6,
  bps: 1 / 8,
  kbps: 125,
  mbps: 125e3,
  gbps: 125e6,
}

/** A number read from text. */
export interface Quantity {
  readonly value: number
  /** It was written with a percent sign. */
  readonly percent: boolean
  /** Where the text continues. */
  readonly end: number
}

const number = /0x[0-9a-f]+|\d+(?:\.\d+)?(?:e[+-]?\d+)?/iy
const suffix = /%|[a-zµ]+(?:\/s(?![a-z]))?/iy

/**
 * Reads a number with its unit at a place of a text; a string states what is wrong with it.
 * `bare` is the factor of a number without a unit: undefined when the unit is required.
 */
export function readQuantity(text: string, at: number, unit: Unit, bare: number | undefined): Quantity | string {
  number.lastIndex = at
  const digits = number.exec(text)?.[0]
  if (digits === undefined) return 'this is not a number'
  suffix.lastIndex = at + digits.length
  const name = suffix.exec(text)?.[0] ?? ''
  const end = at + digits.length + name.length
  if (name === '%') return finish(Number(digits), end, true)
  const factor = name === '' ? (bare ?? (Number(digits) === 0 ? 1 : undefined)) : factorOf(name, unit)
  if (typeof factor === 'string') return factor
  if (factor === undefined) return 'the unit is missing'
  return finish(Number(digits) * factor, end, false)
}

function finish(value: number, end: number, percent: boolean): Quantity | string {
  if (!(value <= Number.MAX_SAFE_INTEGER)) return 'this number is too large'
  // 1.005 ms is 1004.9999999999999 µs in floating point: fifteen digits are exact.
  return { value: Number.isInteger(value) ? value : Number(value.toPrecision(15)), percent, end }
}

/** The factor of a unit: names such as `constructor` are in every object, but not its own. */
const factor = (of: Readonly<Record<string, number>>, name: string): number | undefined => (Object.hasOwn(of, name) ? of[name] : undefined)

function factorOf(name: string, unit: Unit): number | string {
  const wrong = `${name} is not a valid unit here`
  if (unit === 'time') return factor(times, name) ?? wrong
  if (unit === 'count') return /^[kmg]$/i.test(name) ? sizes[name.toLowerCase()]! : wrong
  if (unit !== 'bytes' && unit !== 'rate') return wrong
  const plain = name.replace(/\/s$/, '')
  if (plain !== name && unit === 'bytes') return wrong
  const lower = plain.toLowerCase()
  if (/^[kmgt]i?b$/i.test(plain) && plain.endsWith('b') && plain !== lower)
    return `${plain} could be bits or bytes: write ${plain.slice(0, -1)}B or ${plain.slice(0, 1)}bit`
  return (unit === 'rate' ? factor(bits, lower) : undefined) ?? factor(sizes, lower) ?? wrong
}

const printed: Readonly<Record<'time' | 'bytes', readonly (readonly [string, number])[]>> = {
  time: [
    ['h', 3.6e9],
    ['m', 6e7],
    ['s', 1e6],
    ['ms', 1e3],
    ['us', 1],
  ],
  bytes: [
    ['GB', 1e9],
    ['GiB', 1024 ** 3],
    ['MB', 1e6],
    ['MiB', 1024 ** 2],
    ['kB', 1e3],
    ['KiB', 1024],
    ['B', 1],
  ],
}

/** The number as text: in the largest unit that keeps it whole. */
export function printQuantity(value: number, unit: Unit): string {
  if (unit === 'percent') return `${value}%`
  if (unit === 'count' || unit === 'port' || value === 0) return String(value)
  const units = printed[unit === 'rate' ? 'bytes' : unit]
  const [name, factor] = units.find(([, size]) => value % size === 0) ?? units.at(-1)!
  return `${value / factor}${name}${unit === 'rate' ? '/s' : ''}`
}
