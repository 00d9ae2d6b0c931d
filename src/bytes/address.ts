/** Text of an IPv4 address: 4 bytes in network order. */
export const ipv4 = (b: Uint8Array): string => `${b[0]}.${b[1]}.${b[2]}.${b[3]}`

/** Text of an IPv6 address in the form of RFC 5952: lower case, the longest run of zeros as "::". */
export function ipv6(b: Uint8Array): string {
  const group = (i: number): number => (b[i * 2]! << 8) | b[i * 2 + 1]!
  if (group(5) === 0xffff && [0, 1, 2, 3, 4].every(i => group(i) === 0)) return `::ffff:${ipv4(b.subarray(12))}`
  let start = -1
  let length = 1
  for (let i = 0; i < 8; i++) {
    let end = i
    while (end < 8 && group(end) === 0) end++
    if (end - i > length) {
      start = i
      length = end - i
    }
    if (end > i) i = end
  }
  const text = (from: number, to: number): string => {
    const parts: string[] = []
    for (let i = from; i < to; i++) parts.push(group(i).toString(16))
    return parts.join(':')
  }
  return start < 0 ? text(0, 8) : `${text(0, start)}::${text(start + length, 8)}`
}

// Many sockets share few addresses, so their texts are cached: a table of a fixed size, in which a newer address replaces an older one.
const slots = 4096
const words4 = new Int32Array(slots)
const texts4: string[] = Array.from({ length: slots }, () => '0.0.0.0')
const words6 = new Int32Array(slots * 4)
const texts6: string[] = Array.from({ length: slots }, () => '::')
const slotOf = (word: number): number => (word ^ (word >>> 12) ^ (word >>> 24)) & (slots - 1)

/** Text of the IPv4 address at `at`. */
export function ipv4At(view: DataView, at: number): string {
  const word = view.getInt32(at)
  const slot = slotOf(word)
  if (words4[slot] === word) return texts4[slot]!
  words4[slot] = word
  return (texts4[slot] = `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`)
}

/** Text of the IPv6 address at `at`. */
export function ipv6At(view: DataView, at: number): string {
  const [a, b, c, d] = [view.getInt32(at), view.getInt32(at + 4), view.getInt32(at + 8), view.getInt32(at + 12)]
  const slot = slotOf(a ^ (b << 3) ^ (c << 5) ^ d)
  const first = slot * 4
  if (words6[first] === a && words6[first + 1] === b && words6[first + 2] === c && words6[first + 3] === d) return texts6[slot]!
  words6.set([a, b, c, d], first)
  return (texts6[slot] = ipv6(new Uint8Array(view.buffer, view.byteOffset + at, 16)))
}
