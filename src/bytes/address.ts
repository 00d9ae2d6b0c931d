/** Text of an IPv4 address: 4 bytes in network order. */
export const ipv4 = (b: Uint8Array): string => `${b[0]}.${b[1]}.${b[2]}.${b[3]}`

/** Text of an IPv6 address, as RFC 5952 says: lower case, the longest run of zeros as "::". */
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
