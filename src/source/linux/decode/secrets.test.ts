import { test } from 'node:test'
import { equal, ok } from 'node:assert/strict'
import { attribute, message } from '../kernel/netlink.ts'
import { blankSecrets } from './secrets.ts'
import { inetDiagMsg } from '../kernel/structs.ts'

test('keys and what BPF programs keep are blanked, and nothing else', () => {
  const signature = new Uint8Array(100)
  signature.set([2, 32, 6, 0, 10, 0, 0, 1])
  signature.set(Buffer.from('secret'), 20)
  const fixed = inetDiagMsg.write({ family: 2, state: 1, inode: 7 })
  const two = new Uint8Array([...signature, ...signature])
  const answer = message(20, 2, fixed, attribute(18, two), attribute(20, Buffer.from('private!')), attribute(8, new Uint8Array([3])))
  const before = answer.slice()
  blankSecrets(answer)
  const text = Buffer.from(answer).toString('latin1')
  ok(!text.includes('secret') && !text.includes('private'))
  // The addresses of the keys, the fixed part and the other attribute are as they were.
  const changed = answer.filter((byte, i) => byte !== before[i]).length
  equal(changed, 2 * 'secret'.length + 'private!'.length)
})
