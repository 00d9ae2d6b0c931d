import { test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { inodesOf } from './inodes.ts'

test('each inode has one number, in the order of the list', () => {
  const inodes = inodesOf([{ inode: 70 }, { inode: undefined }, { inode: 80 }, { inode: 70 }])
  deepEqual([inodes.size, [...inodes.numbers], inodes.find(80), inodes.inodeOf(0), inodes.find(90)], [2, [0, -1, 1, 0], 1, 70, -1])
})

test('many inodes, among them those that collide and those of more than 31 bits', () => {
  const list = Array.from({ length: 50_000 }, (_, i) => ({ inode: (i * 65_536 + (i >> 4)) % 2 ** 32 }))
  const inodes = inodesOf(list)
  const numbers = new Map<number, number>()
  for (const { inode } of list) if (!numbers.has(inode)) numbers.set(inode, numbers.size)
  equal(inodes.size, numbers.size)
  for (const [i, { inode }] of list.entries()) ok(inodes.numbers[i] === numbers.get(inode) && inodes.find(inode) === numbers.get(inode))
})

test('an empty list finds nothing', () => {
  deepEqual([inodesOf([]).size, inodesOf([]).find(1)], [0, -1])
})
