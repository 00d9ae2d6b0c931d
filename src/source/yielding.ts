// A long snapshot stops now and then, so that the event loop of the host program is never held for long.

// A fifth of what a snapshot may hold it: a step between two breaths, and a collection of garbage, come on top, and the latter is most.
const maxNanos = 2_000_000n

// There is one event loop, so there is one time of its last turn, however many loops of ours follow each other without a turn between them.
// Not `performance.now()`: its first use loads a module of Node for a millisecond of every start.
let lastTurn = process.hrtime.bigint()

/** Waits for one turn of the event loop when the last one is too long ago; otherwise it costs a reading of the clock. */
export function yielding(): () => Promise<void> | undefined {
  return () => {
    if (process.hrtime.bigint() - lastTurn < maxNanos) return undefined
    return new Promise(resolve => {
      setImmediate(() => {
        lastTurn = process.hrtime.bigint()
        resolve()
      })
    })
  }
}

/** The members of a long list that pass a test, with pauses. */
export async function filterYielding<T>(list: readonly T[], test: (one: T) => boolean): Promise<T[]> {
  const yieldToEventLoop = yielding()
  const kept: T[] = []
  for (let i = 0; i < list.length; i++) {
    const one = list[i]!
    if (test(one)) kept.push(one)
    if (i % 512 === 0) {
      const pause = yieldToEventLoop()
      if (pause) await pause
    }
  }
  return kept
}

/** Waits for one turn of the event loop: everything that is ready goes first. */
export const nextTurn = (): Promise<void> => new Promise(resolve => void setImmediate(resolve))
