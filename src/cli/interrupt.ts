// ^C and the end of a terminal, as an AbortSignal.

const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Aborts at the first ^C; the second one ends the program at once. */
export function onInterrupt(): AbortSignal {
  const controller = new AbortController()
  for (const name of names) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(130)
      controller.abort()
    })
  }
  return controller.signal
}

/** Whether these signals are handled, and so wait for the event loop. */
export const handlesInterrupt = (): boolean => names.some(name => process.listenerCount(name) > 0)

/** Makes a call that may block for ever. Its handler could not run before its end, so a signal has its default effect meanwhile: it ends the program. */
export function interruptible<T>(call: () => T): T {
  const handlers = names.map(name => [name, process.listeners(name)] as const)
  for (const name of names) process.removeAllListeners(name)
  try {
    return call()
  } finally {
    for (const [name, all] of handlers) for (const handler of all) process.on(name, handler as () => void)
  }
}
