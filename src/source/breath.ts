// A long look stops now and then, so that the event loop of the host program is never held for long.

import { setImmediate as turn } from 'node:timers/promises'

const longestMs = 6

/** Waits for one turn of the event loop when the last one is too long ago; otherwise it costs a reading of the clock. */
export function breath(): () => Promise<void> | undefined {
  let last = performance.now()
  return () => {
    if (performance.now() - last < longestMs) return undefined
    return turn().then(() => {
      last = performance.now()
    })
  }
}
