// What a number of a field counts, and how it is displayed.

/** What a number counts, and with that the units in which it is written. */
export type Unit = 'count' | 'port' | 'time' | 'bytes' | 'rate' | 'percent'

/** The human-readable text of a value, by its unit. Times are in microseconds, shares between 0 and 1. */
export const unitText: Readonly<Record<Exclude<Unit, 'count' | 'port'>, (value: number) => string>> = {
  time: microsText,
  bytes: bytesText,
  rate: rateText,
  percent: percentText,
}

const binary = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** `1.4 MiB` */
export function bytesText(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < binary.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : digits(value)} ${binary[unit]}`
}

/** `1.4 MiB/s` */
export function rateText(bytesPerSecond: number): string {
  return `${bytesText(Math.round(bytesPerSecond))}/s`
}

/** `850 µs`, `12 ms`, `3.5 s`, `4 min`, `2 h`, `3 d` */
export function microsText(micros: number): string {
  if (micros < 1000) return `${Math.round(micros)} µs`
  if (micros < 1_000_000) return `${digits(micros / 1000)} ms`
  const seconds = micros / 1_000_000
  if (seconds < 120) return `${digits(seconds)} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`
  return `${Math.round(seconds / 86_400)} d`
}

/** `0.42 %` of a share between 0 and 1. */
export function percentText(share: number): string {
  return `${digits(share * 100)} %`
}

/** Three significant digits, without trailing zeros. */
export function digits(value: number): string {
  const text = value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}
