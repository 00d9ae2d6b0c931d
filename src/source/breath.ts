// A long look stops now and then, so that the event loop of the host program is never held for long.

const longestNanos = 6_000_000n

/** Waits for one turn of the event loop when the last one is too long ago; otherwise it costs a reading of the clock. */
export function breath(): () => Promise<void> | undefined {
  // Not `performance.now()`: its first use loads a module of Node for a millisecond of every start.
  let last = process.hrtime.bigint()
  return () => {
    if (process.hrtime.bigint() - last < longestNanos) return undefined
    return new Promise(resolve => {
      setImmediate(() => {
        last = process.hrtime.bigint()
        resolve()
      })
    })
  }
}
