import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import type { EventGap } from '../model/event.ts'
import { EventQueue } from './event-queue.ts'

const eventOf = (count: number): EventGap => ({
  type: 'gap',
  atMs: 0,
  gap: { code: 'events-lost', what: 'events', why: 'lost', text: '', help: '', count },
})

test('a full queue reports space once, when it is no longer full, and loses nothing', async () => {
  const queue = new EventQueue()
  let count = 0
  while (!queue.isFull) queue.add(eventOf(count++))
  for (let i = 0; i < 10; i++) queue.add(eventOf(count++))
  const spaceAfter: number[] = []
  for (let taken = 1; taken <= count; taken++) {
    const event = await queue.next(() => spaceAfter.push(taken))
    equal(event?.type === 'gap' && event.gap.count, taken - 1)
  }
  deepEqual(spaceAfter, [11])
  queue.end()
  equal(await queue.next(() => {}), undefined)
})
