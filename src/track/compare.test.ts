import { deepEqual } from 'node:assert/strict'
import { test } from 'node:test'
import type { Socket, State } from '../model/socket.ts'
import { compareSockets } from './compare.ts'

const takeSnapshot = (text: string): Socket[] =>
  text.split('').map(letter => {
    const state: State = letter === letter.toUpperCase() ? 'LISTEN' : 'ESTABLISHED'
    return { key: letter.toLowerCase(), state } as Socket
  })
const keys = (sockets: readonly Socket[]): string => sockets.map(s => s.key).join('')

test('what opened, closed and changed, at any position in the snapshot', () => {
  for (const [before, after, opened, closed, moved] of [
    ['', '', '', '', ''],
    ['', 'ab', 'ab', '', ''],
    ['ab', '', '', 'ab', ''],
    ['abc', 'abc', '', '', ''],
    ['abc', 'AbC', '', '', 'ac'],
    ['abcd', 'abxcd', 'x', '', ''],
    ['abcd', 'acd', '', 'b', ''],
    ['aa', 'a', '', 'a', ''],
    ['abcd', 'Axyd', 'xy', 'bc', 'a'],
    ['abcd', 'dCba', '', '', 'c'],
    ['abcde', 'axcbE', 'x', 'd', 'e'],
    ['abc', 'xyz', 'xyz', 'abc', ''],
  ] as const) {
    const found = compareSockets(takeSnapshot(before), takeSnapshot(after))
    deepEqual(
      [keys(found.opened), keys(found.closed), keys(found.changed.map(m => m.socket))],
      [opened, closed, moved],
      `${before} ${after}`,
    )
  }
})
