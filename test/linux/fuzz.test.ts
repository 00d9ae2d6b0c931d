// Damaged answers of the kernel: whatever byte is cut or changed, there are sockets and gaps, never an exception, and nothing hangs.
import { test } from 'node:test'
import { equal, ok } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { Protocol } from '../../src/model/socket.ts'
import { listScripted } from './scripted.ts'

const folder = 'test/golden/linux'
const tables: readonly (readonly [question: string, protocol: Protocol, file: string])[] = [
  ['tcp ipv4', 'tcp', 'tcp-ipv4.bin'],
  ['tcp ipv6', 'tcp', 'tcp-ipv6.bin'],
  ['udp ipv4', 'udp', 'udp-ipv4.bin'],
  ['mptcp ipv4', 'mptcp', 'mptcp-ipv4.bin'],
  ['unix', 'unix', 'unix.bin'],
  ['packet', 'packet', 'packet.bin'],
  ['netlink', 'netlink', 'netlink.bin'],
  ['/proc/net/tcp6', 'tcp', 'proc/net/tcp6'],
  ['/proc/net/unix', 'unix', 'proc/net/unix'],
  ['/proc/net/packet', 'packet', 'proc/net/packet'],
  ['/proc/net/netlink', 'netlink', 'proc/net/netlink'],
  ['/proc/net/raw', 'raw', 'proc/net/raw'],
]

/** A generator of numbers from a fixed seed: each run tries the same damage. */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

for (const [question, protocol, file] of tables) {
  test(`${question}, damaged`, async () => {
    const whole = new Uint8Array(readFileSync(`${folder}/${file}`))
    const random = numbers(whole.length)
    const read = async (bytes: Uint8Array): Promise<number> => (await listScripted({ [question]: [[bytes]] }, [protocol])).sockets.length
    const count = await read(whole)
    ok(count > 0)
    // A table of n sockets can be misread as more, but never as many more than its bytes can hold.
    const max = Math.max(count, whole.length / 16)
    for (let i = 0; i < 150; i++) ok((await read(whole.subarray(0, random(whole.length)))) <= max)
    for (let i = 0; i < 250; i++) {
      const damaged = whole.slice()
      for (let n = random(4) + 1; n > 0; n--) damaged[random(damaged.length)] = random(4) === 0 ? 255 : random(256)
      ok((await read(damaged)) <= max)
    }
    equal(await read(whole), count)
  })
}
