// IP addresses as numbers that can be compared under a prefix. It does not depend on sockets.

/** An address in words of 32 bits, the first bits first: one word for IPv4, four for IPv6. */
export type Words = readonly [number] | readonly [number, number, number, number]

/** The words of an IPv4 address in text; -1 when it is not one. */
export function ipv4Word(text: string, start = 0): number {
  let word = 0
  let part = -1
  let parts = 0
  for (let i = start; i <= text.length; i++) {
    // A dot is 2 below the digit 0; the end of the text ends a part in the same way.
    const digit = i === text.length ? -2 : text.charCodeAt(i) - 48
    if (digit >= 0 && digit <= 9) {
      part = (part < 0 ? 0 : part * 10) + digit
      if (part > 255) return -1
    } else {
      if (part < 0 || parts === 4 || digit !== -2) return -1
      word = word * 256 + part
      parts++
      part = -1
    }
  }
  return parts === 4 ? word : -1
}

/** The words of an IP address in text; undefined when it is not one. */
export function addressWords(text: string): Words | undefined {
  if (text.includes(':')) return readGroups(text) ? [wordAt(0), wordAt(2), wordAt(4), wordAt(6)] : undefined
  const word = ipv4Word(text)
  return word < 0 ? undefined : [word]
}

// One buffer for the groups of the address that is being read: prefix tests run on every socket, and allocate nothing.
const groups = new Uint16Array(8)
const wordAt = (i: number): number => groups[i]! * 65536 + groups[i + 1]!

function readGroups(text: string): boolean {
  const length = text.length
  if (length < 2 || length > 45) return false
  let gap = text.startsWith('::') ? 0 : -1
  let count = 0
  let at = gap === 0 ? 2 : 0
  while (at < length) {
    if (count === 8) return false
    const start = at
    let value = 0
    for (let digit; at < length && (digit = hexDigit(text.charCodeAt(at))) >= 0; at++) value = value * 16 + digit
    if (at - start > 4) return false
    if (text[at] === '.') {
      const word = ipv4Word(text, start)
      if (word < 0 || count > 6) return false
      groups[count++] = word >>> 16
      groups[count++] = word & 0xffff
      break
    }
    if (at === start) return false
    groups[count++] = value
    if (at === length) break
    if (text[at] !== ':' || ++at === length) return false
    if (text[at] === ':') {
      if (gap >= 0) return false
      gap = count
      at++
    }
  }
  if (gap < 0) return count === 8
  if (count > 7) return false
  groups.copyWithin(8 - (count - gap), gap, count)
  groups.fill(0, gap, 8 - (count - gap))
  return true
}

const hexDigit = (code: number): number =>
  code >= 48 && code <= 57 ? code - 48 : code >= 97 && code <= 102 ? code - 87 : code >= 65 && code <= 70 ? code - 55 : -1

/** The words as text: IPv6 in the form of RFC 5952. */
export function printAddress(words: Words): string {
  if (words.length === 1) return dotted(words[0])
  if (isMapped(words)) return `::ffff:${dotted(words[3])}`
  const groups = words.flatMap(word => [Math.floor(word / 65536), word % 65536])
  const text = groups.map(group => group.toString(16)).join(':')
  // The longest run of at least two zero groups, the first of equal ones.
  const runs = [...text.matchAll(/(?<![^:])0(?::0)+(?![^:])/g)]
  const longest = runs.reduce((best, run) => (run[0].length > best[0].length ? run : best), runs[0]!)
  if (longest === undefined) return text
  const before = text.slice(0, longest.index).replace(/:$/, '')
  const after = text.slice(longest.index + longest[0].length).replace(/^:/, '')
  return `${before}::${after}`
}

const dotted = (word: number): string => [24, 16, 8, 0].map(shift => (word >>> shift) & 255).join('.')
const isMapped = (words: Words): boolean => words.length === 4 && words[0] === 0 && words[1] === 0 && words[2] === 0xffff

/**
 * A test for the first bits of addresses. As in the kernel: a rule for IPv4 also matches IPv4 addresses inside IPv6,
 * a rule for IPv6 matches IPv6 addresses only.
 */
export function prefixTest(words: Words, prefix: number): (address: string) => boolean {
  const masks = words.map((_, i) => maskOf(prefix - i * 32))
  const prefixWords = words.map((word, i) => (word & masks[i]!) | 0)
  if (words.length === 1) {
    return address => {
      const mapped = address.startsWith('::ffff:')
      const word = ipv4Word(address, mapped ? 7 : 0)
      return word >= 0 && (word & masks[0]!) === prefixWords[0]
    }
  }
  const same = (i: number): boolean => (wordAt(i * 2) & masks[i]!) === prefixWords[i]
  return address => address.includes(':') && readGroups(address) && same(0) && same(1) && same(2) && same(3)
}

const maskOf = (bits: number): number => (bits <= 0 ? 0 : bits >= 32 ? -1 : (-1 << (32 - bits)) | 0)
