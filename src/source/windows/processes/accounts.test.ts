import { test } from 'node:test'
import { deepEqual, rejects } from 'node:assert/strict'
import { utf16 } from '../../../../test/windows/made-up.ts'
import { OsError } from '../../../model/errors.ts'
import type { Calls } from '../kernel/api.ts'
import { sidText } from '../kernel/text.ts'
import { AccountNames } from './accounts.ts'

const user = 'S-1-5-21-7'
const system = 'S-1-5-18'

test('each SID is looked up once; a name without a domain stands alone', async () => {
  const lookups: string[] = []
  const accounts = new AccountNames({
    accountName: async (sid: Uint8Array) => {
      lookups.push(sidText(sid))
      return [utf16(sidText(sid) === user ? 'HOME' : ''), utf16('j\u00f6')]
    },
  } as unknown as Calls)
  for (let i = 0; i < 2; i++) {
    deepEqual(
      [...(await accounts.find([user, user, system]))],
      [
        [user, 'HOME\\j\u00f6'],
        [system, 'j\u00f6'],
      ],
    )
  }
  deepEqual(lookups, [user, system])
})

test('a domain that does not answer does not hold up the snapshot, and its name is there later', async () => {
  let answer!: (name: readonly Uint8Array[]) => void
  const slow = new Promise<readonly Uint8Array[]>(resolve => (answer = resolve))
  const accounts = new AccountNames({ accountName: () => slow } as unknown as Calls)
  deepEqual([...(await accounts.find([user]))], [])
  answer([utf16('FAR'), utf16('anna')])
  await slow
  deepEqual([...(await accounts.find([user]))], [[user, 'FAR\\anna']])
})

test('a SID that no account has stays a SID; a mistake of ours is not swallowed', async () => {
  const answer = (error: Error): AccountNames => new AccountNames({ accountName: () => Promise.reject(error) } as unknown as Calls)
  deepEqual([...(await answer(new OsError('LookupAccountSidW', 'ERROR_NONE_MAPPED')).find([user]))], [])
  await rejects(answer(new RangeError('ours')).find([user]), RangeError)
})
