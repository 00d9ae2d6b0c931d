// Inodes, numbered in the order of their coming: for the tens of thousands of a snapshot, many times cheaper than a Map. Pure.

/** Inodes, each with a small number. */
export interface Inodes {
  readonly size: number
  /** Of each place in the list the number of its inode; -1 when it is not known. */
  readonly numbers: Int32Array
  /** The number of an inode; -1 when it has none. */
  find(inode: number): number
  /** The inode of a number. */
  inodeOf(number: number): number
}

/** The inodes of a list, which may come more than once in it or be unknown. */
export function inodesOf(list: readonly { readonly inode: number | undefined }[]): Inodes {
  const bits = Math.max(4, 33 - Math.clz32(Math.max(1, list.length)))
  const mask = 2 ** bits - 1
  const shift = 32 - bits
  /** At most half full, so a search ends. 0 is free; otherwise the number and one. */
  const slots = new Int32Array(mask + 1)
  const inodes = new Float64Array(list.length)
  const numbers = new Int32Array(list.length).fill(-1)
  let size = 0

  function slotOf(inode: number): number {
    for (let at = Math.imul(inode, 0x9e3779b1) >>> shift; ; at = (at + 1) & mask) {
      const number = slots[at]!
      if (number === 0 || inodes[number - 1] === inode) return at
    }
  }

  for (let i = 0; i < list.length; i++) {
    const { inode } = list[i]!
    if (inode === undefined) continue
    const at = slotOf(inode)
    if (slots[at] === 0) {
      inodes[size] = inode
      slots[at] = ++size
    }
    numbers[i] = slots[at]! - 1
  }
  return { size, numbers, find: inode => slots[slotOf(inode)]! - 1, inodeOf: number => inodes[number]! }
}
