import { test } from 'node:test'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { filterYielding, nextTurn, yieldToEventLoop } from './yielding.ts'

/** Keeps the processor busy for at least this long. */
function spin(ms: number): void {
  const end = process.hrtime.bigint() + BigInt(ms) * 1_000_000n
  while (process.hrtime.bigint() < end);
}

test('the event loop turns when its last turn is too long ago, and not before', async () => {
  spin(5)
  let turned = false
  setImmediate(() => (turned = true))
  await yieldToEventLoop()
  ok(turned)
})

test('a turn counts for every loop that runs after it', async () => {
  spin(5)
  await yieldToEventLoop()
  let pauses = 0
  // Calls that follow each other at once: almost all of them fall into the time that the one turn has given.
  for (let i = 0; i < 100; i++) if (yieldToEventLoop()) pauses++
  ok(pauses < 100)
})

test('a long filter yields to others, and keeps the order', async () => {
  let turns = 0
  const timer = setInterval(() => turns++, 1)
  const list = Array.from({ length: 20 * 512 }, (_, i) => i)
  const even = await filterYielding(list, one => {
    if (one % 512 === 0) spin(3)
    return one % 2 === 0
  })
  clearInterval(timer)
  ok(turns > 0)
  deepEqual([even.length, even[0], even.at(-1)], [list.length / 2, 0, list.length - 2])
})

test('a turn runs everything that is ready first', async () => {
  const order: string[] = []
  setImmediate(() => order.push('ready'))
  await nextTurn()
  order.push('after')
  equal(order.join(), 'ready,after')
})
