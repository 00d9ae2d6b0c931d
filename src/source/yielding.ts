// Pauses in long work, so that the event loop of the host program is never blocked for long.

/** A fifth of the time for which a snapshot may block the loop: a step between two pauses and a garbage collection, the larger part, are added to it. */
const maxNanos = 2_000_000n

/**
 * The event loop of this program, and the time of its last turn. There is one for each program, however many loops run one after another without a
 * turn between them, so there is only one of these.
 */
class EventLoop {
  // Not `performance.now()`: its first use loads a module of Node, which takes a millisecond at every start.
  #lastTurn = process.hrtime.bigint()

  /** Waits for a turn; undefined while the last one is recent enough. */
  turnWhenDue(): Promise<void> | undefined {
    if (process.hrtime.bigint() - this.#lastTurn < maxNanos) return undefined
    return new Promise(resolve => {
      setImmediate(() => {
        this.#lastTurn = process.hrtime.bigint()
        resolve()
      })
    })
  }
}

const eventLoop = new EventLoop()

/** Waits for one turn of the event loop when the last one is too long ago; otherwise it only reads the clock. */
export const yieldToEventLoop = (): Promise<void> | undefined => eventLoop.turnWhenDue()

/** The elements of a long list that pass a test, with pauses. */
export async function filterYielding<T>(list: readonly T[], test: (one: T) => boolean): Promise<T[]> {
  const passed: T[] = []
  for (let i = 0; i < list.length; i++) {
    const one = list[i]!
    if (test(one)) passed.push(one)
    if (i % 512 === 0) {
      const pause = yieldToEventLoop()
      if (pause) await pause
    }
  }
  return passed
}

/** Waits for one turn of the event loop: everything that is ready runs first. */
export const nextTurn = (): Promise<void> => new Promise(resolve => void setImmediate(resolve))
