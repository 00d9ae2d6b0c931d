// Waiting that can be called off.

import { setTimeout as sleep } from 'node:timers/promises'

/** True after the time, false as soon as it is called off. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await sleep(ms, undefined, signal && { signal })
    return true
  } catch (error) {
    if (signal?.aborted) return false
    throw error
  }
}
