// Times for people: in the local time zone, with its offset from UTC.

const two = (n: number): string => String(n).padStart(2, '0')

/** The local time of day: `14:03:07`. */
export function timeText(atMs: number): string {
  const at = new Date(atMs)
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':')
}

/** The local time of day with milliseconds: `14:03:07.250`. */
export const millisText = (atMs: number): string => `${timeText(atMs)}.${String(new Date(atMs).getMilliseconds()).padStart(3, '0')}`

/** The offset of local time at this moment: `UTC`, `UTC+05:30`. */
export function offsetText(atMs: number): string {
  const minutes = -new Date(atMs).getTimezoneOffset()
  if (minutes === 0) return 'UTC'
  const size = Math.abs(minutes)
  return `UTC${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`
}

/** A stream of lines with times: the offset is on a line of its own before the first of them, and again when it changes, as with summer time. */
export class OffsetLine {
  #shown: string | undefined

  /** The line that has to precede a line of this moment. */
  before(atMs: number): string[] {
    const offset = offsetText(atMs)
    if (offset === this.#shown) return []
    this.#shown = offset
    return [`times are in ${offset}`]
  }
}
