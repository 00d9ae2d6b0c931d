// Names of hosts, looked up beside the hot path, for a limited time and number.

import { reverse } from 'node:dns/promises'

const patienceMs = 1500
const max = 256
const unspecified = new Set(['0.0.0.0', '::'])

/** The names of the addresses by reverse lookup. What is not answered in time has none. */
export async function hostNames(addresses: Iterable<string>): Promise<ReadonlyMap<string, string>> {
  const hosts = new Map<string, string>()
  const requested = [...new Set(addresses)].filter(a => !unspecified.has(a)).slice(0, max)
  const asked = requested.map(async address => {
    const [name] = await reverse(address.replace(/^::ffff:(?=\d+\.)/, '')).catch(() => [])
    if (name !== undefined) hosts.set(address, name)
  })
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<void>(resolve => (timer = setTimeout(resolve, patienceMs)))
  await Promise.race([Promise.all(asked), timeout])
  clearTimeout(timer)
  return hosts
}
