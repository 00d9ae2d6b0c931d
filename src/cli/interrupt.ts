// ^C, a request to end and the end of a terminal, as an AbortSignal.

/** The exit code of a program that a signal ends: 128 and the number of the signal. */
const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const
type Name = keyof typeof exitCodes
const names = Object.keys(exitCodes) as Name[]

/** The reason of the AbortSignal: the signal that was received. */
class Interrupted extends Error {
  override readonly name = 'Interrupted'
  readonly exitCode: number

  constructor(signal: Name) {
    super(`interrupted by ${signal}`)
    this.exitCode = exitCodes[signal]
  }
}

/** Aborts at the first ^C; the second one ends the program at once. */
export function onInterrupt(): AbortSignal {
  const controller = new AbortController()
  for (const name of names) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(exitCodes[name])
      controller.abort(new Interrupted(name))
    })
  }
  return controller.signal
}

/** Signals have their default effect again: they end the program. */
export function offInterrupt(): void {
  for (const name of names) process.removeAllListeners(name)
}

/** The exit code of a command that a signal has ended, else `code`. */
export const exitCodeAfter = (signal: AbortSignal, code: number): number =>
  signal.reason instanceof Interrupted ? signal.reason.exitCode : code

/** Whether these signals are handled, and so wait for the event loop. */
export const handlesInterrupt = (): boolean => names.some(name => process.listenerCount(name) > 0)

/** Makes a call that may block for ever. Its handler could not run before its end, so a signal has its default effect meanwhile: it ends the program. */
export function interruptible<T>(call: () => T): T {
  const handlers = names.map(name => [name, process.listeners(name)] as const)
  offInterrupt()
  try {
    return call()
  } finally {
    for (const [name, all] of handlers) for (const handler of all) process.on(name, handler as () => void)
  }
}
