// Inodes, numbered in the order of their coming: for the tens of thousands of a look, many times cheaper than a Map. Pure.

/** Gives each inode a small number. */
export interface InodeNumbers {
  /** The number of an inode, which is new if need be. */
  add(inode: number): number
  /** The number of an inode; -1 when it has none. */
  find(inode: number): number
  /** The inode of a number. */
  inodeOf(number: number): number
}

/** Makes room for so many inodes and no more. */
export function inodeNumbers(most: number): InodeNumbers {
  const bits = Math.max(4, 33 - Math.clz32(Math.max(1, most)))
  const mask = 2 ** bits - 1
  const shift = 32 - bits
  /** At most half full, so a search ends. 0 is free; otherwise the number and one. */
  const slots = new Int32Array(mask + 1)
  const inodes = new Float64Array(most)
  let count = 0

  function slotOf(inode: number): number {
    for (let at = Math.imul(inode, 0x9e3779b1) >>> shift; ; at = (at + 1) & mask) {
      const number = slots[at]!
      if (number === 0 || inodes[number - 1] === inode) return at
    }
  }

  return {
    add(inode) {
      const at = slotOf(inode)
      if (slots[at] === 0) {
        inodes[count] = inode
        slots[at] = ++count
      }
      return slots[at]! - 1
    },
    find: inode => slots[slotOf(inode)]! - 1,
    inodeOf: number => inodes[number]!,
  }
}
